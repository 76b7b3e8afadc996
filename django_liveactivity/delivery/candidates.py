"""Find the lane to serve next: ends first, then cards whose time is over, then content."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from django_liveactivity.conf import Account
from django_liveactivity.models import Lane, Now, Operation

from .gates import Admission

Rank = Operation.Rank
LOOK_AHEAD = 16


@dataclass(frozen=True)
class Target:
    """A lane with something due: its names, its row if it has one, and by what it was found.

    ``ready_at`` is when the account's gates admit a call for it, in milliseconds.
    """

    digest: str
    stream_key: str
    activity_id: str
    lane_id: int | None
    rank: Rank | None
    ready_at: int

    @property
    def needs_call(self) -> bool:
        """Tell whether a call is to be made; a card whose time is over only gets an end."""
        return self.rank is not None

    @property
    def is_retried(self) -> bool:
        """Tell whether the lane was found by an end that failed repeatedly."""
        return self.rank == Rank.RETRIED_END


def targets(account: Account, admission: Admission) -> Iterator[Target]:
    """Yield lanes with something due, in the order of service.

    Each costs one range query on the index (account, rank, next_try_at) when it is asked for;
    lanes that a worker has leased are left out.
    """
    for rank in (Rank.END, Rank.RETRIED_END):
        yield from _due(account, rank, admission.ends_at)
    yield from _over(account)
    for rank in (Rank.CONTENT, Rank.WAITING_START):
        yield from _due(account, rank, admission.contents_at)


def next_wake(account: Account) -> int | None:
    """Return when the next operation or deadline of the account becomes due, in milliseconds."""
    operations = Operation.objects.using(account.database).filter(account=account.alias)
    lanes = Lane.objects.using(account.database).filter(account=account.alias)
    # One look into the index per rank: a minimum over all ranks would read the whole history.
    firsts = [_first(operations.filter(rank=rank), "next_try_at") for rank in Rank]
    times = [*firsts, _first(lanes, "wake_at")]
    return min((at for at in times if at is not None), default=None)


def _first(rows: QuerySet[Any, Any], name: str) -> int | None:
    planned = rows.filter(**{f"{name}__isnull": False}).order_by(name)
    first: int | None = planned.values_list(name, flat=True).first()
    return first


def _due(account: Account, rank: Rank, ready_at: int) -> Iterator[Target]:
    lane = Lane.objects.filter(account=OuterRef("account"), digest=OuterRef("lane_digest"))
    rows: QuerySet[Any, Any] = (
        Operation.objects.using(account.database)
        .filter(account=account.alias, rank=rank, next_try_at__lte=Now())
        .annotate(
            lane=Subquery(lane.values("pk")[:1]),
            leased_until=Coalesce(Subquery(lane.values("lease_until")[:1]), 0),
        )
        .filter(leased_until__lte=Now())
        .order_by("next_try_at")
        .values_list("lane_digest", "activity__stream_key", "activity__activity_id", "lane")
    )
    found: list[Any] = list(dict.fromkeys(rows[:LOOK_AHEAD]))
    if found:  # workers that look at the same moment choose different lanes, mostly
        digest, stream_key, activity_id, lane_id = random.choice(found)
        yield Target(digest, stream_key, activity_id, lane_id, rank, ready_at)


def _over(account: Account) -> Iterator[Target]:
    lanes = Lane.objects.using(account.database).filter(
        account=account.alias, wake_at__lte=Now(), lease_until__lte=Now()
    )
    names = (
        lanes.order_by("wake_at").values_list("digest", "stream_key", "activity_id", "pk").first()
    )
    if names is not None:
        yield Target(*names, None, 0)
