"""What a caller gives, checked: content, options, stream keys, activity ids and dismissals.

Django starts without pydantic: its models are imported here, by the first call that needs them.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, TypeAlias, TypedDict, TypeVar, Union

from django_liveactivity.exceptions import InvalidInputError

from .encoding import normalized_scalar
from .endpoints import DISMISSAL_UNITS, TYPE_NAMES

STREAM_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
STREAM_KEY_RULE = "give 1 to 255 of the characters A-Z, a-z, 0-9, underscore and hyphen"
ACTIVITY_ID = re.compile(r"[!-~]{1,255}")
ACTIVITY_ID_RULE = (
    "give the id as the vendor gave it: 1 to 255 printable ASCII characters, no spaces"
)
LONGEST_DISMISSAL = timedelta(hours=4)
LONGEST_DURATION = timedelta(days=366)
"""Of a time to live, and until a scheduled end: what is longer is a mistake."""
AnyContent = TypeVar("AnyContent")
DismissAfter = TypeVar("DismissAfter")


def check_stream_key(key: object) -> str:
    """Return *key* if it is 1 to 255 ASCII letters, digits, underscores and hyphens.

    Raises:
        InvalidInputError: at ``stream_key``. The key becomes part of a URL's path.
    """
    key = normalized_scalar(key)
    # fullmatch, as the vendor's own pattern ends in "$", which lets a trailing newline through.
    if isinstance(key, str) and STREAM_KEY.fullmatch(key):
        return key
    raise InvalidInputError.at("stream_key", STREAM_KEY_RULE)


def check_activity_id(value: object) -> str:
    """Return *value* if it is 1 to 255 printable ASCII characters without spaces.

    Raises:
        InvalidInputError: at ``activity_id``.
    """
    value = normalized_scalar(value)
    if isinstance(value, str) and ACTIVITY_ID.fullmatch(value):
        return value
    raise InvalidInputError.at("activity_id", ACTIVITY_ID_RULE)


def check_dismiss_after(value: object) -> int:
    """Return how long the ended card stays, in whole seconds, fractions rounded up.

    Raises:
        InvalidInputError: at ``dismiss_after``, unless it is a timedelta of 0 s to 4 h (iOS removes
            ended cards after about 4 hours).
    """
    if isinstance(value, timedelta) and timedelta(0) <= value <= LONGEST_DISMISSAL:
        return math.ceil(value.total_seconds())
    raise InvalidInputError.at("dismiss_after", "give a timedelta of 0 seconds to 4 hours")


def take_dismissal(
    content: AnyContent, dismiss_after: DismissAfter, *, unset: object = None
) -> tuple[AnyContent | dict[str, object], DismissAfter | timedelta]:
    """Take the dismissal out of the content of an end, which is its place in the vendor's API.

    Args:
        content: what the caller gave; a mapping may have ``auto_dismiss_seconds`` (0 to 14,400)
            or ``auto_dismiss_minutes`` (0 to 240), as ``content_state`` in the API description.
        dismiss_after: what the caller gave beside it.
        unset: the *dismiss_after* of a caller who gave none.

    Returns:
        The content without these fields, and how long the ended card stays.

    Raises:
        InvalidInputError: at the field, unless it is a whole number in its range and agrees with
            *dismiss_after* and with the other field.
    """
    if not isinstance(content, Mapping):
        return content, dismiss_after
    result: DismissAfter | timedelta = dismiss_after
    source = "dismiss_after"
    for name in DISMISSAL_UNITS:
        if content.get(name) is None:
            continue
        value = _dismissal(name, normalized_scalar(content[name]))
        if result is not unset and result != value:
            raise InvalidInputError.at(name, f"contradicts {source}; give only one of them")
        result, source = value, name
    return {k: v for k, v in content.items() if k not in DISMISSAL_UNITS}, result


def _dismissal(name: str, value: object) -> timedelta:
    unit, length = DISMISSAL_UNITS[name]
    most = LONGEST_DISMISSAL // length
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= most:
        return value * length
    raise InvalidInputError.at(name, f"give a whole number of {unit} from 0 to {most}")


if TYPE_CHECKING:
    from .cards import Action, AlertMessage, Content, Options

ContentInput: TypeAlias = Union["Content", Mapping[str, object]]
"""Content as a caller may give it."""

# In this order: value alone is a readout, with upper_limit it is progress.
_DISTINCTIVE_FIELDS = {
    "progress": {"percentage", "upper_limit"},
    "segmented_progress": {"current_step", "number_of_steps", "step_color", "step_colors"},
    "metrics": {"metrics"},  # stats have the same fields, and no type is sent
    "alert": {"message"},
    "timer": {"duration_seconds", "counts_down", "is_running"},
    "value": {"value"},
}


class OptionFields(TypedDict, total=False):
    """The options beside the content, as keyword arguments; see ``Options``."""

    action: Action | Mapping[str, object] | None
    secondary_action: Action | Mapping[str, object] | None
    alert: AlertMessage | Mapping[str, object] | None
    channels: Iterable[str] | None
    tags: Iterable[str] | None
    metadata: Mapping[str, object] | None


def parse_content(content: ContentInput, *, own_type: str | None = None) -> Content:
    """Return the content that a mapping describes.

    Args:
        content: the fields of one content type, with or without ``type``; or content, returned as
            it is.
        own_type: the type that the card is known to have.

    Values are taken as ``normalized`` gives them. Without ``type`` and *own_type* the fields tell
    the class, and no type is sent.

    Raises:
        InvalidInputError: names the field; at ``type`` if it is unknown or not *own_type*.
    """
    from .cards import CONTENT_TYPES, Content  # noqa: PLC0415 - loads pydantic

    if isinstance(content, Content):
        _check_type(content.type, own_type)
        return content
    if not isinstance(content, Mapping):
        raise InvalidInputError.at("content", "Give content such as Progress(title=…), or a dict.")
    fields = Content.normalized(content)
    given = fields.get("type")
    if given is not None and given not in TYPE_NAMES:
        raise InvalidInputError.at("type", f"give one of {', '.join(TYPE_NAMES)}")
    _check_type(given, own_type)
    if name := given or own_type:
        return CONTENT_TYPES[name].model_validate(fields)
    return CONTENT_TYPES.get(type_of(fields), Content).model_validate({**fields, "type": None})


def type_of(content: Mapping[str, object]) -> str:
    """Return the type that content names or that its fields imply; "" if there is none."""
    if content.get("type") in TYPE_NAMES:
        return str(content["type"])
    inferred = (name for name, own in _DISTINCTIVE_FIELDS.items() if not own.isdisjoint(content))
    return next(inferred, "")


def parse_options(options: Mapping[str, object]) -> Options:
    """Return the options of a call; those that are None are not sent.

    Raises:
        InvalidInputError: names the field.
    """
    from .cards import Options  # noqa: PLC0415 - loads pydantic

    return Options.model_validate(options)


def _check_type(given: str | None, own_type: str | None) -> None:
    if given and own_type and given != own_type:
        message = f"This card is of type {own_type!r}, and the content of {given!r}."
        raise InvalidInputError.at("type", message)
