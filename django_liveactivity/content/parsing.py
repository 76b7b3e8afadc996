"""From what a caller gives to content and options of the right type.

Django starts without pydantic: the models are imported here, by the first call that needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, TypeAlias, TypedDict

from django_liveactivity.exceptions import InvalidInputError

from .endpoints import TYPE_NAMES

if TYPE_CHECKING:
    from .cards import Action, AlertMessage, Content, Options

ContentInput: TypeAlias = "Content | Mapping[str, object]"
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
    """What may travel beside the content, as keyword arguments; see ``Options``."""

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
    """Return the type that content says, or that its fields tell; "" if neither does."""
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
