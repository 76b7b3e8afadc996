"""How delivery is doing for an account, read from its rows."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from enum import StrEnum
from functools import partial
from typing import NamedTuple, TypeVar

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Count, Max, Min, Model, Q, QuerySet
from django.utils.connection import ConnectionDoesNotExist

from django_liveactivity import conf
from django_liveactivity.backends import get_backend
from django_liveactivity.client.answer import Outcome
from django_liveactivity.models import (
    AccountState,
    Attempt,
    Heartbeat,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    RateLimitSlot,
    TrackingFailure,
    with_now,
)
from django_liveactivity.models.missing_migration import cure_of
from django_liveactivity.selectors import TRACKING_FAILURES_KEPT_MS

M = TypeVar("M", bound=Model)
Rank = Operation.Rank
Operations = QuerySet[Operation, Operation]
END_RANKS = (Rank.END, Rank.RETRIED_END, Rank.UNKNOWN_END)
FILTERED = 100
"""Up to so many accounts are named in a statement; of more, all of the database are read."""
NONE: Mapping[str, int] = {"all": 0, "due": 0}
NAMED = 10
"""How many cards of one problem are named."""
VENDOR_LIMIT = re.compile(r'"limit":\s*(\d{1,6})\b')


class Condition(StrEnum):
    """Whether an account makes the calls that are due."""

    OPEN = "open"
    """It makes them all."""
    FROZEN = "frozen"
    """The vendor answered 429: every call waits."""
    BLOCKED = "blocked"
    """The key or the address is refused, or calls fail: one probe at a time."""
    BILLING = "billing"
    """The vendor asks for payment: content waits, ends flow."""
    LIMIT = "limit"
    """As many cards are alive as the vendor allows: starts wait."""
    UNREADABLE = "unreadable"
    """The account's database did not answer, so that nothing else is known."""


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
        backlog: operations that are due.
        due_ends: ends that are due and not acknowledged, those that are tried again later included.
        oldest_due_end_age: since when the oldest of them has been due.
        overdue_cards: those with an end that has been due for longer than ``Timing.overdue_after``.
        operator_cards: those with an end that the vendor refuses: it needs an operator.
        needs_attention: cards that somebody should look at.
        attention_cards: the same by name.
        waiting_starts: cards that wait because the vendor allows no more at once.
        vendor_limit: how many that are, or None if the vendor has not said so.
        slots_in_use: calls that count against the rate limit now.
        slots: calls that the rate limit allows, or None without a limit.
        heartbeat_age: since the last sweep, or None if there was none.
        is_used: whether the account holds any operation, finished or not, or a waiting act.
        tracking_failures: how often a hook of a ``ModelActivity`` raised within 24 hours.
    """

    account: str
    condition: Condition
    reason: str = ""
    next_call_in: float | None = None
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

    def as_dict(self) -> dict[str, object]:
        """Return the fields as a dict, ready for JSON."""
        return asdict(self)


def account_status(account: conf.Account) -> AccountStatus:
    """Return how delivery is doing for an account."""
    return statuses([account])[0]


def statuses(accounts: Sequence[conf.Account]) -> list[AccountStatus]:
    """Return how delivery is doing for accounts.

    The number of statements does not grow with the accounts that have no trouble. Those of a
    database that cannot be read are told as ``unreadable``: they must not hide the others.
    """
    found: dict[str, AccountStatus] = {}
    databases: dict[str, list[conf.Account]] = defaultdict(list)
    for account in accounts:
        databases[account.database].append(account)
    for using, members in databases.items():
        try:
            found |= {status.account: status for status in _Facts(using, members).statuses()}
        except (Error, ConnectionDoesNotExist, ImproperlyConfigured) as error:
            text = " ".join(str(error).split()) or type(error).__name__
            reason = f"{text} {cure_of(error)}".strip()
            unreadable = partial(AccountStatus, condition=Condition.UNREADABLE, reason=reason)
            found |= {account.alias: unreadable(account.alias) for account in members}
    return [found[account.alias] for account in accounts]


class _Ends(NamedTuple):
    """The due ends of an account: how many, how many are refused, since when, and the clock."""

    all: int = 0
    refused: int = 0
    oldest: int | None = None
    now: int = 0


class _Facts:
    """What the rows of a database tell of some of its accounts, each fact in one statement."""

    def __init__(self, using: str, accounts: Sequence[conf.Account]) -> None:
        self.using, self.accounts = using, accounts
        aliases = [account.alias for account in accounts]
        self.mine = Q(account__in=aliases) if len(aliases) <= FILTERED else Q()

    def statuses(self) -> Iterator[AccountStatus]:
        rows = with_now(self._rows(AccountState))
        self.states = {state.account: state for state in rows}
        self.backlogs = self._counts(self._unfinished(), due=Q(next_try_at__lte=Now()))
        self.ends = self._ends()
        self.attention = self._counts(self._rows(LiveActivity).filter(needs_attention=True))
        self.slots = self._counts(self._rows(RateLimitSlot).filter(free_at__gt=Now()))
        kept = Now() - TRACKING_FAILURES_KEPT_MS
        self.failures = self._counts(self._rows(TrackingFailure).filter(created_at__gt=kept))
        self.actions = self._counts(self._rows(OperatorAction).filter(applied_at=None))
        self.heartbeat_age = heartbeat_age(self.using)
        for account in self.accounts:
            yield self._status(account)

    def _rows(self, model: type[M]) -> QuerySet[M, M]:
        return model._default_manager.using(self.using).filter(self.mine)

    def _unfinished(self, ranks: tuple[Rank, ...] = tuple(Rank)) -> Operations:
        rows = self._rows(Operation).filter(rank__in=ranks, next_try_at__gte=0)
        return rows.filter(state__in=Operation.UNFINISHED)

    def _counts(self, rows: QuerySet[Model], **filters: Q) -> dict[str, dict[str, int]]:
        """Return by account how many rows there are, and how many meet each filter."""
        counts = {name: Count("pk", filter=each) for name, each in filters.items()}
        grouped = rows.order_by().values("account").annotate(all=Count("pk"), **counts)
        return {row["account"]: row for row in grouped}

    def _ends(self) -> dict[str, _Ends]:
        rows = self._unfinished(END_RANKS).filter(Operation.is_in_force())
        refused = Count("pk", filter=Q(state=Operation.State.NEEDS_OPERATOR))
        facts = {"all": Count("pk"), "refused": refused, "oldest": Min("due_at"), "now": Now()}
        grouped = rows.order_by().values_list("account").annotate(**facts)
        return {alias: _Ends(*found) for alias, *found in grouped}

    def _status(self, account: conf.Account) -> AccountStatus:
        alias, state = account.alias, self.states.get(account.alias)
        found = OPEN if state is None else condition_of(state)
        ends, backlog = self.ends.get(alias, _Ends()), self.backlogs.get(alias, NONE)
        attention = self.attention.get(alias, NONE)["all"]
        waiting = _waiting_starts(account) if found.condition == Condition.LIMIT else None
        rate_limit = get_backend(alias).rate_limit
        is_used = state is not None or backlog["all"] > 0 or alias in self.actions
        return AccountStatus(
            account=alias,
            condition=found.condition,
            reason=found.reason,
            next_call_in=_until(found.until, state),
            backlog=backlog["due"],
            due_ends=ends.all,
            oldest_due_end_age=_since(ends.oldest, ends.now),
            overdue_cards=_overdue_cards(account, ends),
            operator_cards=_operator_cards(account) if ends.refused else NamedCards(),
            needs_attention=attention,
            attention_cards=_attention_cards(account) if attention else NamedCards(),
            waiting_starts=_count_lanes(waiting),
            vendor_limit=None if waiting is None else _vendor_limit(waiting),
            slots_in_use=self.slots.get(alias, NONE)["all"],
            slots=None if rate_limit is None else rate_limit[0],
            heartbeat_age=self.heartbeat_age,
            is_used=is_used,
            tracking_failures=self.failures.get(alias, NONE)["all"],
        )


def _overdue_cards(account: conf.Account, ends: _Ends) -> NamedCards:
    longest = account.timing.overdue_after
    if ends.oldest is None or ends.now - ends.oldest <= longest:
        return NamedCards()
    return _named(due_ends(account).filter(due_at__lt=Now() - longest), "activity__")


def _operator_cards(account: conf.Account) -> NamedCards:
    refused = due_ends(account).filter(state=Operation.State.NEEDS_OPERATOR)
    return _named(refused, "activity__")


def _attention_cards(account: conf.Account) -> NamedCards:
    cards = LiveActivity.objects.using(account.database)
    return _named(cards.filter(account=account.alias, needs_attention=True))


def _count_lanes(waiting: Operations | None) -> int:
    return 0 if waiting is None else waiting.values("lane_digest").distinct().count()


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


def _waiting_starts(account: conf.Account) -> Operations:
    """Return the content that the vendor, or a drain since, has put off for its limit of cards."""
    rows = unfinished(account, (Rank.CONTENT, Rank.WAITING_START))
    return rows.filter(Q(rank=Rank.WAITING_START) | Q(outcome=Outcome.LIMIT_REACHED))


def _vendor_limit(waiting: Operations) -> int | None:
    """Return how many cards the vendor said that it allows; others may have shown some of them."""
    refusals = Attempt.objects.using(waiting.db).filter(
        operation__in=waiting.values("pk"), outcome=Outcome.LIMIT_REACHED
    )
    answer = refusals.order_by("-pk").values_list("answer", flat=True).first()
    said = VENDOR_LIMIT.search(answer or "")
    return int(said[1]) if said else None


def unfinished(account: conf.Account, ranks: tuple[Rank, ...] = tuple(Rank)) -> Operations:
    """Return the operations that are still to be done: one range of the index per rank.

    Finished rows have no ``next_try_at``, so that a million of them cost nothing here.
    """
    rows = Operation.objects.using(account.database).filter(account=account.alias)
    return rows.filter(rank__in=ranks, next_try_at__gte=0, state__in=Operation.UNFINISHED)


def backlog(account: conf.Account) -> Operations:
    """Return the operations that are due to be tried."""
    return unfinished(account).filter(next_try_at__lte=Now())


@dataclass(frozen=True)
class Later:
    """What is to be done later: how many operations, and in how many seconds the first."""

    count: int
    first_in: float


def later(account: conf.Account) -> Later | None:
    """Return what is scheduled, or is tried again later; None if there is nothing."""
    rows = unfinished(account).filter(next_try_at__gt=Now())
    first = with_now(rows).order_by("next_try_at").first()
    if first is None or first.next_try_at is None:
        return None
    return Later(rows.count(), max(0.0, (first.next_try_at - first.now) / 1000))


def due_ends(account: conf.Account) -> Operations:
    """Return the ends that are due and in force, whenever they are tried next."""
    return unfinished(account, END_RANKS).filter(Operation.is_in_force())


def unacknowledged_ends(account: conf.Account) -> Operations:
    """Return the due ends without those that only wait for the DELETE that confirms them."""
    return due_ends(account).filter(acknowledged_at=None)


def oldest_due_ends(using: str) -> dict[str, float]:
    """Return, by account, for how many seconds the oldest due end in a database has waited."""
    rows = Operation.objects.using(using).filter(
        rank__in=END_RANKS, next_try_at__gte=0, state__in=Operation.UNFINISHED
    )
    ends = rows.filter(Operation.is_in_force()).order_by().values("account")
    oldest = ends.annotate(oldest=Min("due_at"), now=Now())
    return {row["account"]: max(0.0, (row["now"] - row["oldest"]) / 1000) for row in oldest}


def heartbeat_age(using: str) -> float | None:
    """Return for how many seconds the last sweep of a database is past; None if none ever ran."""
    beat = with_now(Heartbeat.objects.using(using)).first()
    return None if beat is None else _since(beat.beat_at, beat.now)


class AccountCondition(NamedTuple):
    """An account's condition, why, and until when (milliseconds) it makes no call."""

    condition: Condition
    reason: str = ""
    until: int | None = None


