"""Apply what operators decided: retry, give up an end, probe now."""

from __future__ import annotations

from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from django_liveactivity.conf import Account
from django_liveactivity.models import AccountState, Act, LiveActivity, Now, Operation

from .step import step

State = Operation.State


def apply_acts(account: Account) -> None:
    """Apply the acts of an account that wait, oldest first, one short step each."""
    for act in waiting_acts(account).order_by("pk"):
        _apply(account.database, act)


@step
def _apply(using: str, act: Act) -> None:
    acts = Act.objects.using(using).filter(pk=act.pk, applied_at__isnull=True)
    if not acts.update(applied_at=Now()):
        return
    if act.kind == Act.Kind.PROBE:
        AccountState.objects.using(using).filter(account=act.account).update(
            frozen_until=0, probe_at=0, billing_probe_at=0, limit_probe_at=0
        )
        return
    operations = Operation.objects.using(using).filter(
        pk=act.operation_id, state__in=Operation.UNFINISHED
    )
    if act.kind == Act.Kind.RETRY:
        lanes = list(operations.values_list("lane_digest", flat=True))
        ends = Operation.objects.using(using).filter(
            Operation.UNACKNOWLEDGED, account=act.account, lane_digest__in=lanes
        )
        for rows in (operations, ends):
            due = Greatest(Now(), F("due_at"))
            rows.update(state=State.PENDING, next_try_at=due, setbacks=0)
    elif operations.update(state=State.GIVEN_UP, next_try_at=None, finished_at=Now()):
        LiveActivity.objects.using(using).filter(operations=act.operation_id).update(
            needs_attention=True
        )


def waiting_acts(account: Account) -> QuerySet[Act, Act]:
    """Return the acts of an account that no drain has applied yet."""
    acts = Act.objects.using(account.database)
    return acts.filter(account=account.alias, applied_at__isnull=True)
