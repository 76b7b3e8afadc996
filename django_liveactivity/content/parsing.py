"""From a mapping, as JSON or a form gives it, to content of the right type."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django_liveactivity.exceptions import InvalidInputError

from .cards import (
    CONTENT_TYPES,
    Alert,
    Content,
    Metrics,
    Progress,
    SegmentedProgress,
    Timer,
    Value,
)
from .fields import TYPE_NAMES

# In this order: value alone is a readout, with upper_limit it is progress.
_DISTINCTIVE_FIELDS: tuple[tuple[type[Content], tuple[str, ...]], ...] = (
    (Progress, ("percentage", "upper_limit")),
    (
        SegmentedProgress,
        ("current_step", "number_of_steps", "step_color", "step_colors"),
    ),
    (Metrics, ("metrics",)),  # stats have the same fields, and no type is sent
    (Alert, ("message",)),
    (Timer, ("duration_seconds", "counts_down", "is_running")),
    (Value, ("value",)),
)


def parse_content(data: Mapping[str, Any] | Content, *, own_type: str | None = None) -> Content:
    """Return the content that a mapping describes.

    Args:
        data: the fields of one content type, with or without ``type``; or content, returned as is.
        own_type: the type that the card is known to have.

    Values are taken as ``normalized`` gives them. Without ``type`` and *own_type* the fields tell
    the class, and no type is sent.

    Raises:
        InvalidInputError: names the field; at ``type`` if it is unknown or not *own_type*.
    """
    if isinstance(data, Mapping):
        data = Content.normalized(data)
    given = data.type if isinstance(data, Content) else _type_of(data)
    if given and own_type and given != own_type:
        raise InvalidInputError.at("type", f"is {given}, but this card is {own_type}; keep that")
    if isinstance(data, Content):
        return data
    if name := given or own_type:
        return CONTENT_TYPES[name].model_validate(dict(data))
    return _inferred(data).model_validate({**data, "type": None})


def _type_of(data: object) -> str | None:
    if not isinstance(data, Mapping):
        raise InvalidInputError.at("content", "give content, such as Progress(…), or a mapping")
    given = data.get("type")
    if given is None or (isinstance(given, str) and given in TYPE_NAMES):
        return given
    raise InvalidInputError.at("type", f"give one of {', '.join(TYPE_NAMES)}")


def _inferred(data: Mapping[str, Any]) -> type[Content]:
    return next(
        (cls for cls, names in _DISTINCTIVE_FIELDS if any(map(data.__contains__, names))), Content
    )
