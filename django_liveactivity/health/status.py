"""How delivery is doing for an account, read from its rows."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from typing import NamedTuple, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Count, Max, Min, Model, Q, QuerySet
from django.utils.connection import ConnectionDoesNotExist

from django_liveactivity import conf
from django_liveactivity.backends import get_backend
from django_liveactivity.client.answer import Outcome
from django_liveactivity.exceptions import AccountSourceError, UnknownAccountError
from django_liveactivity.models import (
    AccountState,
    Attempt,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    RateLimitSlot,
    TrackingFailure,
    cure_of,
    rows_of,
    with_now,
)
from django_liveactivity.selectors import TRACKING_FAILURES_KEPT_MS

from .condition import (
    STUCK,
    Condition,
    condition_age,
    condition_of,
    heartbeat_age,
    seconds_between,
    why_unknown,
)

M = TypeVar("M", bound=Model)
Rank = Operation.Rank
Operations = QuerySet[Operation, Operation]
FILTERED = 100
"""Up to so many accounts are named in a statement; of more, all of the database are read."""
NAMED = 10
"""How many cards of one problem are named."""
VENDOR_LIMIT = re.compile(r'"limit":\s*(\d{1,6})\b')
MARKED = Q(needs_attention__in=[True])
"""Cards to look at; by an index, which MariaDB and SQLite do not use for a bare column."""


@dataclass(frozen=True)
class NamedCards:
    """The cards of one problem: how many, and what the oldest of them are called.

    Args:
        count: all of them.
        names: the stream keys, or activity ids, of the first 10.
    """

    count: int = 0
    names: tuple[str, ...] = ()


@dataclass(frozen=True)
class AccountStatus:
    """How delivery is doing for one account; every duration in seconds.

    Args:
        account: the alias.
        condition: whether it makes the calls that are due; if ``unreadable``, nothing else is
            known.
        reason: why the account is not open.
        next_call_in: until the account makes its next call, or its next probe.
        condition_age: since when the account has been so, where that is known.
        last_failure: of a blocked account, the outcome of the last call.
        vendor_words: what the vendor said when it blocked the account, or asked for payment.
        failures: of a blocked account, how many calls have failed in a row.
        backlog: operations that are due.
        due_ends: ends that are due and not acknowledged, those that are tried again later included.
        oldest_due_end_age: since when the oldest of them has been due.
        overdue_cards: those with an end that has been due for longer than ``Timing.overdue_after``.
        operator_cards: those with an end that the vendor refuses: it needs an operator.
        needs_attention: cards that an operator should look at.
        attention_cards: the same by name.
        waiting_starts: cards that wait because the vendor allows no more at once.
        vendor_limit: how many that are, or None if the vendor has not said so.
        slots_in_use: calls that count against the rate limit now.
        slots: calls that the rate limit allows, or None without a limit.
        heartbeat_age: since the last sweep, or None if there was none.
        is_used: whether the account has an operation, finished or not, or an operator action.
        tracking_failures: how often a hook of a ``ModelActivity`` raised within 24 hours.
    """

    account: str
    condition: Condition
    reason: str = ""
    next_call_in: float | None = None
    condition_age: float | None = None
    last_failure: str = ""
    vendor_words: str = ""
    failures: int = 0
    backlog: int = 0
    due_ends: int = 0
    oldest_due_end_age: float | None = None
    overdue_cards: NamedCards = NamedCards()
    operator_cards: NamedCards = NamedCards()
    needs_attention: int = 0
    attention_cards: NamedCards = NamedCards()
    waiting_starts: int = 0
    vendor_limit: int | None = None
    slots_in_use: int = 0
    slots: int | None = None
    heartbeat_age: float | None = None
    is_used: bool = False
    tracking_failures: int = 0


def account_status(account: conf.Account) -> AccountStatus:
    """Return how delivery is doing for an account."""
    return statuses([account])[0]


def statuses(accounts: Sequence[conf.Account], *, details: bool = True) -> list[AccountStatus]:
    """Return how delivery is doing for accounts.

    The number of statements does not grow with the accounts that have no trouble. Those of a
    database that cannot be read are ``unreadable``: they must not hide the others.

    Args:
        accounts: any number.
        details: whether to count, too, what does not show whether ends and content are delivered:
            cards that need an operator, calls within the rate limit, and errors of hooks.
    """
    found: dict[str, AccountStatus] = {}
    databases: dict[str, list[conf.Account]] = defaultdict(list)
    for account in accounts:
        databases[account.database].append(account)
    for using, members in databases.items():
        try:
            facts = _Facts(using, members)
            found |= {each.alias: facts.status(each, details=details) for each in members}
        except (Error, ConnectionDoesNotExist, ImproperlyConfigured) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            reason = f"{text} {cure_of(error)}".strip()
            unreadable = partial(AccountStatus, condition=Condition.UNREADABLE, reason=reason)
            found |= {account.alias: unreadable(account.alias) for account in members}
    return [found[account.alias] for account in accounts]


class DueEnds(NamedTuple):
    """The due ends of an account: how many, how many are refused, since when, and the clock."""

    all: int = 0
    refused: int = 0
    oldest: int | None = None
    now: int = 0

    def waits_longer_than(self, milliseconds: int) -> bool:
        """Tell whether the oldest of them has waited for longer."""
        return self.oldest is not None and self.now - self.oldest > milliseconds

    @property
    def age(self) -> float | None:
        """For how many seconds the oldest of them has waited."""
        return seconds_between(self.oldest, self.now)


class _Facts:
    """The facts about some accounts of a database, each read in one statement."""

    def __init__(self, using: str, accounts: Sequence[conf.Account]) -> None:
        self.using, aliases = using, [account.alias for account in accounts]
        self.mine = Q(account__in=aliases) if len(aliases) <= FILTERED else Q()
        self.states = {state.account: state for state in with_now(self._rows(AccountState))}
        self.backlogs = counts_by_account(
            unfinished(self._rows(Operation)), Q(next_try_at__lte=Now())
        )
        self.ends = due_ends_by_account(self._rows(Operation))
        self.heartbeat_age = heartbeat_age(using)

    def _rows(self, model: type[M]) -> QuerySet[M, M]:
        return model._default_manager.using(self.using).filter(self.mine)

    @cached_property
    def actions(self) -> Counter[str]:
        return counts_by_account(self._rows(OperatorAction).filter(applied_at=None))

    @cached_property
    def attention(self) -> Counter[str]:
        return counts_by_account(self._rows(LiveActivity).filter(MARKED))

    @cached_property
    def slots(self) -> Counter[str]:
        return counts_by_account(self._rows(RateLimitSlot).filter(free_at__gt=Now()))

    @cached_property
    def failures(self) -> Counter[str]:
        kept = Now() - TRACKING_FAILURES_KEPT_MS
        return counts_by_account(self._rows(TrackingFailure).filter(created_at__gt=kept))

    def status(self, account: conf.Account, *, details: bool) -> AccountStatus:
        alias, state = account.alias, self.states.get(account.alias)
        condition, reason, next_call_in = condition_of(state)
        ends = self.ends.get(alias, DueEnds())
        # The source is asked for those alone that have trouble.
        is_late = account.from_source and ends.waits_longer_than(account.timing.overdue_after)
        if is_late and (why := why_unknown(alias)):
            condition, reason, next_call_in = Condition.UNKNOWN, why, None
        waiting = _waiting_starts(account, condition)
        status = AccountStatus(
            account=alias,
            condition=condition,
            reason=reason,
            next_call_in=next_call_in,
            condition_age=None if state is None else condition_age(condition, state),
            last_failure=state.blocked_reason if state else "",
            vendor_words=state.vendor_words if state and condition in STUCK else "",
            failures=state.failures if state else 0,
            backlog=self.backlogs[alias],
            due_ends=ends.all,
            oldest_due_end_age=ends.age,
            overdue_cards=_overdue_cards(account, ends),
            waiting_starts=waiting.values("lane_digest").distinct().count(),
            vendor_limit=_vendor_limit(waiting),
            heartbeat_age=self.heartbeat_age,
            is_used=state is not None or alias in self.backlogs or alias in self.actions,
        )
        if not details:
            return status
        # A mistake in the settings raises.
        rate_limit = rate_limit_of(alias) if account.from_source else get_backend(alias).rate_limit
        return replace(
            status,
            operator_cards=_operator_cards(account) if ends.refused else NamedCards(),
            needs_attention=self.attention[alias],
            attention_cards=_attention_cards(account) if self.attention[alias] else NamedCards(),
            slots_in_use=self.slots[alias],
            slots=None if rate_limit is None else rate_limit[0],
            tracking_failures=self.failures[alias],
        )


def rate_limit_of(account: str) -> tuple[int, float] | None:
    """Return an account's calls and seconds; None without a limit, or if it is unknown."""
    try:
        return get_backend(account).rate_limit
    except (UnknownAccountError, AccountSourceError, ImproperlyConfigured):  # it is gone
        return None


