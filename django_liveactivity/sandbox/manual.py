"""The manual lifecycle: POST start, update and end, by `activity_id`."""

from __future__ import annotations

from .calls import DEVICES, ReceivedCall, Reply, accepted, delivery_report
from .contract import RefusedCallError, check_final, check_shown
from .phone import PhoneCard, next_display


def start(call: ReceivedCall) -> Reply:
    """Put a new card on the phone."""
    check_shown(call.body)
    call.account.check_may_show(call.body, call.now)
    card, fields = call.show_new_card(None)
    channels = card.display.envelope["channels"]
    return accepted(call.now, **fields, effective_channel_slugs=channels)


def update(call: ReceivedCall) -> Reply:
    """Change what a card shows."""
    card = _find_card(call, "update")
    check_shown(call.body, card.type)
    if not card.is_alive:
        return _show_again(call, card)
    card.display = next_display(card, call.body)
    card.updates += 1
    return accepted(
        call.now, activity_id=card.activity_id, devices_notified=DEVICES, devices_queued=0
    )


def _show_again(call: ReceivedCall, previous: PhoneCard) -> Reply:
    """Start a new card for a managed stream whose card is gone: its id rotates by an update too."""
    stream = call.account.streams.get(previous.stream_key or "")
    if stream is None or stream.card is not previous or not stream.is_open or stream.is_paused:
        raise _not_found(call, "This Live Activity has already ended")
    stream.card, fields = call.show_new_card(previous.stream_key, previous)
    return accepted(
        call.now,
        **fields,
        operation="rotated",
        stream_key=previous.stream_key,
        previous_activity_id=previous.activity_id,
    )


def end(call: ReceivedCall) -> Reply:
    """End a card; ending it once more is accepted, and has no effect."""
    card = _find_card(call, "end")
    check_final(call.body, card.type)
    if not card.is_alive:
        return accepted(
            call.now,
            activity_id=card.activity_id,
            ignored=True,
            message="Live Activity has already ended",
            end_reason=card.end_reason,
        )
    card.end_by_call(call.body, call.now, minutes=3)
    report = delivery_report(call.policy.delivery)
    return accepted(call.now, activity_id=card.activity_id, **report)


def _find_card(call: ReceivedCall, operation: str) -> PhoneCard:
    card = call.phone.cards.get(call.body["activity_id"])
    if card is None:
        raise _not_found(call, "No Live Activity found for this activity_id")
    if card.account != call.account.number:
        message = f"This API key cannot {operation} this Live Activity"
        raise RefusedCallError(403, "Forbidden", message)
    return card


def _not_found(call: ReceivedCall, message: str) -> RefusedCallError:
    error = "Forbidden" if call.policy.unknown_activity == 403 else "Live Activity not found"
    return RefusedCallError(call.policy.unknown_activity, error, message)
