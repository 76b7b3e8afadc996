"""The form fields of content, by kind: their labels, help texts and choices.

Each keeps what it was prefilled with. Rows are left out of the paths of labels: ``metrics.label``
is the label of every row.
"""

import json
import math
import re
from collections.abc import Callable, Collection
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator
from django.utils.translation import gettext_lazy as _

from django_liveactivity.content.encoding import JSONValue
from django_liveactivity.content.json_schema import FieldKind, FieldOutline

_ACTION = {
    "title": _("Text on the button"),
    "type": _("What it does"),
    "url": _("URL"),
    "method": _("Method of the webhook"),
    "body": _("Body of the webhook"),
}
LABELS = {
    "title": _("Title"),
    "subtitle": _("Subtitle"),
    "color": _("Color"),
    "icon.symbol": _("Icon"),
    "icon.color": _("Color of the icon"),
    "badge.title": _("Badge"),
    "badge.color": _("Color of the badge"),
    "percentage": _("Percentage"),
    "value": _("Value"),
    "upper_limit": _("Out of"),
    "current_step": _("Current step"),
    "number_of_steps": _("Number of steps"),
    "step_color": _("Color of the current step"),
    "step_colors": _("Colors of the completed steps"),
    "message": _("Message"),
    "counts_down": _("Counts down"),
    "is_running": _("Is running"),
    "metrics.label": _("Label"),
    "metrics.value": _("Value"),
    "metrics.unit": _("Unit"),
    "metrics.color": _("Color"),
    **{f"action.{name}": label for name, label in _ACTION.items()},
    **{f"secondary_action.{name}": label for name, label in _ACTION.items()},
    "alert.title": _("Title of the announcement"),
    "alert.body": _("Text of the announcement"),
    "tags": _("Tags"),
    "metadata": _("Metadata"),
}
HELP_TEXTS = {
    "icon.symbol": _("The name of an SF Symbol, such as checkmark.circle.fill."),
    "percentage": _("From 0 to 100; or give a value and what it is out of."),
    "step_colors": _(
        "One for each completed step, with commas: lime, green, cyan, blue, purple, magenta, red, "
        "orange, yellow, gray."
    ),
    "action.url": _("https://…; to open, also http://… or shortcuts://run-shortcut?name=…"),
    "secondary_action.url": _(
        "https://…; to open, also http://… or shortcuts://run-shortcut?name=…"
    ),
    "action.body": _("A JSON object."),
    "secondary_action.body": _("A JSON object."),
    "tags": _("One on each line. Not shown on phones."),
    "metadata": _("A JSON object. Not shown on phones."),
}
CHOICES = {
    "lime": _("Lime"),
    "green": _("Green"),
    "cyan": _("Cyan"),
    "blue": _("Blue"),
    "purple": _("Purple"),
    "magenta": _("Magenta"),
    "red": _("Red"),
    "orange": _("Orange"),
    "yellow": _("Yellow"),
    "gray": _("Gray"),
    "open_url": _("Opens a URL"),
    "webhook": _("Calls a webhook"),
}
"""The labels of choices; one without a label, such as GET, is its own."""
LONG_TEXTS = {"message", "alert.body"}
"""Texts of more than one line."""
_JSON_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")


class GreaterThanValidator(MinValueValidator):
    """Requires a number above the limit."""

    message = _("Ensure this value is greater than %(limit_value)s.")

    def compare(self, a: float, b: float) -> bool:
        return a <= b


class KeepingField(forms.Field):
    """A field that has changed only if its text has: ``40`` is not what the browser sent for 40.

    A browser takes line breaks out of a single line, and changes their kind in several.
    """

    def has_changed(self, initial: object, data: object) -> bool:
        """Return whether the text differs from the one that was shown."""
        return self._as_sent(self.prepare_value(initial)) != self._as_sent(data)

    def _as_sent(self, value: object) -> str:
        text = "" if value is None else _with_plain_line_breaks(str(value))
        return text if isinstance(self.widget, forms.Textarea) else text.replace("\n", "")