def counts_by_account(rows: QuerySet[Model], condition: Q | None = None) -> Counter[str]:
    """Return, for each account with such rows, how many there are, or meet a condition."""
    counted = rows.order_by().values_list("account").annotate(count=Count("pk", filter=condition))
    return Counter(dict(counted))


def due_ends_by_account(rows: Operations) -> dict[str, DueEnds]:
    """Return what there is of due ends among the operations, for each account with any."""
    refused = Count("pk", filter=Q(state=Operation.State.NEEDS_OPERATOR))
    facts = {"all": Count("pk"), "refused": refused, "oldest": Min("due_at"), "now": Now()}
    grouped = _due_ends(rows).order_by().values_list("account").annotate(**facts)
    return {alias: DueEnds(*found) for alias, *found in grouped}


def _overdue_cards(account: conf.Account, ends: DueEnds) -> NamedCards:
    longest = account.timing.overdue_after
    if not ends.waits_longer_than(longest):
        return NamedCards()
    due = _due_ends(rows_of(account, Operation))
    return _named(due.filter(due_at__lt=Now() - longest), "activity__")


def _operator_cards(account: conf.Account) -> NamedCards:
    due = _due_ends(rows_of(account, Operation))
    return _named(due.filter(state=Operation.State.NEEDS_OPERATOR), "activity__")


