"""Tell the host's receivers what became of operations and cards, in no transaction of ours."""

from __future__ import annotations

from collections.abc import Iterable

from django.dispatch import Signal

from django_liveactivity.client.answer import Outcome
from django_liveactivity.models import Lane, LiveActivity, Operation
from django_liveactivity.signals import (
    activity_ended,
    activity_started,
    operation_delivered,
    operation_failed,
)

from .lanes.apply import generation_cards
from .lanes.claim import Claim
from .lanes.record import Recorded
from .rules.plan import Plan

State = Operation.State


def send_signals(using: str, claim: Claim, recorded: Recorded) -> None:
    """Send the signals that a stored answer calls for; receivers disturb nothing."""
    send_plan_signals(using, claim.lane, claim.plan)
    state = recorded.verdict.state
    if not recorded.owned:
        return  # whoever has the lane now repeats the call, and tells of it
    if state == State.DONE and claim.is_end:
        _announce_end(using, claim, recorded.outcome)
    elif state == State.DONE:
        _tell(using, operation_delivered, [claim.operation])
        if recorded.started:
            _tell_of_cards(using, activity_started, claim.lane.cards)
    elif state not in (State.PENDING, claim.operation.state):
        _tell(using, operation_failed, [claim.operation], state=state)


def send_plan_signals(using: str, lane: Lane, plan: Plan) -> None:
    """Send the signals for what a plan has ended without a call.

    Args:
        using: the database alias.
        lane: the lane as it was planned.
        plan: what has been written down.
    """
    if plan.already_covered:
        _tell(using, operation_delivered, plan.already_covered)
    if plan.over:
        _tell_of_cards(using, activity_ended, plan.over, outcome=str(Outcome.ALREADY_ENDED))
    if plan.never_started:
        _tell(using, operation_delivered, plan.ends)
        cards = set(generation_cards(lane, plan))
        _tell_of_cards(using, activity_ended, cards, outcome=str(Outcome.NEVER_STARTED))


def send_given_up_signals(using: str, operation: Operation) -> None:
    """Send the signal for an operation that an operator has given up."""
    _tell(using, operation_failed, [operation])


def _announce_end(using: str, claim: Claim, outcome: Outcome) -> None:
    """Tell of each end, and of each row that its card has, once: a confirming call is no news."""
    ends = claim.plan.ends
    told = {end.activity_id for end in ends if end.acknowledged_at is not None}
    news = [end for end in ends if end.acknowledged_at is None]
    cards = {end.activity_id for end in news} - told
    _tell(using, operation_delivered, news)
    _tell_of_cards(
        using,
        activity_ended,
        cards if told else {*cards, *claim.lane.cards},
        outcome=str(outcome),
    )


def _tell(using: str, signal: Signal, operations: Iterable[Operation], **only: str) -> None:
    if signal.has_listeners(Operation):
        rows = Operation.objects.using(using).select_related("activity")
        for operation in rows.filter(pk__in=[o.pk for o in operations], **only).order_by("pk"):
            signal.send_robust(Operation, operation=operation, outcome=operation.outcome)


def _tell_of_cards(using: str, signal: Signal, cards: Iterable[int], **arguments: str) -> None:
    if signal.has_listeners(LiveActivity):
        rows = LiveActivity.objects.using(using).filter(pk__in=list(cards))
        for activity in rows.order_by("pk"):
            signal.send_robust(LiveActivity, activity=activity, **arguments)
