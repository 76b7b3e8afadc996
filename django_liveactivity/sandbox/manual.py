"""The manual lifecycle: start, update and end by `activity_id`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .answers import DEVICES, Answer, RefusedError, accepted, reach
from .phone import Card, final_content, next_content
from .rules import check_final, check_secondary_action, check_shown

if TYPE_CHECKING:
    from .call import Call


def start(call: Call) -> Answer:
    """Put a new card on the phone."""
    check_shown(call.content, call.content["type"], starts=True)
    check_secondary_action(call.body, call.content["type"])
    call.check_admission()
    ended_activity_id = call.make_room()
    card = call.phone.show(
        call.account.number, None, next_content(None, call.content), call.envelope(None), call.now
    )
    return accepted(
        call.now,
        activity_id=card.activity_id,
        devices_notified=DEVICES,
        users_notified=1,
        effective_channel_slugs=card.envelope["channels"],
        ended_activity_id=ended_activity_id,
    )


def update(call: Call) -> Answer:
    """Change what a card shows."""
    card = _find_card(call)
    card_type = call.content.get("type", card.type)
    check_shown(call.content, card_type, starts=card_type != card.type)
    check_secondary_action(call.body, card_type)
    if not card.is_alive:
        return _show_again(call, card)
    card.content, card.envelope = next_content(card, call.content), call.envelope(card)
    card.updates += 1
    return accepted(
        call.now, activity_id=card.activity_id, devices_notified=DEVICES, devices_queued=0
    )


def _show_again(call: Call, previous: Card) -> Answer:
    """Start a new card for a managed stream whose card is gone: its id rotates by an update too."""
    stream = call.account.streams.get(previous.stream_key or "")
    if stream is None or stream.card is not previous or not stream.is_open or stream.is_paused:
        raise _not_found(call, "This Live Activity has already ended")
    evicted = call.make_room()
    content, envelope = next_content(previous, call.content), call.envelope(previous)
    card = call.phone.show(call.account.number, previous.stream_key, content, envelope, call.now)
    stream.card = card
    return accepted(
        call.now,
        activity_id=card.activity_id,
        operation="rotated",
        stream_key=previous.stream_key,
        previous_activity_id=previous.activity_id,
        ended_activity_id=evicted,
        devices_notified=DEVICES,
        users_notified=1,
    )


def end(call: Call) -> Answer:
    """End a card; once more is accepted, and has no effect."""
    card = _find_card(call)
    card_type = call.content.get("type", card.type)
    check_final(call.content, card_type)
    check_secondary_action(call.body, card_type)
    if not card.is_alive:
        return accepted(
            call.now,
            activity_id=card.activity_id,
            ignored=True,
            message="Live Activity has already ended",
            end_reason=card.end_reason,
        )
    card.content, card.envelope = final_content(card, call.content), call.envelope(card)
    card.end(call.now, dismiss_after=call.dismiss_after(), reason="ended")
    return accepted(call.now, activity_id=card.activity_id, **reach(call.policy.delivery))


def _find_card(call: Call) -> Card:
    card = call.phone.cards.get(call.body["activity_id"])
    if card is None:
        raise _not_found(call, "No Live Activity found for this activity_id")
    if card.account != call.account.number:
        message = f"This API key cannot {call.route.operation} this Live Activity"
        raise RefusedError(403, "Forbidden", message)
    return card


def _not_found(call: Call, message: str) -> RefusedError:
    error = "Forbidden" if call.policy.unknown_activity == 403 else "Live Activity not found"
    return RefusedError(call.policy.unknown_activity, error, message)