def _attention_cards(account: conf.Account) -> NamedCards:
    return _named(rows_of(account, LiveActivity).filter(MARKED))


def _named(rows: QuerySet[Model], card: str = "") -> NamedCards:
    """Return the cards of some rows, each once, the oldest first.

    Args:
        rows: of cards, or of operations.
        card: the path from a row to its card.
    """
    lanes = (
        rows.order_by()
        .values("lane_digest")
        .annotate(first=Min("pk"), key=Max(f"{card}stream_key"), identity=Max(f"{card}activity_id"))
    )
    named = lanes.order_by("first").values_list("key", "identity")[:NAMED]
    return NamedCards(lanes.count(), tuple(key or identity for key, identity in named))


def _waiting_starts(account: conf.Account, condition: Condition) -> Operations:
    """Return the content that the vendor, or a drain since, has put off for its limit of cards."""
    if condition != Condition.LIMIT:
        return Operation.objects.none()
    rows = unfinished(rows_of(account, Operation), Operation.CONTENT_RANKS)
    return rows.filter(Q(rank=Rank.WAITING_START) | Q(outcome=Outcome.LIMIT_REACHED))


def _vendor_limit(waiting: Operations) -> int | None:
    """Return how many cards the vendor said that it allows; others may have shown some of them."""
    refusals = Attempt.objects.using(waiting.db).filter(
        operation__in=waiting.values("pk"), outcome=Outcome.LIMIT_REACHED
    )
    answer = refusals.order_by("-pk").values_list("answer", flat=True).first()
    said = VENDOR_LIMIT.search(answer or "")
    return int(said[1]) if said else None


def unfinished(rows: Operations, ranks: tuple[Rank, ...] = tuple(Rank)) -> Operations:
    """Return the operations that are still to be done: one range of the index per rank.

    Finished rows have no ``next_try_at``, so that a million of them cost nothing here.
    """
    return rows.filter(rank__in=ranks, next_try_at__gte=0, state__in=Operation.UNFINISHED)


def backlog(account: conf.Account) -> Operations:
    """Return the operations that are due to be tried."""
    return unfinished(rows_of(account, Operation)).filter(next_try_at__lte=Now())


def later(account: conf.Account) -> tuple[int, float] | None:
    """Return how much is to be done later, and in how many seconds the first of it, or None."""
    rows = unfinished(rows_of(account, Operation)).filter(next_try_at__gt=Now())
    first = with_now(rows).order_by("next_try_at").first()
    if first is None or first.next_try_at is None:
        return None
    return rows.count(), max(0.0, (first.next_try_at - first.now) / 1000)


def _due_ends(rows: Operations) -> Operations:
    """Return the ends that are due and in force, whenever they are tried next."""
    return unfinished(rows, Operation.END_RANKS).filter(Operation.is_in_force())


def unacknowledged_ends(account: conf.Account) -> Operations:
    """Return the due ends without those that only wait for the DELETE that confirms them."""
    return _due_ends(rows_of(account, Operation)).filter(acknowledged_at=None)
