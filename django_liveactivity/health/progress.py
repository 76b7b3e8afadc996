"""How far a batch of ends is, and how long the rest of it takes at the rate of its accounts."""

from collections import Counter
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import BigIntegerField, Count, Min, OuterRef, QuerySet, Subquery
from django.db.models.functions import Coalesce

from django_liveactivity.models import AccountState, Now, Operation, with_now

from .condition import HOLDING_UP_ENDS, Condition, condition_of
from .status import rate_limit_of

State = Operation.State
Groups = QuerySet[Operation, dict[str, Any]]


@dataclass(frozen=True)
class Queue:
    """What an account has still to do for a batch.

    Args:
        account: the alias.
        pending: ends of the batch that are not acknowledged.
        before: ends of other batches, or of none, that were due before them; 0 for an account that
            was never drained.
        rate_limit: calls and seconds, None without a limit.
        condition: whether the account makes the calls that are due.
        reason: why it does not.
        next_call_in: until it makes the next one.
    """

    account: str
    pending: int
    before: int = 0
    rate_limit: tuple[int, float] | None = None
    condition: Condition = Condition.OPEN
    reason: str = ""
    next_call_in: float | None = None

    @property
    def is_paused(self) -> bool:
        """Whether the account sends no end now."""
        return self.condition in HOLDING_UP_ENDS

    @property
    def seconds_left(self) -> float | None:
        """How long it takes as things are; None without a rate limit, or if that is unknown."""
        if self.rate_limit is None or self.condition == Condition.BLOCKED:
            return None
        calls, seconds = self.rate_limit
        wait = (self.next_call_in or 0.0) if self.is_paused else 0.0
        return wait + (self.before + self.pending) * seconds / calls


@dataclass(frozen=True)
class BatchProgress:
    """How far a batch of ends is.

    Args:
        counts: how many ends there are in each state.
        queues: what is left, by account.
        due_in: seconds until the first end that is pending is due; 0 if it is.
    """

    counts: Mapping[str, int]
    queues: tuple[Queue, ...] = ()
    due_in: float = 0.0

    @property
    def total(self) -> int:
        """All ends of the batch."""
        return sum(self.counts.values())

    @property
    def ended(self) -> int:
        """Those that the vendor has acknowledged, or that needed no call."""
        return self.counts.get(State.DONE, 0)

    @property
    def pending(self) -> int:
        """Those that are not acknowledged."""
        return self.counts.get(State.PENDING, 0)

    @property
    def seconds_left(self) -> float | None:
        """How long the rest takes, all accounts at once; None if one of them cannot tell."""
        left = [queue.seconds_left for queue in self.queues]
        known = [seconds for seconds in left if seconds is not None]
        return max(known, default=0.0) if len(known) == len(left) else None

    @property
    def per_minute(self) -> float:
        """How many calls a minute the accounts make that have something left; 0 without a limit."""
        limits = [queue.rate_limit for queue in self.queues]
        return sum(calls * 60 / seconds for calls, seconds in filter(None, limits))


def batch_progress(
    number: int, using: str, accounts: Collection[str] | None = None
) -> BatchProgress | None:
    """Return how far a batch is, in at most two statements; None if it has no ends.

    Args:
        number: the primary key of the batch.
        using: its database.
        accounts: whose ends are counted; None for all.
    """
    groups = list(_groups(number, using)) if number <= BigIntegerField.MAX_BIGINT else []
    if accounts is not None:
        groups = [group for group in groups if group["account"] in accounts]
    if not groups:
        return None
    counts: Counter[str] = Counter()
    pending: dict[str, int] = {}
    for group in groups:
        counts[group["state"]] += group["count"]
        if group["state"] == State.PENDING:
            pending[group["account"]] = group["count"]
    due_at = min((g["due_at"] for g in groups if g["state"] == State.PENDING), default=0)
    due_in = max(0.0, (due_at - groups[0]["now"]) / 1000)
    queues = () if due_in else tuple(_queues(using, pending, due_at))
    return BatchProgress(counts, queues, due_in)


def _groups(number: int, using: str) -> Groups:
    """Return how many ends of a batch each account has in each state, by the batch's index."""
    rows = Operation.objects.using(using).filter(batch=number).order_by()
    facts = {"count": Count("pk"), "due_at": Min("due_at"), "now": Now()}
    groups: Groups = rows.values("account", "state").annotate(**facts)
    return groups


def _queues(using: str, pending: Mapping[str, int], due_at: int) -> Iterator[Queue]:
    """Yield what each account has left, and why it is paused if it is.

    Ends go before content, and by the time of their next try: what others asked for before goes
    first, by the index on due operations.
    """
    if not pending:
        return
    earlier = Operation.objects.filter(
        account=OuterRef("account"), rank=Operation.Rank.END, next_try_at__lt=due_at
    )
    number = earlier.order_by().values("account").annotate(count=Count("pk")).values("count")
    states = AccountState.objects.using(using).filter(account__in=pending)
    described = with_now(states).annotate(before=Coalesce(Subquery(number), 0))
    known: dict[str, Any] = {state.account: state for state in described}
    for account, count in sorted(pending.items()):
        state = known.get(account)
        before = state.before if state else 0
        yield Queue(account, count, before, rate_limit_of(account), *condition_of(state))
