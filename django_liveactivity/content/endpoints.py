"""One table of what each endpoint takes for each content type, and the checks that read it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from django_liveactivity.exceptions import FieldError, InvalidInputError

from .encoding import CONTENT_LIMIT, OPTIONS_LIMIT, encode
from .fields import TYPE_NAMES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .cards import Content
    from .options import Options


class Endpoint(StrEnum):
    """The five calls of the vendor's API."""

    START = "start"
    """POST /live-activity/start"""
    UPDATE = "update"
    """POST /live-activity/update"""
    END = "end"
    """POST /live-activity/end"""
    STREAM = "stream"
    """PUT /live-activity/stream/{stream_key}"""
    END_STREAM = "end_stream"
    """DELETE /live-activity/stream/{stream_key}"""


Requirement = str | tuple[str, object]
"""A field that must be there, or a field that must have this very value."""
Alternatives = tuple[tuple[Requirement, ...], ...]
"""Ways to be complete; one of them suffices."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What one endpoint takes.

    Attributes:
        required: by content type, the alternatives of which one must be complete.
        options: the fields that it takes beside the content.
        type_required: whether the content must say its type.
        content_required: whether there must be content at all.
        left_out: content fields that are never sent there.
        channels_in: the object that holds ``channels``; empty for the body itself.
        dismissal: the content field for the dismissal, and its unit in seconds; or None.
    """

    required: Mapping[str, Alternatives]
    options: frozenset[str]
    type_required: bool = False
    content_required: bool = True
    left_out: frozenset[str] = frozenset()
    channels_in: str = ""
    dismissal: tuple[str, int] | None = None


_LATER: Mapping[str, Alternatives] = {
    "segmented_progress": (("current_step",),),
    "progress": (("percentage",), ("value", "upper_limit")),
    "metrics": (("metrics",),),
    "stats": (("metrics",),),
    "alert": (("message",),),
    "timer": ((),),
    "value": (("value",),),
}
# A PUT may have to start the card, but only the vendor knows whether a timer's window is running.
_STREAM = {**_LATER, "segmented_progress": (("number_of_steps", "current_step"),)}
_START = {**_STREAM, "timer": (("duration_seconds",), (("counts_down", False),))}

_ALWAYS = frozenset({"action", "secondary_action", "tags", "metadata"})
_FROZEN_TIMER = frozenset({"duration_seconds"})

ENDPOINTS: Mapping[Endpoint, EndpointSpec] = {
    Endpoint.START: EndpointSpec(
        required=_START,
        options=_ALWAYS | {"alert", "channels"},
        type_required=True,
        channels_in="target",
    ),
    Endpoint.UPDATE: EndpointSpec(required=_LATER, options=_ALWAYS),
    Endpoint.END: EndpointSpec(
        required=_LATER,
        options=_ALWAYS,
        left_out=_FROZEN_TIMER,
        dismissal=("auto_dismiss_minutes", 60),
    ),
    Endpoint.STREAM: EndpointSpec(
        required=_STREAM, options=_ALWAYS | {"alert", "channels"}, type_required=True
    ),
    Endpoint.END_STREAM: EndpointSpec(
        required=_LATER,
        options=_ALWAYS | {"alert"},
        content_required=False,
        left_out=_FROZEN_TIMER,
        dismissal=("auto_dismiss_seconds", 1),
    ),
}

SECONDARY_ACTION_TYPES = frozenset({"value", "alert", "segmented_progress", "progress"})


def takes_secondary_action(content_type: str | None) -> bool:
    """Return whether a card of this type shows a second button; an unknown type may."""
    return content_type is None or content_type in SECONDARY_ACTION_TYPES


def check_content(endpoint: Endpoint, content: Content) -> dict[str, Any]:
    """Return content ready for JSON, or refuse what this endpoint does not take as it is.

    Raises:
        InvalidInputError: names the field; at ``content`` if it is larger than 16 KiB of JSON.
    """
    # Again, because pydantic's model_copy(update=…) checks nothing.
    set_fields = {name: getattr(content, name) for name in content.model_fields_set}
    wire = type(content).model_validate(set_fields).to_json()
    takes = ENDPOINTS[endpoint]
    if takes.type_required and content.type is None:
        message = f"is required to {endpoint}; use the class of {', '.join(TYPE_NAMES)}"
        raise InvalidInputError.at("type", message)
    if content.type is not None:
        _check_complete(endpoint, takes.required[content.type], wire)
    if len(encode(wire)) > CONTENT_LIMIT:
        raise InvalidInputError.at("content", f"exceeds {CONTENT_LIMIT} bytes of JSON; shorten it")
    return wire


def check_options(endpoint: Endpoint, content_type: str | None, options: Options) -> None:
    """Refuse options that this endpoint does not take with content of this type.

    Args:
        endpoint: the call to make.
        content_type: the card's type, None if unknown.
        options: what travels beside the content.

    Raises:
        InvalidInputError: names every option that is refused; at ``body`` if they are too large.
    """
    wire = options.to_json()
    refused = [_refused(endpoint, name) for name in wire if name not in ENDPOINTS[endpoint].options]
    if "secondary_action" in wire and not takes_secondary_action(content_type):
        shown = ", ".join(sorted(SECONDARY_ACTION_TYPES))
        message = f"is not shown on {content_type}, only on {shown}; leave it out"
        refused.append(FieldError("secondary_action", message))
    if len(encode(wire)) > OPTIONS_LIMIT:
        message = f"all options together exceed {OPTIONS_LIMIT} bytes of JSON; shorten them"
        refused.append(FieldError("body", message))
    if refused:
        raise InvalidInputError(*refused)


def _refused(endpoint: Endpoint, name: str) -> FieldError:
    takers = ", ".join(taker for taker, takes in ENDPOINTS.items() if name in takes.options)
    return FieldError(name, f"is not taken by {endpoint}, only by {takers}; leave it out")


def _check_complete(
    endpoint: Endpoint, alternatives: Alternatives, wire: Mapping[str, Any]
) -> None:
    if any(all(_has(wire, need) for need in way) for way in alternatives):
        return
    missing = next(_name(need) for need in alternatives[0] if not _has(wire, need))
    ways = ", or ".join(" with ".join(map(_name_with_value, way)) for way in alternatives)
    raise InvalidInputError.at(missing, f"is required to {endpoint}; give {ways}")


def _has(wire: Mapping[str, Any], need: Requirement) -> bool:
    return need in wire if isinstance(need, str) else wire.get(need[0]) is need[1]


def _name(need: Requirement) -> str:
    return need if isinstance(need, str) else need[0]


def _name_with_value(need: Requirement) -> str:
    return need if isinstance(need, str) else f"{need[0]}={need[1]}"
