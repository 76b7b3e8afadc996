"""The forms that end cards: one card on its page, or several cards of any type."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from django import forms
from django.conf import settings
from django.http import QueryDict
from django.utils import timezone
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import TYPE_NAMES, Endpoint
from django_liveactivity.content.json_schema import content_outline, option_outline
from django_liveactivity.content.parsing import parse_content, parse_options
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation, from_datetime

from .content_fields import form_field
from .content_form import PRESELECTED, ContentForm, is_empty, nested
from .end_target import EndTarget, shown_by
from .form_errors import place_errors
from .forms import MINUTE, SECOND, Dismissal, EndForm, When
from .labels import TYPES

if TYPE_CHECKING:
    from django.forms import BoundField

    from django_liveactivity.content.parsing import OptionFields
    from django_liveactivity.services.writer import EndOptions


CONTENT_FIELDS = ("title", "subtitle", "color", "icon")
OPTION_FIELDS = ("action",)
"""What every type has, and so the form for cards of several types."""
ENDPOINT = Endpoint.END_STREAM
HELP_TEXTS = {
    "title": _("If empty, each card keeps its own."),
    "subtitle": _("If empty, each card keeps its own."),
}


class TypeForm(forms.Form):
    """The type of a card, if it is not known."""

    type = forms.ChoiceField(
        label=_("Type"),
        help_text=_("What the phones show. The fields below follow."),
        choices=[("", _("Only a title")), *TYPES.items()],
        required=False,
    )


class SingleEndForm(EndForm):
    """How and when one card ends; prefilled from an existing end."""

    def __init__(
        self,
        data: Mapping[str, Any] | None,
        initial: dict[str, Any],
        existing: Operation | None,
    ) -> None:
        super().__init__(data, initial=initial)
        seconds = existing.dismiss_seconds if existing else None
        self._seconds = seconds
        if seconds is not None:
            chosen = Dismissal.MINUTES if seconds else Dismissal.AT_ONCE
            self.fields["dismissal"].initial = chosen
            self.fields["dismiss_minutes"].initial = -(-seconds * SECOND // MINUTE) or None
        if existing is not None and existing.is_scheduled:
            self.fields["at"].initial = existing.due
        zone = timezone.get_current_timezone_name()
        if not settings.USE_TZ:  # then a form takes times as they are, whatever zone is activated
            zone = timezone.get_default_timezone_name()
        self.fields["at"].help_text = gettext("Time zone: %(name)s.") % {"name": zone}

    @property
    def end_options(self) -> EndOptions:
        """The arguments of ``end_activity`` that the form sets."""
        options = super().end_options
        untouched = not {"dismissal", "dismiss_minutes"} & set(self.changed_data)
        if self._seconds is not None and untouched:  # to the second, not to the minute
            options["dismiss_after"] = self._seconds * SECOND
        return options

    @property
    def dismiss_seconds(self) -> int | None:
        """How long the ended card stays, in seconds; of the existing end until a form is sent."""
        return super().dismiss_seconds if self.is_bound else self._seconds

    def is_due_as(self, end: Operation) -> bool:
        """Return whether an end is due when this form says."""
        given = self.cleaned_data
        if given["when"] == When.AT:
            return end.due_at == from_datetime(given["at"])
        minutes = given["after_minutes"] if given["when"] == When.AFTER else 0
        return round((end.due - end.created) / MINUTE) == minutes


class EndForms:
    """The forms on the page that ends one card.

    Args:
        target: the card.
        posted: the fields that were posted, or None.
        sources: the operations that the posted form was prefilled from.
        is_checked: whether what was posted is checked, or only shown again.
        asked_type: the type to begin with, if the card's is not known.
    """

    def __init__(
        self,
        target: EndTarget,
        posted: QueryDict | None = None,
        sources: tuple[int, ...] | None = None,
        *,
        is_checked: bool = True,
        asked_type: str = "",
    ) -> None:
        self.target, self.posted = target, posted
        card, state = target.card, target.state
        self.sources = state.sources if sources is None else sources
        shown = shown_by(target, self.sources)
        own_type = shown.content_type
        data = posted if is_checked else None
        typed = {} if posted is None or is_checked else posted.dict()
        first = {"type": asked_type or (card.type if card else "")} | typed
        self.type = None if own_type else TypeForm(data, initial=first)
        asked = own_type or (posted.get("type", "") if posted is not None else first["type"])
        self.content = ContentForm(
            data,
            typed,
            endpoint=Endpoint.END_STREAM if target.by_key else Endpoint.END,
            content_type=asked if asked in TYPE_NAMES else "",
            shown=shown,
            title=card.title if card and not target.by_key else "",
        )
        self.how = SingleEndForm(data, typed, state.end)

    @property
    def all(self) -> list[forms.Form]:
        """The forms in the order of the page."""
        return [*([self.type] if self.type else []), self.content, self.how]

    @property
    def has_errors(self) -> bool:
        """Whether a form has errors."""
        return any(form.errors for form in self.all)

    def prefilled(self) -> EndForms:
        """Return the same forms, with the card's values in the fields that are empty."""
        fresh = EndForms(self.target)
        data = self.posted.copy() if self.posted is not None else QueryDict(mutable=True)
        for bound in fresh.content:
            if not data.get(bound.name):
                data[bound.name] = "" if (value := bound.value()) is None else str(value)
        return EndForms(self.target, data)

    @property
    def says_content(self) -> bool:
        """Whether the user typed content for the ended card."""
        return not self.content.is_valid() or self.content.content is not None

    @property
    def options(self) -> EndOptions:
        """The arguments of ``end_activity`` besides the content; of valid forms only."""
        return cast("EndOptions", {**self.content.options, **self.how.end_options})

    @property
    def reason(self) -> str:
        """The operator's reason."""
        reason: str = self.how.cleaned_data["reason"]
        return reason


