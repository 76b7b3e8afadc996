"""The managed lifecycle: PUT shows the latest state of a stream, DELETE ends it."""

from __future__ import annotations

import re

from .calls import DEVICES, ReceivedCall, Reply, accepted, delivery_report
from .contract import PayloadError, RefusedCallError, check_final, check_shown, requested_channels
from .phone import PhoneCard, Stream, next_display

_STREAM_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_BUSY_UPDATES = 12
_BUSY_SECONDS = 120.0
_BUSY = (
    f"More than {_BUSY_UPDATES} updates, and more than one every 2 minutes: "
    "iOS may throttle Live Activities that update this often."
)


def check_stream_key(stream_key: str) -> None:
    """Check that a stream may have this key.

    Raises:
        PayloadError: the key is not of the vendor's pattern.
    """
    if not _STREAM_KEY.fullmatch(stream_key):
        raise PayloadError(
            "stream_key must contain only letters, numbers, underscores, and hyphens"
            if len(stream_key) <= 255
            else "stream_key must have at most 255 characters",
            error="Invalid stream_key",
        )


def put(call: ReceivedCall) -> Reply:
    """Show the latest state of a stream: start, update or rotate its card."""
    stream = call.account.streams.get(call.stream_key)
    card = stream.card if stream is not None and stream.is_open else None
    card_type = call.body["content_state"].get("type")
    if card is None and card_type is None:
        raise PayloadError("content_state.type is required to start a stream")
    check_shown(call.body, "" if card is None else card.type)
    call.account.check_may_show(call.body, call.now)
    if stream is not None and stream.is_paused:
        return _reconciled(call, "paused", activity_id=None)
    if card is None or not card.is_alive or card_type not in (None, card.type):
        return _show_new(call, card)
    return _show_change(call, card)


def delete(call: ReceivedCall) -> Reply:
    """End a stream and its card."""
    stream = call.account.streams.get(call.stream_key)
    if stream is None:
        raise RefusedCallError(
            404,
            "Live Activity stream not found",
            f"No Live Activity stream found for stream_key: {call.stream_key}",
        )
    if "content_state" in call.body:
        check_final(call.body, stream.card.type)
    stream.is_open = stream.is_paused = False
    if not stream.card.is_alive:
        return _reconciled(call, "ended", activity_id=None)
    stream.card.end_by_call(call.body, call.now, minutes=2)
    report = delivery_report(call.policy.delivery)
    return _reconciled(call, "ended", activity_id=stream.card.activity_id, **report)


def _show_new(call: ReceivedCall, previous: PhoneCard | None) -> Reply:
    """Start a card, in place of the previous one if the stream is going on."""
    if previous is not None and previous.is_alive:
        previous.end(call.now, "rotated")
    card, fields = call.show_new_card(call.stream_key, previous)
    call.account.streams[call.stream_key] = Stream(card)
    fields["remote_push_sent"] = True
    if previous is None:
        return _reconciled(call, "started", **fields)
    return _reconciled(call, "rotated", **fields, previous_activity_id=previous.activity_id)


def _show_change(call: ReceivedCall, card: PhoneCard) -> Reply:
    display = next_display(card, call.body)
    if display == card.display:
        return _reconciled(call, "noop", activity_id=card.activity_id)
    card.display = display
    card.updates += 1
    fields: dict[str, object] = {
        "activity_id": card.activity_id,
        "devices_notified": DEVICES,
        "devices_queued": 0,
        "remote_push_sent": True,
    }
    if _is_busy(card, call.now):
        fields["warning"] = _BUSY
    return _reconciled(call, "updated", **fields)


def _is_busy(card: PhoneCard, now: float) -> bool:
    seconds_each = (now - card.started_at) / card.updates
    return card.updates > _BUSY_UPDATES and seconds_each < _BUSY_SECONDS


def _reconciled(call: ReceivedCall, operation: str, **fields: object) -> Reply:
    reply = accepted(
        call.now,
        operation=operation,
        stream_key=call.stream_key,
        effective_channel_slugs=requested_channels(call.body),
    )
    reply.body.update(fields)  # after accepted(): an activity_id of null is part of the reply
    return reply