OPEN = AccountCondition(Condition.OPEN)


def condition_of(state: AccountState) -> AccountCondition:
    """Return the condition of an account that was read with ``now``."""
    if state.blocked_since is not None:
        until = max(state.probe_at, state.frozen_until)
        return AccountCondition(Condition.BLOCKED, _why_blocked(state), until)
    if state.frozen_until > state.now:
        reason = "The vendor answered 429."
        return AccountCondition(Condition.FROZEN, reason, state.frozen_until)
    if state.billing_since is not None:
        reason = "The vendor asks for payment: content waits, ends flow."
        return AccountCondition(Condition.BILLING, reason, state.billing_probe_at)
    if state.limit_since is not None:
        reason = "As many cards are alive as the vendor allows: starts wait."
        return AccountCondition(Condition.LIMIT, reason, state.limit_probe_at)
    return OPEN


def _why_blocked(state: AccountState) -> str:
    """Return what the last answer of a blocked account asks for: no key is at fault for a 500."""
    last = state.blocked_reason
    if last.startswith(Outcome.UNAUTHORIZED):
        return f"The vendor refuses the account ({last}): check its api_key and base_url."
    return f"Calls fail, {state.failures} in a row (the last: {last}): the vendor or the network."


def _since(at: int | None, now: int) -> float | None:
    return None if at is None else max(0.0, (now - at) / 1000)


def _until(at: int | None, state: AccountState | None) -> float | None:
    return None if at is None or state is None else max(0.0, (at - state.now) / 1000)
