"""Apply what operators decided: retry, give up an end, probe now."""

from __future__ import annotations

from django_liveactivity.conf import Account
from django_liveactivity.models import AccountState, Act, LiveActivity, Now, Operation

from .step import step

State = Operation.State


def apply_acts(account: Account) -> None:
    """Apply the acts of an account that wait, oldest first, one short step each."""
    waiting = Act.objects.using(account.database).filter(
        account=account.alias, applied_at__isnull=True
    )
    for act in waiting.order_by("pk"):
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
        operations.update(state=State.PENDING, next_try_at=Now(), setbacks=0)
    elif operations.update(state=State.GIVEN_UP, next_try_at=None, finished_at=Now()):
        LiveActivity.objects.using(using).filter(operations=act.operation_id).update(
            needs_attention=True
        )
