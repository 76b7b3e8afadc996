"""The numbers of delivery for a monitor: few of them, however many accounts there are."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from django_liveactivity import conf
from django_liveactivity.models import (
    AccountState,
    LiveActivity,
    MetricTotal,
    Now,
    Operation,
    RateLimitSlot,
    with_now,
)

from . import status
from .condition import Condition, condition_of, heartbeat_age, is_stopped

CONDITIONS = tuple(
    each for each in Condition if each not in (Condition.UNKNOWN, Condition.UNREADABLE)
)
"""The conditions that an account's row shows."""


@dataclass
class AccountMetrics:
    """What is known of one account, or of all those that ``LIVEACTIVITY`` does not name together.

    Args:
        conditions: how many accounts are in each condition.
        backlog: operations that are due to be tried.
        due_ends: ends that are due and not acknowledged.
        oldest_due_end_age: for how many seconds the oldest of them has been due; 0 without any.
        overdue: how many accounts have an end that is overdue.
        attention: cards that an operator should look at.
        slots: of the rate limit, those in use and the free ones; None without a limit.
    """

    conditions: Counter[Condition] = field(default_factory=Counter)
    backlog: int = 0
    due_ends: int = 0
    oldest_due_end_age: float = 0.0
    overdue: int = 0
    attention: int = 0
    slots: tuple[int, int] | None = None


@dataclass(frozen=True)
class DatabaseMetrics:
    """What the rows of one database tell.

    Args:
        accounts: by alias; ``*`` stands for those that ``LIVEACTIVITY`` does not name.
        sweep_age: seconds since the last sweep; infinite if there was none.
        totals: what all processes have done until the last sweep.
    """

    accounts: Mapping[str, AccountMetrics]
    sweep_age: float
    totals: Collection[MetricTotal]


def read_metrics(using: str, accounts: conf.DatabaseAccounts) -> DatabaseMetrics:
    """Return the numbers of a database in at most eight statements.

    Neither the statements nor the numbers grow with the accounts of the account source, and it is
    not asked.

    Args:
        using: the database.
        accounts: its accounts.

    Raises:
        Error: the database does not answer.
    """
    found = _PerAccount(using, accounts)
    found.add_conditions()
    found.add_operations()
    found.add_cards()
    found.add_slots()
    age = heartbeat_age(using)
    totals = list(MetricTotal.objects.using(using))
    return DatabaseMetrics(found.metrics, float("inf") if age is None else age, totals)


class _PerAccount:
    """The numbers of each account that is named, and of all others together."""

    def __init__(self, using: str, accounts: conf.DatabaseAccounts) -> None:
        self.using, self.accounts = using, accounts
        self.metrics: dict[str, AccountMetrics] = defaultdict(AccountMetrics)
        for alias in accounts.named:
            self._of(alias)
        if accounts.has_source:
            self._of(conf.ANY_OF_SOURCE)

    def _of(self, alias: str) -> AccountMetrics:
        return self.metrics[alias if alias in self.accounts.named else conf.ANY_OF_SOURCE]

    def add_conditions(self) -> None:
        """Add in which condition each account is: one without a row was never drained, and open."""
        states = AccountState.objects.using(self.using)
        stopped = {
            s.account: condition_of(s).condition for s in with_now(states.filter(is_stopped()))
        }
        known = {*states.values_list("account", flat=True), *self.accounts.named}
        for alias in known | stopped.keys():
            self._of(alias).conditions[stopped.get(alias, Condition.OPEN)] += 1

    def add_operations(self) -> None:
        """Add what is due."""
        operations = Operation.objects.using(self.using)
        due = status.unfinished(operations).filter(next_try_at__lte=Now())
        for alias, count in status.counts_by_account(due).items():
            self._of(alias).backlog += count
        for alias, ends in status.due_ends_by_account(operations).items():
            account, mine = self.accounts.find(alias), self._of(alias)
            longest = (account.timing if account else conf.Timing()).overdue_after
            mine.due_ends += ends.all
            mine.oldest_due_end_age = max(mine.oldest_due_end_age, ends.age or 0.0)
            mine.overdue += ends.waits_longer_than(longest)

    def add_cards(self) -> None:
        """Add the cards that an operator should look at."""
        marked = LiveActivity.objects.using(self.using).filter(status.MARKED)
        for alias, count in status.counts_by_account(marked).items():
            self._of(alias).attention += count

    def add_slots(self) -> None:
        """Add the use of each rate limit; the sum of several limits would mean nothing."""
        named = self.accounts.named
        limits = {alias: limit for alias in named if (limit := status.rate_limit_of(alias))}
        if not limits:
            return
        slots = RateLimitSlot.objects.using(self.using).filter(free_at__gt=Now())
        if len(limits) <= status.FILTERED:
            slots = slots.filter(account__in=limits)
        used = status.counts_by_account(slots)
        for alias, (calls, _) in limits.items():
            self._of(alias).slots = used[alias], max(0, calls - used[alias])
