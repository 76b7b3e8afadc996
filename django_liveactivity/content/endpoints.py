"""What each of the vendor's five calls takes: one table, its checks, and the request bodies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django_liveactivity.exceptions import ContentRequiredError, FieldError, InvalidInputError

from .encoding import CONTENT_LIMIT, OPTIONS_LIMIT, JSONObject, JSONValue, encode

if TYPE_CHECKING:
    from .cards import Content, Options


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


DISMISSAL_UNITS = {
    "auto_dismiss_seconds": ("seconds", timedelta(seconds=1)),
    "auto_dismiss_minutes": ("minutes", timedelta(minutes=1)),
}
"""The content fields that say how long an ended card stays, and the unit of each."""

Alternatives = tuple[tuple[str, ...], ...]
"""Ways to be complete, by the fields that must be there, or be False; one of them suffices."""


@dataclass(frozen=True, slots=True)
class EndpointSpec:
    """What one endpoint takes.

    Attributes:
        required: by content type, the alternatives of which one must be complete.
        options: the fields that it takes beside the content.
        type_required: whether the content must name its type.
        content_required: whether there must be content at all.
        left_out: content fields that are never sent there.
        channels_in: the object that holds ``channels``; empty for the body itself.
        dismissal: the content field for the dismissal; empty for what does not end a card.
    """

    required: Mapping[str, Alternatives]
    options: frozenset[str]
    type_required: bool = False
    content_required: bool = True
    left_out: frozenset[str] = frozenset()
    channels_in: str = ""
    dismissal: str = ""


# In the order in which messages name them.
_LATER: Mapping[str, Alternatives] = {
    "segmented_progress": (("current_step",),),
    "progress": (("percentage",), ("value", "upper_limit")),
    "metrics": (("metrics",),),
    "stats": (("metrics",),),
    "alert": (("message",),),
    "timer": ((),),
    "value": (("value",),),
}
TYPE_NAMES = tuple(_LATER)
# A PUT may have to start the card, but only the vendor knows whether a timer's window is running.
_STREAM = {**_LATER, "segmented_progress": (("number_of_steps", "current_step"),)}
_START = {**_STREAM, "timer": (("duration_seconds",), ("counts_down=False",))}

CARD_OPTIONS = frozenset({"action", "secondary_action", "tags", "metadata"})
"""Options of the card, not of one call: every endpoint takes them, and an end keeps the newest."""
_FROZEN_TIMER = frozenset({"duration_seconds"})

ENDPOINTS: Mapping[Endpoint, EndpointSpec] = {
    Endpoint.START: EndpointSpec(
        required=_START,
        options=CARD_OPTIONS | {"alert", "channels"},
        type_required=True,
        channels_in="target",
    ),
    Endpoint.UPDATE: EndpointSpec(required=_LATER, options=CARD_OPTIONS),
    Endpoint.END: EndpointSpec(
        required=_LATER,
        options=CARD_OPTIONS,
        left_out=_FROZEN_TIMER,
        dismissal="auto_dismiss_minutes",
    ),
    Endpoint.STREAM: EndpointSpec(
        required=_STREAM, options=CARD_OPTIONS | {"alert", "channels"}, type_required=True
    ),
    Endpoint.END_STREAM: EndpointSpec(
        required=_LATER,
        options=CARD_OPTIONS | {"alert"},
        content_required=False,
        left_out=_FROZEN_TIMER,
        dismissal="auto_dismiss_seconds",
    ),
}

SECONDARY_ACTION_TYPES = frozenset({"value", "alert", "segmented_progress", "progress"})


def takes_secondary_action(content_type: object) -> bool:
    """Return whether a card of this type shows a second button; an unknown type may."""
    return content_type is None or content_type in SECONDARY_ACTION_TYPES


def check_content(endpoint: Endpoint, content: Content) -> JSONObject:
    """Return content ready for JSON, or refuse content that this endpoint does not take.

    Raises:
        InvalidInputError: names the field; at ``content`` if it is larger than 16 KiB of JSON.
    """
    body = content.to_json()
    takes = ENDPOINTS[endpoint]
    if takes.type_required and content.type is None:
        message = f"is required to {endpoint}; use the class of {', '.join(TYPE_NAMES)}"
        raise InvalidInputError.at("type", message)
    if content.type is not None:
        _check_complete(endpoint, takes.required[content.type], body)
    if len(encode(body)) > CONTENT_LIMIT:
        raise InvalidInputError.at("content", f"exceeds {CONTENT_LIMIT} bytes of JSON; shorten it")
    return body


def check_options(endpoint: Endpoint, content_type: str | None, options: Options) -> JSONObject:
    """Return options ready for JSON, or refuse what is not taken with content of this type.

    Args:
        endpoint: the call to make.
        content_type: the card's type, None if unknown.
        options: what travels beside the content.

    Raises:
        InvalidInputError: names every option that is refused; at ``body`` if they are too large.
    """
    given = options.to_json()
    taken = ENDPOINTS[endpoint].options
    refused = [_refused(endpoint, name) for name in given if name not in taken]
    if "secondary_action" in given and not takes_secondary_action(content_type):
        shown = ", ".join(sorted(SECONDARY_ACTION_TYPES))
        message = f"is not shown on {content_type}, only on {shown}"
        refused.append(FieldError("secondary_action", message))
    if len(encode(given)) > OPTIONS_LIMIT:
        message = f"all options together exceed {OPTIONS_LIMIT} bytes of JSON; shorten them"
        refused.append(FieldError("body", message))
    if refused:
        raise InvalidInputError(*refused)
    return given


def _refused(endpoint: Endpoint, name: str) -> FieldError:
    takers = ", ".join(taker for taker, takes in ENDPOINTS.items() if name in takes.options)
    return FieldError(name, f"is not taken by {endpoint}, only by {takers}")


def _check_complete(
    endpoint: Endpoint, alternatives: Alternatives, body: Mapping[str, JSONValue]
) -> None:
    given = body.keys() | {f"{name}=False" for name, value in body.items() if value is False}
    if any(given.issuperset(way) for way in alternatives):
        return
    missing = next(field for field in alternatives[0] if field not in given)
    ways = ", or ".join(map(" with ".join, alternatives))
    raise InvalidInputError.at(missing, f"is required to {endpoint}; give {ways}")


def assemble(
    endpoint: Endpoint,
    content: Mapping[str, JSONValue] | None,
    options: Mapping[str, JSONValue],
    dismiss_seconds: int | None,
) -> JSONObject:
    """Return the body without ``activity_id``; empty means that none is sent.

    Args:
        endpoint: the call to make.
        content: as ``Content.to_json()`` gave it; None only ends a stream as it is.
        options: as ``Options.to_json()`` gave it; what this endpoint does not take is left out.
        dismiss_seconds: how long the ended card stays, 0 to 14,400 s; None leaves it to the vendor.

    Raises:
        ContentRequiredError: at ``content``, if this call cannot do without.
        InvalidInputError: at ``dismiss_after``, if this call does not end a card.
    """
    takes = ENDPOINTS[endpoint]
    dismissal = _dismissal(takes, endpoint, dismiss_seconds)
    if content is None:
        if takes.content_required or dismissal:
            raise ContentRequiredError.at("content", "give content with at least a title")
        return _envelope(takes, options)
    sent = {name: value for name, value in content.items() if name not in takes.left_out}
    if not takes_secondary_action(content.get("type")):
        options = {name: value for name, value in options.items() if name != "secondary_action"}
    return {"content_state": {**sent, **dismissal}, **_envelope(takes, options)}


def _dismissal(takes: EndpointSpec, endpoint: Endpoint, seconds: int | None) -> dict[str, int]:
    if seconds is None:
        return {}
    if not takes.dismissal:
        raise InvalidInputError.at("dismiss_after", f"belongs to an end, not to {endpoint}")
    _, unit = DISMISSAL_UNITS[takes.dismissal]
    return {takes.dismissal: math.ceil(timedelta(seconds=seconds) / unit)}


def _envelope(takes: EndpointSpec, options: Mapping[str, JSONValue]) -> JSONObject:
    taken = {name: value for name, value in options.items() if name in takes.options}
    if takes.channels_in and "channels" in taken:
        taken[takes.channels_in] = {"channels": taken.pop("channels")}
    return taken