def _name(path: str) -> str:
    return path.partition(".")[0]


class EndCardsForm(EndForm):
    """How and when several cards end, and what they show then; empty fields change nothing.

    Once the form is valid, ``changes`` and ``end_options`` are what the service is given.
    """

    def __init__(self, data: Mapping[str, Any] | None = None) -> None:
        super().__init__(data)
        every = (*content_outline(ENDPOINT), *option_outline(ENDPOINT))
        self._outlines = {
            each.path: each for each in every if _name(each.path) in CONTENT_FIELDS + OPTION_FIELDS
        }
        for path, outline in self._outlines.items():
            self.fields[path] = form_field(outline, PRESELECTED.get(path))
            self.fields[path].help_text = HELP_TEXTS.get(path, self.fields[path].help_text)

    def clean(self) -> dict[str, Any]:
        """Check the content by the models that the service uses."""
        given = super().clean()
        if not self.errors:
            try:
                parse_content({"title": "any", **self.changes})
                parse_options(self.options)
            except InvalidInputError as error:
                place_errors(error, self)
        return given

    @property
    def changes(self) -> JSONObject:
        """The fields of content that change when the cards end."""
        return self._values(CONTENT_FIELDS)

    @property
    def options(self) -> OptionFields:
        """What travels beside the content when the cards end."""
        return cast("OptionFields", self._values(OPTION_FIELDS))

    @property
    def end_options(self) -> EndOptions:
        """The arguments of ``end_cards`` besides the content."""
        return {**super().end_options, **self.options}

    @property
    def content_fields(self) -> list[BoundField]:
        """The fields of what the cards show."""
        return [self[path] for path in self._outlines]

    @property
    def own_fields(self) -> list[BoundField]:
        """The fields of how and when they end."""
        return [bound for bound in self if bound.name not in self._outlines]

    @property
    def shows_something(self) -> bool:
        """Whether a field of the content has a value or an error."""
        return any(
            bound.errors or not is_empty(bound.value())
            for bound in self.content_fields
            if bound.name not in PRESELECTED
        )

    def _values(self, names: Sequence[str]) -> JSONObject:
        """Return the values of these fields; a preselected one alone makes no object."""
        given = self.cleaned_data
        values = {
            path: given[path]
            for path in self._outlines
            if _name(path) in names and not is_empty(given.get(path))
        }
        there = {_name(path) for path in values if path not in PRESELECTED}
        kept = {p: v for p, v in values.items() if "." not in p or _name(p) in there}
        return nested(kept)
