"""The vendor ended a card of ours to make room for another one."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, F, When

from django_liveactivity.client.answer import Answer
from django_liveactivity.conf import Account
from django_liveactivity.models import (
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    lane_digest,
)

from .apply import finish_operations

State = Operation.State
Status = LiveActivity.Status


def evict(using: str, account: Account, answer: Answer) -> None:
    """Note that the vendor ended another card to make room for this one."""
    if not answer.ended_activity_id:
        return
    digest = lane_digest(activity_id=answer.ended_activity_id)
    known = KnownActivityId.objects.using(using).filter(account=account.alias, id_digest=digest)
    evicted = LiveActivity.objects.using(using).filter(account=account.alias)
    evicted = evicted.filter(pk__in=known.values("activity")) | evicted.filter(lane_digest=digest)
    rows = list(evicted.exclude(status=Status.ENDED))
    LiveActivity.objects.using(using).filter(pk__in=[r.pk for r in rows]).update(
        status=Status.EVICTED
    )
    lanes = Lane.objects.using(using).filter(
        account=account.alias, digest__in=[r.lane_digest for r in rows]
    )
    # Who looks at such a lane now has to look again; who has leased it keeps it.
    idle = Case(When(lease_until__lte=Now(), then=1), default=0)
    lanes.update(hidden_because=Lane.HiddenBecause.EVICTED, fence=F("fence") + idle)
    _supersede_unsent(using, account, rows)


def _supersede_unsent(using: str, account: Account, rows: Sequence[LiveActivity]) -> None:
    unsent = Operation.objects.using(using).filter(
        account=account.alias,
        activity__in=[r.pk for r in rows],
        state=State.PENDING,
        kind__in=Operation.CONTENT_KINDS,
    )
    finish_operations(using, list(unsent.only("pk")), State.SUPERSEDED)
