"""Show a service's errors beside the form fields that they are about, in words for operators."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Protocol, cast

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _

from django_liveactivity.content.encoding import CONTENT_LIMIT, DEPTH_LIMIT, OPTIONS_LIMIT
from django_liveactivity.exceptions import ContentRequiredError, FieldError, InvalidInputError

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise

OTHER_NAMES = {"dismiss_after": "dismiss_minutes", "after": "after_minutes"}
"""Arguments of the services, and the form fields for them."""
NEEDS_TITLE = _("Nothing is known that this live activity could show: give a title.")
WORDS: Mapping[str, StrPromise] = {
    "is required; give percentage, or value with upper_limit": _(
        "Give a percentage, or a value and what it is out of."
    ),
    "value and upper_limit go together; give both or neither": _(
        "Give a value and what it is out of, or neither."
    ),
    "must not exceed number_of_steps": _("The current step cannot be beyond the last step."),
    "belongs to webhooks, not to open_url": _("Only a webhook has this."),
    "contains whitespace or control characters; percent-encode them": _(
        "A URL has no spaces and no control characters; percent-encode them."
    ),
    "is not a URL; check its host and port": _("This is not a URL; check its host and its port."),
    "must start with https:// or http:// or shortcuts://": _(
        "Give a URL that begins with https://, http:// or shortcuts://."
    ),
    "must start with https://": _("Give a URL that begins with https://."),
    "has no host; give a full URL": _("Give a full URL, with its host."),
    "give shortcuts://run-shortcut?name=… with the shortcut's name": _(
        "Give shortcuts://run-shortcut?name=… with the shortcut's name."
    ),
    "give a string of 1 to 64 characters, or a number": _("Give at most 64 characters."),
    "must be 0 or more; give a string to show a negative number": _("Give a number of 0 or more."),
    "must lie within ±2**53, as JSON's readers round larger integers": _(
        "This number is too large."
    ),
    "must be finite; JSON has no NaN and no infinity": _("Give numbers that are finite."),
    "contains an unpaired surrogate, which is not text; remove it": _(
        "This contains characters that are not text; remove them."
    ),
    "contains a NUL character, which databases do not store; remove it": _(
        "Null characters are not allowed."
    ),
    f"is nested deeper than {DEPTH_LIMIT} levels; flatten it": _("This is nested too deeply."),
    "give a mapping; it is sent as a JSON object": _("Give a JSON object, in braces."),
    "give a mapping of keys to strings, numbers or booleans": _("Give a JSON object, in braces."),
    "give a string, a number or a boolean": _("Values are texts, numbers, true or false."),
    "keys have 1 to 100 characters": _("Names have at most 100 characters."),
    "give at most 4000 characters": _("Give at most 4,000 characters."),
    "give at most 64 characters": _("Each tag has at most 64 characters."),
    "give at most 20 entries": _("Give at most 20 tags."),
    "give at most 50 entries": _("Give at most 50 entries."),
    f"exceeds {CONTENT_LIMIT} bytes of JSON; shorten it": _(
        "The content is too large; shorten it."
    ),
    f"all options together exceed {OPTIONS_LIMIT} bytes of JSON; shorten them": _(
        "Buttons, announcement, tags and metadata are too large together; shorten them."
    ),
    "give 1 to 255 of the characters A-Z, a-z, 0-9, underscore and hyphen": _(
        "A stream key has 1 to 255 of the characters A-Z, a-z, 0-9, underscore and hyphen."
    ),
    "give the id as the vendor gave it: 1 to 255 printable ASCII characters, no spaces": _(
        "Give the ID as ActivitySmith gave it: 1 to 255 printable characters, without spaces."
    ),
}
"""Messages for operators, by the messages for programmers; any other is shown as it is."""


class _KnowsPaths(Protocol):
    def field_of(self, path: str) -> str | None: ...


def in_words(message: str) -> StrPromise | str:
    """Return the message for operators."""
    return WORDS.get(message) or capfirst(message)


def place_errors(error: InvalidInputError, *given: forms.Form) -> None:
    """Add a service's errors to the fields of forms, or to the first form."""
    errors = error.errors
    if isinstance(error, ContentRequiredError):
        errors = (FieldError("title", str(NEEDS_TITLE)),)
    for path, message in errors:
        found = ((form, _field_of(form, path)) for form in given)
        form, name = next((place for place in found if place[1]), (given[0], None))
        form.add_error(name, cast("str", in_words(message)))


def nearest(path: str, fields: Collection[str]) -> str | None:
    """Return the field at a path, the one that contains it, or the first inside it."""
    name = OTHER_NAMES.get(path, path)
    while name and name not in fields:
        name = name.rpartition(".")[0]
    return name or next((each for each in fields if each.startswith(f"{path}.")), None)


def _field_of(form: forms.Form, path: str) -> str | None:
    if hasattr(form, "field_of"):
        return cast("_KnowsPaths", form).field_of(path)
    return nearest(path, form.fields)
