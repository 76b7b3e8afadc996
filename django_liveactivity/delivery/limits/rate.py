"""The account's pace: as many slots as calls per window, each taken for one call."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, Min, OuterRef, QuerySet, Subquery

from django_liveactivity.conf import Account
from django_liveactivity.models import (
    AccountState,
    Lane,
    Now,
    Operation,
    RateLimitSlot,
    compiled,
    rows_of,
    with_now,
)

from .permits import PERMITS

Rank = Operation.Rank
SPACING_SHARE = 0.95
RETRY_SHARE = 4


@dataclass(frozen=True)
class RateLimit:
    """A rate limit of ``calls`` per ``window`` milliseconds; no calls means no limit."""

    calls: int
    window: int

    @classmethod
    def of(cls, rate_limit: tuple[int, float] | None) -> RateLimit:
        """Return the pace of a backend's ``rate_limit``: (calls, seconds), or None."""
        calls, seconds = rate_limit or (0, 0)
        return cls(calls, round(seconds * 1000))

    @property
    def spacing(self) -> int:
        """Milliseconds between two calls for content: a little less than an even share."""
        return int(SPACING_SHARE * self.window / self.calls) if self.calls else 0

    @property
    def retry_slots(self) -> int:
        """How many slots the ends on their third try or later may use: a quarter."""
        return max(1, self.calls // RETRY_SHARE)


NO_LIMIT = RateLimit(0, 0)


def ensure_rows(account: Account, rate_limit: RateLimit, known: int = 0) -> None:
    """Give the account its slots; those that a raised limit adds are free in a window's time.

    A lowered limit leaves slots unused: the other version of a deploy may still count on them.

    Args:
        account: the account.
        rate_limit: the rate limit in force.
        known: how many slots the account has.
    """
    free_at = Now() + rate_limit.window if known else 0
    added = range(known, rate_limit.calls)
    rows = [RateLimitSlot(account=account.alias, number=n, free_at=free_at) for n in added]
    RateLimitSlot.objects.using(account.database).bulk_create(rows, ignore_conflicts=True)


def state_and_slot(account: Account, rate_limit: RateLimit, permit: int) -> AccountState:
    """Return what the next call needs to know of its account, in one statement.

    That is the account's state, a free slot, if any, when the first one will be free, and which
    ranks have something due. Workers do not all reach for the same slot: each permit looks for a
    free one from its own number on. All wait for the first that will be free: only one is woken
    then, whichever went last, and it wakes the others if there is more to do.

    Args:
        account: the account, whose state has a row.
        rate_limit: the rate limit.
        permit: the number of the worker's drain permit.
    """
    using, calls = account.database, rate_limit.calls
    state = compiled.run(_state_and_slot, using, calls, permit, account=account.alias)[0]
    state.due = frozenset(rank for rank in Rank if getattr(state, _first(rank)) is not None)
    return state


def _state_and_slot(using: str, calls: int, permit: int) -> QuerySet[AccountState, AccountState]:
    states = AccountState.objects.using(using).filter(account=compiled.Param("account"))
    slots = RateLimitSlot.objects.filter(account=OuterRef("account"), number__lt=calls)
    start = calls * permit // PERMITS
    free = slots.filter(free_at__lt=Now()).order_by((F("number") + start) % max(1, calls))
    own = Operation.objects.filter(account=OuterRef("account"), next_try_at__lte=Now())
    lanes = Lane.objects.filter(account=OuterRef("account"), deadline_at__lte=Now())
    found = {
        "free_slot": Subquery(free.values("pk")[:1]),
        "slot_free_at": Subquery(slots.order_by("free_at").values("free_at")[:1]),
        "first_deadline": _first_of(lanes, "deadline_at"),
        **{_first(rank): _first_of(own.filter(rank=rank), "next_try_at") for rank in Rank},
    }
    return with_now(states).annotate(**found)


def _first_of(rows: QuerySet[Operation] | QuerySet[Lane], column: str) -> Subquery:
    # In order, so that PostgreSQL takes the index: for EXISTS it expects every third row to be due,
    # and reads the whole table in vain when none is.
    return Subquery(rows.order_by(column).values(column)[:1])


def _first(rank: Operation.Rank) -> str:
    return f"first_{rank.name.lower()}"


def find_for_retry(account: Account, rate_limit: RateLimit) -> tuple[int | None, int]:
    """Return a free slot of the quarter that retried ends may use, and when one will be free."""
    slots = rows_of(account, RateLimitSlot).filter(number__lt=rate_limit.retry_slots)
    free = slots.filter(free_at__lt=Now()).values_list("pk", flat=True).first()
    return free, 0 if free else slots.aggregate(at=Min("free_at"))["at"] or 0


def take(account: Account, slot: int, attempt: int, rate_limit: RateLimit) -> bool:
    """Take the slot for an attempt, unless another worker was faster.

    A worker that dies holds it for a lease and a window, as if it had sent at the last moment.
    """
    hold = account.timing.lease + rate_limit.window
    free, taken = {"pk": slot, "free_at__lt": Now()}, {"free_at": Now() + hold, "fence": attempt}
    return bool(compiled.update(RateLimitSlot, account.database, free, taken))


def give_back(
    account: Account, slot: int, attempt: int, rate_limit: RateLimit, *, latency: int | None
) -> None:
    """Free the slot a window after the call; at once if nothing was sent (latency None)."""
    # The vendor counts the call somewhere between sending and answer. The window begins at the
    # latest of the plausible moments, so that a slow call never brings the next too early.
    spent = max(0, (latency or 0) - account.timing.latency_allowance)
    free_at = Now() + (0 if latency is None else rate_limit.window - spent)
    held = {"pk": slot, "fence": attempt}
    compiled.update(RateLimitSlot, account.database, held, {"free_at": free_at})
