"""Bind an operation to the body of its call, as late as possible. Pure."""

from collections.abc import Sequence

from django_liveactivity.client.call import Call
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import CARD_OPTIONS, Endpoint, assemble
from django_liveactivity.models import Lane, Operation

INHERITED_OPTIONS = ("channels", "tags", "metadata")
BUTTONS = ("action", "secondary_action")
UNKNOWN_TITLE = "Ended"
"""An end needs a title, and the vendor has refused all content that we know of this card."""


def content_call(lane: Lane, operation: Operation, unsent: Sequence[Operation]) -> Call:
    """Return the call that shows the newest content, with what it inherits from unsent content."""
    endpoint = Endpoint.STREAM if lane.stream_key else Endpoint.UPDATE
    inherited, content = inherit_options([*unsent, operation]), dict(operation.content or {})
    if content.get("type") == "timer" and "duration_seconds" in inherited:
        content.setdefault("duration_seconds", inherited["duration_seconds"])
    options = {k: v for k, v in inherited.items() if k in INHERITED_OPTIONS} | operation.options
    return _call(lane, endpoint, assemble(endpoint, content, options, None))


def inherit_options(operations: Sequence[Operation]) -> JSONObject:
    """Return what older content set and newer content leaves as it is.

    To the vendor an omitted tag list, metadata, channel or timer duration means "keep"; but the
    vendor never saw content that was not sent.
    """
    inherited: JSONObject = {}
    for operation in operations:
        inherited |= operation.inherited_options
        inherited |= {k: v for k, v in operation.options.items() if k in INHERITED_OPTIONS}
        content = operation.content or {}
        inherited |= {k: v for k, v in content.items() if k == "duration_seconds"}
    return inherited


def end_call(lane: Lane, ends: Sequence[Operation], newest: Operation | None) -> Call:
    """Return the call that ends the card with what it was last meant to show."""
    endpoint = Endpoint.END_STREAM if lane.stream_key else Endpoint.END
    content, options = _final(lane, ends, newest)
    if content is None and endpoint == Endpoint.END:
        content = {"title": UNKNOWN_TITLE}
    if any(end.stripped for end in ends):
        title: JSONObject = {"content_state": {"title": content["title"]}} if content else {}
        return _call(lane, endpoint, {} if lane.stream_key else title)
    dismissals = [e.dismiss_seconds for e in ends if e.dismiss_seconds is not None]
    dismiss = dismissals[-1] if dismissals and content is not None else None
    if _phone_is_up_to_date(lane, ends, newest, dismiss):
        content = None
        options = {}
    return _call(lane, endpoint, assemble(endpoint, content, options, dismiss))


def _final(
    lane: Lane, ends: Sequence[Operation], newest: Operation | None
) -> tuple[JSONObject | None, JSONObject]:
    """Return the newest intended content, an end's own before any other, and its options."""
    options = ends[-1].options
    with_content = [e for e in ends if e.content is not None]
    if with_content:
        return with_content[-1].content, with_content[-1].options | options
    if newest is None:
        return None, options
    names = BUTTONS if newest.id == lane.displayed_id else CARD_OPTIONS
    intended = newest.inherited_options | newest.options
    return newest.content, {k: v for k, v in intended.items() if k in names} | options


def _phone_is_up_to_date(
    lane: Lane, ends: Sequence[Operation], newest: Operation | None, dismiss: int | None
) -> bool:
    """Tell whether a stream can end without a body: the vendor then shows its latest state."""
    return (
        bool(lane.stream_key)
        and dismiss is None
        and not any(e.content or e.options for e in ends)
        and newest is not None
        and newest.id == lane.displayed_id
    )


def _call(lane: Lane, endpoint: Endpoint, body: JSONObject) -> Call:
    return Call(endpoint, lane.stream_key or lane.activity_id, body)
