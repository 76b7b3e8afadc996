"""Tell the host's receivers what came of a call, outside any transaction of ours."""

from __future__ import annotations

from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.signals import (
    activity_ended,
    activity_started,
    operation_delivered,
    operation_failed,
)

from .claim import Claim
from .record import Recorded

State = Operation.State


def announce(using: str, claim: Claim, recorded: Recorded) -> None:
    """Send the public signals that a stored answer calls for; receivers disturb nothing."""
    before = claim.operation
    confirms = before.acknowledged_at is not None
    if not recorded.owned or confirms or recorded.verdict.state in (State.PENDING, before.state):
        return
    outcome = str(recorded.outcome)
    delivered = recorded.verdict.state == State.DONE
    signal = operation_delivered if delivered else operation_failed
    if not (signal.receivers or activity_started.receivers or activity_ended.receivers):
        return
    for operation in claim.plan.ends or [claim.operation]:
        fresh = Operation.objects.using(using).select_related("activity").get(pk=operation.pk)
        signal.send_robust(Operation, operation=fresh, outcome=outcome)
        if delivered and claim.is_end:
            activity_ended.send_robust(LiveActivity, activity=fresh.activity, outcome=outcome)
        elif recorded.started:
            activity_started.send_robust(LiveActivity, activity=fresh.activity)
