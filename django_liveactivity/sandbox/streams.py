"""The managed lifecycle: PUT shows the latest state of a stream, DELETE ends it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from .accounts import Stream
from .answers import DEVICES, Answer, RefusedError, accepted, reach
from .bodies import requested_channels
from .phone import Card, final_content, next_content
from .rules import check_final, check_secondary_action, check_shown
from .schema import PayloadError

if TYPE_CHECKING:
    from .call import Call

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
        PayloadError: it may not.
    """
    if not _STREAM_KEY.fullmatch(stream_key):
        raise PayloadError(
            "stream_key must contain only letters, numbers, underscores, and hyphens"
            if len(stream_key) <= 255
            else "stream_key must have at most 255 characters",
            error="Invalid stream_key",
        )


def put(call: Call) -> Answer:
    """Show the latest state of a stream: start, update or rotate its card."""
    stream = call.account.streams.get(call.route.stream_key)
    card = stream.card if stream is not None and stream.is_open else None
    _check_state(call, card)
    call.check_admission()
    if stream is not None and stream.is_paused:
        return _reconciled(call, "paused", {"activity_id": None})
    if card is None or not card.is_alive or call.content.get("type", card.type) != card.type:
        return _show_new(call, card)
    return _show_change(call, card)


def delete(call: Call) -> Answer:
    """End a stream and its card."""
    stream = call.account.streams.get(call.route.stream_key)
    if stream is None:
        raise RefusedError(
            404,
            "Live Activity stream not found",
            f"No Live Activity stream found for stream_key: {call.route.stream_key}",
        )
    if call.content:
        _check_final_state(call, stream.card)
    stream.is_open = stream.is_paused = False
    if not stream.card.is_alive:
        return _reconciled(call, "ended", {"activity_id": None})
    _end_card(call, stream.card)
    activity_id = {"activity_id": stream.card.activity_id}
    return _reconciled(call, "ended", activity_id | reach(call.policy.delivery))


def _check_state(call: Call, card: Card | None) -> None:
    if card is None and "type" not in call.content:
        raise PayloadError("content_state.type is required to start a stream")
    old_type = "" if card is None else card.type
    card_type = call.content.get("type", old_type)
    check_shown(call.content, card_type, starts=card_type != old_type)
    check_secondary_action(call.body, card_type)


def _check_final_state(call: Call, card: Card) -> None:
    card_type = call.content.get("type", card.type)
    check_final(call.content, card_type)
    check_secondary_action(call.body, card_type)


def _show_new(call: Call, previous: Card | None) -> Answer:
    """Start a card, in the place of the previous one if the stream is going on."""
    if previous is not None and previous.is_alive:
        previous.end(call.now, dismiss_after=0, reason="rotated")
    evicted = call.make_room()
    content, envelope = next_content(previous, call.content), call.envelope(previous)
    card = call.phone.show(call.account.number, call.route.stream_key, content, envelope, call.now)
    call.account.streams[call.route.stream_key] = Stream(card)
    fields = {
        "activity_id": card.activity_id,
        "devices_notified": DEVICES,
        "users_notified": 1,
        "remote_push_sent": True,
        # The contract names it for start only; without it a PUT could not tell whom it ended.
        **({"ended_activity_id": evicted} if evicted else {}),
    }
    if previous is None:
        return _reconciled(call, "started", fields)
    return _reconciled(call, "rotated", fields | {"previous_activity_id": previous.activity_id})


def _show_change(call: Call, card: Card) -> Answer:
    content, envelope = next_content(card, call.content), call.envelope(card)
    if (content, envelope) == (card.content, card.envelope):
        return _reconciled(call, "noop", {"activity_id": card.activity_id})
    card.content, card.envelope = content, envelope
    card.updates += 1
    fields: dict[str, Any] = {
        "activity_id": card.activity_id,
        "devices_notified": DEVICES,
        "devices_queued": 0,
        "remote_push_sent": True,
    }
    if _is_busy(card, call.now):
        fields["warning"] = _BUSY
    return _reconciled(call, "updated", fields)


def _is_busy(card: Card, now: float) -> bool:
    seconds_each = (now - card.started_at) / card.updates
    return card.updates > _BUSY_UPDATES and seconds_each < _BUSY_SECONDS


def _end_card(call: Call, card: Card) -> None:
    envelope = call.envelope(card)
    if not call.content:  # "the latest known state", with its buttons
        for name in ("action", "secondary_action"):
            envelope[name] = call.body.get(name, card.envelope[name])
    card.content, card.envelope = final_content(card, call.content), envelope
    card.end(call.now, dismiss_after=call.dismiss_after(), reason="ended")


def _reconciled(call: Call, operation: str, fields: dict[str, Any]) -> Answer:
    answer = accepted(call.now, operation=operation, stream_key=call.route.stream_key)
    if (channels := requested_channels(call.body)) is not None:
        answer.body["effective_channel_slugs"] = channels
    answer.body.update(fields)  # after accepted(): an activity_id of null is part of the answer
    return answer
