"""Apply what operators decided: retry or give up an operation, probe an account, call it seen."""

import math
import time

from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from django_liveactivity.conf import Account
from django_liveactivity.models import (
    AccountState,
    Lane,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    rows_of,
)
from django_liveactivity.signals import operation_failed

from .notify import send_for_operations
from .transaction import durable_transaction

Operations = QuerySet[Operation, Operation]
AT_ONCE = 100
"""Operator actions read at once: an operator may have given thousands of operations up."""
State = Operation.State
Status = LiveActivity.Status


def apply_operator_actions(account: Account, until: float = math.inf) -> bool:
    """Apply the pending operator actions of an account, oldest first, one transaction each.

    Args:
        account: the account.
        until: the moment of ``time.monotonic`` at which the rest is left to the next drain.

    Returns:
        Whether some are left.
    """
    pending = rows_of(account, OperatorAction).filter(applied_at=None).order_by("pk")
    while found := list(pending.select_related("operation")[:AT_ONCE]):
        for action in found:
            if _apply(account, action) and action.operation is not None:
                send_for_operations(account.database, operation_failed, [action.operation])
        if time.monotonic() >= until:
            return pending.exists()
    return False


@durable_transaction
def _apply(account: Account, action: OperatorAction) -> bool:
    """Apply one operator action; return whether it gave an operation up."""
    pending = rows_of(account, OperatorAction).filter(pk=action.pk, applied_at=None)
    if not pending.update(applied_at=Now()):
        return False
    if action.kind == OperatorAction.Kind.PROBE:
        _probe(account)
    elif action.operation is not None and action.kind == OperatorAction.Kind.RETRY:
        _retry(account.database, action.operation)
    elif action.operation is not None and action.kind == OperatorAction.Kind.ACKNOWLEDGE:
        _acknowledge(account.database, action.operation, action.created_at)
    elif action.operation is not None:
        return _give_up(account.database, action.operation)
    return False


def _probe(account: Account) -> None:
    """Let the account make a call at once, and make one due if all that it has waits."""
    states = rows_of(account, AccountState)
    states.update(frozen_until=0, probe_at=0, billing_probe_at=0, limit_probe_at=0)
    tried = rows_of(account, Operation).filter(
        rank__in=Operation.Rank.values, next_try_at__gt=Now(), due_at__lte=Now()
    )
    waiting = tried.filter(state__in=Operation.UNFINISHED, acknowledged_at=None)
    first = waiting.order_by("rank", "next_try_at").values_list("pk", flat=True).first()
    if first is not None:
        _make_due(rows_of(account, Operation).filter(pk=first))


def _retry(using: str, operation: Operation) -> None:
    """Make the operation due, and the ends of its lane, which wait as one."""
    unfinished = _unfinished_in_lane(using, operation)
    this = unfinished.filter(pk=operation.pk)
    if this.exists():
        for rows in (this, unfinished.filter(kind=Operation.Kind.END)):
            _make_due(rows, state=State.PENDING, failures=0)


def _acknowledge(using: str, newest: Operation, seen_at: int) -> None:
    """Let the card need no attention for what had become of it when an operator looked."""
    operations = Operation.objects.using(using).filter(activity=newest.activity_id)
    operations.exclude(finished_at__gt=seen_at).update(needs_attention=False)
    if not operations.filter(needs_attention=True).exists():
        cards = LiveActivity.objects.using(using).filter(pk=newest.activity_id)
        cards.update(needs_attention=False)


def _give_up(using: str, operation: Operation) -> bool:
    """Finish the operation, unless it is finished; what waited in its lane becomes due."""
    unfinished = _unfinished_in_lane(using, operation)
    this = unfinished.filter(pk=operation.pk)
    if not this.update(state=State.GIVEN_UP, next_try_at=None, finished_at=Now()):
        return False
    _make_due(unfinished)
    # A worker that read the lane before must read it again; a call in flight keeps its fence.
    lanes = Lane.objects.using(using).filter(account=operation.account)
    idle = lanes.filter(digest=operation.lane_digest, lease_until__lte=Now())
    idle.update(fence=F("fence") + 1)
    cards = LiveActivity.objects.using(using).filter(pk=operation.activity_id)
    if operation.kind == Operation.Kind.END:  # the card may stay on the phone
        cards.update(needs_attention=True)
    elif not unfinished.exists():  # nothing will ever be shown of it
        cards.filter(status=Status.PENDING).update(status=Status.FAILED, ended_at=Now())
    return True


def _unfinished_in_lane(using: str, operation: Operation) -> Operations:
    rows = Operation.objects.using(using).filter(account=operation.account)
    return rows.filter(lane_digest=operation.lane_digest, state__in=Operation.UNFINISHED)


def _make_due(rows: Operations, **changes: State | int) -> None:
    rows.update(next_try_at=Greatest(Now(), F("due_at")), **changes)