class TextField(KeepingField, forms.CharField):
    """A text, with its spaces."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(strip=False, **kwargs)

    def to_python(self, value: object) -> str:
        """Return the text with plain line breaks."""
        return _with_plain_line_breaks(super().to_python(value) or "")


class NumberField(KeepingField):
    """A number: an int if it is written as one."""

    widget = forms.NumberInput(attrs={"step": "any"})
    default_error_messages = {"invalid": _("Enter a number.")}

    def to_python(self, value: object) -> int | float | None:
        """Return the number, None for an empty field."""
        text = "" if value is None else str(value).strip()
        number = _number(text) if text else None
        if text and number is None:
            raise ValidationError(self.error_messages["invalid"], code="invalid")
        return number


class WholeNumberField(KeepingField, forms.IntegerField):
    """A whole number."""


class TextOrNumberField(TextField):
    """A text as it is; one that is a number is sent as a number, so that it makes a gauge.

    What was text stays text. A negative number is text too, unless it was a number before.
    """

    def clean(self, value: object) -> JSONValue:
        """Return the text or the number."""
        text: str = super().clean(value)
        before = self.initial
        number = None if isinstance(before, str) else _number(text)
        if number is None or (number < 0 and before is None):
            return text
        return number


class BooleanField(KeepingField, forms.TypedChoiceField):
    """Yes, no, or neither."""

    _TEXTS = {True: "true", False: "false"}

    def __init__(self, **kwargs: Any) -> None:
        choices = [("", "---------"), ("true", _("Yes")), ("false", _("No"))]
        super().__init__(choices=choices, coerce=lambda t: t == "true", empty_value=None, **kwargs)

    def prepare_value(self, value: object) -> object:
        """Return the choice that stands for a value."""
        return self._TEXTS.get(value, value) if isinstance(value, bool) else value


class ChoiceField(KeepingField, forms.ChoiceField):
    """One of a few texts, or none."""


class TextsField(TextField):
    """Texts, each on a line of its own."""

    separator = "\n"

    def prepare_value(self, value: object) -> object:
        """Return the lines."""
        return self.separator.join(value) if isinstance(value, list | tuple) else value

    def clean(self, value: object) -> list[str]:
        """Return the texts that are not empty."""
        text: str = super().clean(value)
        return [part.strip() for part in text.split(self.separator.strip(" ")) if part.strip()]


class ChoicesField(TextsField):
    """Some of a few texts, with commas between them."""

    separator = ", "
    default_error_messages = forms.ChoiceField.default_error_messages

    def __init__(self, choices: Collection[str], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._choices = choices

    def clean(self, value: object) -> list[str]:
        """Return the texts, all of which are choices."""
        texts = super().clean(value)
        for text in texts:
            if text not in self._choices:
                message, params = self.error_messages["invalid_choice"], {"value": text}
                raise ValidationError(message, code="invalid_choice", params=params)
        return texts


class ObjectField(KeepingField, forms.JSONField):
    """A JSON object; what is no JSON or is nested too deeply is an error."""

    def to_python(self, value: object) -> Any:
        try:
            return super().to_python(value)
        except (ValueError, RecursionError):  # a number of 5,000 digits; 10,000 brackets
            message = self.error_messages["invalid"]
            raise ValidationError(message, code="invalid", params={"value": value}) from None

    def bound_data(self, data: object, initial: object) -> object:  # noqa: ARG002 - Django's signature
        """Return the text as the user typed it."""
        return data

    def prepare_value(self, value: object) -> Any:
        """Return a value as text that is indented."""
        if value is None or isinstance(value, str):
            return value
        return json.dumps(value, indent=2, ensure_ascii=False)


def form_field(outline: FieldOutline, before: JSONValue = None) -> forms.Field:
    """Return the form field of an outline, not required by itself.

    Args:
        outline: the field of content or of options.
        before: what it is prefilled with.
    """
    general = outline.general_path
    field: forms.Field = _BUILD[outline.kind](
        outline,
        required=False,
        label=LABELS.get(general, general),
        help_text=HELP_TEXTS.get(general, ""),
        initial=before,
    )
    return field


def _text(outline: FieldOutline, **kwargs: Any) -> forms.Field:
    is_long = outline.general_path in LONG_TEXTS
    return TextField(widget=_lines(3) if is_long else forms.TextInput(), **kwargs)


def _whole_number(outline: FieldOutline, **kwargs: Any) -> forms.Field:
    least, most = (None if limit is None else int(limit) for limit in (outline.least, outline.most))
    return WholeNumberField(min_value=least, max_value=most, **kwargs)


def _any_number(outline: FieldOutline, **kwargs: Any) -> forms.Field:
    field = NumberField(**kwargs)
    limits = [
        ("min", outline.least, MinValueValidator),
        ("", outline.above, GreaterThanValidator),
        ("max", outline.most, MaxValueValidator),
    ]
    for attribute, limit, validator in limits:
        if limit is not None:
            field.validators.append(validator(limit))
            field.widget.attrs |= {attribute: limit} if attribute else {}
    return field


def _choice(outline: FieldOutline, **kwargs: Any) -> forms.Field:
    named = [(choice, CHOICES.get(choice, choice)) for choice in outline.choices]
    return ChoiceField(choices=[("", "---------"), *named], **kwargs)


def _lines(number: int) -> forms.Textarea:
    return forms.Textarea(attrs={"rows": number})


_BUILD: dict[FieldKind, Callable[..., forms.Field]] = {
    FieldKind.TEXT: _text,
    FieldKind.TEXTS: lambda _, **kwargs: TextsField(widget=_lines(3), **kwargs),
    FieldKind.NUMBER: _any_number,
    FieldKind.WHOLE_NUMBER: _whole_number,
    FieldKind.TEXT_OR_NUMBER: lambda _, **kwargs: TextOrNumberField(**kwargs),
    FieldKind.BOOLEAN: lambda _, **kwargs: BooleanField(**kwargs),
    FieldKind.CHOICE: _choice,
    FieldKind.CHOICES: lambda outline, **kwargs: ChoicesField(outline.choices, **kwargs),
    FieldKind.OBJECT: lambda _, **kwargs: ObjectField(widget=_lines(4), **kwargs),
}


def _number(text: str) -> int | float | None:
    """Return the JSON number in a text; None if it is not one, or not finite."""
    if not _JSON_NUMBER.fullmatch(text):
        return None
    try:
        return int(text)
    except ValueError:  # with a point or an exponent, or of thousands of digits
        number = float(text)
        return number if math.isfinite(number) else None


def _with_plain_line_breaks(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
