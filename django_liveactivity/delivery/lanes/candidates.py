"""Find the lane to serve next: ends first, then cards whose time is over, then content."""

import random
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from django_liveactivity import conf
from django_liveactivity.conf import Account
from django_liveactivity.delivery.limits.admission import Admission
from django_liveactivity.models import (
    AccountState,
    Lane,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    compiled,
    rows_of,
)

Rank = Operation.Rank
Due = Rank | OperatorAction | None
LOOK_AHEAD = 16
NO_LANE = -1


@dataclass(frozen=True)
class Target:
    """A lane with something due.

    Attributes:
        digest: the lane's digest.
        stream_key: its stream key, or empty.
        activity_id: its activity id, or empty.
        is_new: it has no row yet.
        rank: the rank of the due operation; None for a card whose time to live is over.
        ready_at: when the account admits a call for it, in milliseconds.
        is_one_of_many: more lanes were found.
    """

    digest: str
    stream_key: str
    activity_id: str
    is_new: bool
    rank: Rank | None
    ready_at: int
    is_one_of_many: bool = False

    @property
    def needs_call(self) -> bool:
        """Tell whether a call is to be made; for a card whose time is over an end is inserted."""
        return self.rank is not None

    @property
    def is_retried(self) -> bool:
        """Tell whether the lane was found by an end that failed repeatedly."""
        return self.rank in (Rank.RETRIED_END, Rank.UNKNOWN_END)


def targets(account: Account, state: AccountState, admission: Admission) -> Iterator[Target]:
    """Yield lanes with something due, in the order of service.

    Each costs one range query on the index (account, rank, next_try_at) when it is asked for.
    Leased lanes are left out.

    Args:
        account: the account.
        state: its state, which tells the ranks that have something due.
        admission: from when on the account admits calls.
    """
    for rank in Operation.END_RANKS:
        if rank in state.due:
            yield from _due(account, rank, admission.ends_at)
    if state.first_deadline is not None:
        yield from _expired(account)
    for rank in Operation.CONTENT_RANKS:
        if rank in state.due:
            yield from _due(account, rank, admission.contents_at)


def next_due_at(account: Account) -> int | None:
    """Return when the next operation or deadline of the account becomes due, in milliseconds."""
    # One look into the index per rank: a minimum over all ranks would read the whole history.
    operations = rows_of(account, Operation)
    firsts = [operations.filter(rank=rank).aggregate(at=Min("next_try_at")) for rank in Rank]
    firsts.append(rows_of(account, Lane).aggregate(at=Min("deadline_at")))
    times = [first["at"] for first in firsts]
    return min((at for at in times if at is not None), default=None)


def due_accounts(using: str) -> dict[str, frozenset[Due]]:
    """Return the accounts with something due in a database, each with the ranks of what is due.

    None among the ranks stands for a card whose time to live is over, and an operator action, of
    which the primary key alone is known, for the newest that is to be applied. The statements are
    three, however many accounts there are.
    """
    found: dict[str, set[Due]] = defaultdict(set)
    due = Operation.objects.using(using).filter(rank__in=Rank.values, next_try_at__lte=Now())
    for alias, rank in due.values_list("account", "rank").distinct():
        found[alias].add(Rank(rank))
    lanes = Lane.objects.using(using).filter(deadline_at__lte=Now())
    for alias in lanes.values_list("account", flat=True).distinct():
        found[alias].add(None)
    actions = OperatorAction.objects.using(using).filter(applied_at=None)
    for alias, newest in actions.values_list("account").annotate(Max("pk")):
        found[alias].add(OperatorAction(pk=newest))
    return {alias: frozenset(ranks) for alias, ranks in found.items()}


def due_of_source() -> list[str]:
    """Return the accounts of the account source that have something due; none without a source."""
    source = conf.account_source()
    due = due_accounts(source.database) if source is not None else {}
    return sorted(alias for alias in due if conf.may_be_of_source(alias))


def _due(account: Account, rank: Rank, ready_at: int) -> Iterator[Target]:
    rows = compiled.tuples(_due_operations, account.database, rank, account=account.alias)
    found = {digest: (key, identity, leased) for digest, key, identity, leased in rows}
    if found:  # at random, so that workers of one moment mostly choose different lanes
        digest = random.choice(list(found))
        key, identity, leased_until = found[digest]
        new, many = leased_until == NO_LANE, len(found) > 1
        yield Target(digest, key, identity, new, rank, ready_at, many)


def _due_operations(using: str, rank: Rank) -> QuerySet[Operation, tuple[Any, ...]]:
    lane = Lane.objects.filter(account=OuterRef("account"), digest=OuterRef("lane_digest"))
    # No join: MariaDB would begin with the cards, and sort all that waits for them.
    card = LiveActivity.objects.filter(pk=OuterRef("activity_id"))
    due = Operation.objects.using(using).filter(
        account=compiled.Param("account"), rank=rank, next_try_at__lte=Now()
    )
    described = due.annotate(
        key=Subquery(card.values("stream_key")[:1]),
        identity=Subquery(card.values("activity_id")[:1]),
        leased_until=Coalesce(Subquery(lane.values("lease_until")[:1]), NO_LANE),
    )
    free = described.filter(leased_until__lte=Now()).order_by("next_try_at")
    columns = ("lane_digest", "key", "identity", "leased_until")
    rows: QuerySet[Operation, tuple[Any, ...]] = free.values_list(*columns)[:LOOK_AHEAD]
    return rows


def _expired(account: Account) -> Iterator[Target]:
    lanes = rows_of(account, Lane).filter(deadline_at__lte=Now(), lease_until__lte=Now())
    lane = lanes.order_by("deadline_at").first()
    if lane is not None:
        name = lane.digest, lane.stream_key, lane.activity_id
        yield Target(*name, is_new=False, rank=None, ready_at=0)
