"""The body of a call, put together from content and options that were checked before."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError

from .endpoints import ENDPOINTS, Endpoint, EndpointSpec, takes_secondary_action

if TYPE_CHECKING:
    from collections.abc import Mapping


def assemble(
    endpoint: Endpoint,
    content: Mapping[str, Any] | None,
    options: Mapping[str, Any],
    dismiss_seconds: int | None,
) -> dict[str, Any]:
    """Return the body without ``activity_id``; empty means that none is sent.

    Args:
        endpoint: the call to make.
        content: as ``Content.wire()`` gave it; None only ends a stream as it is.
        options: as ``Options.wire()`` gave it; what this endpoint does not take is left out.
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
    kept = {name: value for name, value in content.items() if name not in takes.left_out}
    if not takes_secondary_action(content.get("type")):
        options = {name: value for name, value in options.items() if name != "secondary_action"}
    return {"content_state": {**kept, **dismissal}, **_envelope(takes, options)}


def _dismissal(takes: EndpointSpec, endpoint: Endpoint, seconds: int | None) -> dict[str, int]:
    if seconds is None:
        return {}
    if takes.dismissal is None:
        raise InvalidInputError.at("dismiss_after", f"belongs to an end, not to {endpoint}")
    name, unit = takes.dismissal
    return {name: math.ceil(seconds / unit)}


def _envelope(takes: EndpointSpec, options: Mapping[str, Any]) -> dict[str, Any]:
    taken = {name: value for name, value in options.items() if name in takes.options}
    if takes.channels_in and "channels" in taken:
        taken[takes.channels_in] = {"channels": taken.pop("channels")}
    return taken
