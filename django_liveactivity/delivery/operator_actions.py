"""Apply what operators decided: retry, give up an end, probe now."""

from __future__ import annotations

from typing import Any

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
)

from .notify import send_given_up_signals
from .transaction import durable_transaction

State = Operation.State
Status = LiveActivity.Status


def apply_operator_actions(account: Account) -> None:
    """Apply the acts of an account that wait, oldest first, one short step each."""
    for act in pending_operator_actions(account).select_related("operation").order_by("pk"):
        if _apply(account.database, act) and act.operation is not None:
            send_given_up_signals(account.database, act.operation)


@durable_transaction
def _apply(using: str, act: OperatorAction) -> bool:
    """Apply one act; return whether it gave an operation up."""
    if (
        not OperatorAction.objects.using(using)
        .filter(pk=act.pk, applied_at=None)
        .update(applied_at=Now())
    ):
        return False
    if act.kind == OperatorAction.Kind.PROBE:
        _probe(using, act.account)
    elif act.operation is not None and act.kind == OperatorAction.Kind.RETRY:
        _retry(using, act.operation)
    elif act.operation is not None:
        return _give_up(using, act.operation)
    return False


def _probe(using: str, alias: str) -> None:
    AccountState.objects.using(using).filter(account=alias).update(
        frozen_until=0, probe_at=0, billing_probe_at=0, limit_probe_at=0
    )


def _retry(using: str, operation: Operation) -> None:
    """Make the operation due, and the ends of its lane, which wait as one."""
    mine = _unfinished(using, operation).filter(pk=operation.pk)
    if mine.exists():
        ends = _unfinished(using, operation).filter(kind=Operation.Kind.END)
        _make_due(mine, state=State.PENDING, failures=0)
        _make_due(ends, state=State.PENDING, failures=0)


def _give_up(using: str, operation: Operation) -> bool:
    """Finish the operation, unless it is finished; what waited in its lane is looked at again."""
    mine = _unfinished(using, operation).filter(pk=operation.pk)
    if not mine.update(state=State.GIVEN_UP, next_try_at=None, finished_at=Now()):
        return False
    _make_due(_unfinished(using, operation))
    _outdate_plans(using, operation)
    if operation.kind == Operation.Kind.END:  # the card may stay on the phone
        cards = LiveActivity.objects.using(using).filter(pk=operation.activity_id)
        cards.update(needs_attention=True)
    elif not _unfinished(using, operation).exists():  # nothing will ever be shown of it
        cards = LiveActivity.objects.using(using).filter(pk=operation.activity_id)
        cards.filter(status=Status.PENDING).update(status=Status.FAILED, ended_at=Now())
    return True


def _outdate_plans(using: str, operation: Operation) -> None:
    """Let a worker that saw the lane before look again; a call in flight keeps its fence."""
    lanes = Lane.objects.using(using).filter(account=operation.account)
    free = lanes.filter(digest=operation.lane_digest, lease_until__lte=Now())
    free.update(fence=F("fence") + 1)


def _unfinished(using: str, operation: Operation) -> QuerySet[Operation, Operation]:
    rows = Operation.objects.using(using).filter(account=operation.account)
    return rows.filter(lane_digest=operation.lane_digest, state__in=Operation.UNFINISHED)


def _make_due(rows: QuerySet[Operation, Operation], **changes: Any) -> None:
    rows.update(next_try_at=Greatest(Now(), F("due_at")), **changes)


def pending_operator_actions(account: Account) -> QuerySet[OperatorAction, OperatorAction]:
    """Return the acts of an account that no drain has applied yet."""
    operator_actions = OperatorAction.objects.using(account.database)
    return operator_actions.filter(account=account.alias, applied_at__isnull=True)
