"""How delivery is doing for an account, read from its rows."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Count, Max, Min, Q, QuerySet
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
    with_now,
)
from django_liveactivity.models.schema import cure_of
from django_liveactivity.selectors import tracking_failures

Rank = Operation.Rank
Operations = QuerySet[Operation, Operation]
END_RANKS = (Rank.END, Rank.RETRIED_END, Rank.UNKNOWN_END)
UNREADABLE = "unreadable"
NAMED = 10
"""How many cards of one problem are named."""
VENDOR_LIMIT = re.compile(r'"limit":\s*(\d{1,6})\b')


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
        condition: ``open``, ``frozen``, ``blocked``, ``billing``, ``limit``, or ``unreadable`` if
            the account's database did not answer: then nothing else is known.
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
    condition: str
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

    def as_dict(self) -> dict[str, Any]:
        """Return the fields as a dict, ready for JSON."""
        return asdict(self)


def account_status(account: conf.Account) -> AccountStatus:
    """Return how delivery is doing for an account.

    An account that cannot be read is told as ``unreadable``: it must not hide the others.
    """
    try:
        return _read(account)
    except (Error, ConnectionDoesNotExist, ImproperlyConfigured) as error:
        text = " ".join(str(error).split()) or type(error).__name__
        return AccountStatus(account.alias, UNREADABLE, f"{text} {cure_of(error)}".strip())


def _read(account: conf.Account) -> AccountStatus:
    using = account.database
    states = AccountState.objects.using(using).filter(account=account.alias)
    state = with_now(states).first()
    condition = Condition("open") if state is None else condition_of(state)
    slots = RateLimitSlot.objects.using(using).filter(account=account.alias, free_at__gt=Now())
    cards = LiveActivity.objects.using(using).filter(account=account.alias, needs_attention=True)
    ends = _Ends.of(account)
    attention = cards.count()
    waiting = _waiting_starts(account) if condition.name == "limit" else None
    rate_limit = get_backend(account.alias).rate_limit
    return AccountStatus(
        account=account.alias,
        condition=condition.name,
        reason=condition.reason,
        next_call_in=_until(condition.until, state),
        backlog=backlog(account).count(),
        due_ends=ends.due,
        oldest_due_end_age=ends.oldest_age,
        overdue_cards=ends.overdue_cards,
        operator_cards=ends.operator_cards,
        needs_attention=attention,
        attention_cards=_named(cards) if attention else NamedCards(),
        waiting_starts=0 if waiting is None else waiting.values("lane_digest").distinct().count(),
        vendor_limit=None if waiting is None else _vendor_limit(waiting),
        slots_in_use=slots.count(),
        slots=None if rate_limit is None else rate_limit[0],
        heartbeat_age=heartbeat_age(account.database),
        is_used=_is_used(account),
        tracking_failures=tracking_failures(account).count(),
    )


@dataclass(frozen=True)
class _Ends:
    """The due ends of an account, and the cards of those that are a problem."""

    due: int
    oldest_age: float | None
    overdue_cards: NamedCards = NamedCards()
    operator_cards: NamedCards = NamedCards()

    @classmethod
    def of(cls, account: conf.Account) -> _Ends:
        rows = due_ends(account)
        refused = Q(state=Operation.State.NEEDS_OPERATOR)
        counts = rows.aggregate(due=Count("pk"), refused=Count("pk", filter=refused))
        age = oldest_due_end_age(account)
        longest = account.timing.overdue_after
        overdue = rows.filter(due_at__lt=Now() - longest)
        return cls(
            counts["due"],
            age,
            _named(overdue, "activity__") if age and age * 1000 > longest else NamedCards(),
            _named(rows.filter(refused), "activity__") if counts["refused"] else NamedCards(),
        )


def _named(rows: QuerySet[Any, Any], card: str = "") -> NamedCards:
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


def _is_used(account: conf.Account) -> bool:
    using, own = account.database, {"account": account.alias}
    operations = Operation.objects.using(using).filter(**own)
    operator_actions = OperatorAction.objects.using(using).filter(**own, applied_at__isnull=True)
    return operations.exists() or operator_actions.exists()


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


def oldest_due_end_age(account: conf.Account) -> float | None:
    """Return for how many seconds the oldest due end has waited, or None if none is due."""
    oldest = with_now(due_ends(account)).order_by("due_at").first()
    return None if oldest is None else _since(oldest.due_at, oldest.now)


def heartbeat_age(using: str) -> float | None:
    """Return for how many seconds the last sweep of a database is past; None if none ever ran."""
    beat = with_now(Heartbeat.objects.using(using)).first()
    return None if beat is None else _since(beat.beat_at, beat.now)


class Condition(NamedTuple):
    """An account's condition, why, and until when (milliseconds) it makes no call."""

    name: str
    reason: str = ""
    until: int | None = None


def condition_of(state: AccountState) -> Condition:
    """Return the condition of an account that was read with ``now``."""
    if state.blocked_since is not None:
        until = max(state.probe_at, state.frozen_until)
        return Condition("blocked", _why_blocked(state), until)
    if state.frozen_until > state.now:
        return Condition("frozen", "The vendor answered 429.", state.frozen_until)
    if state.billing_since is not None:
        reason = "The vendor asks for payment: content waits, ends flow."
        return Condition("billing", reason, state.billing_probe_at)
    if state.limit_since is not None:
        reason = "As many cards are alive as the vendor allows: starts wait."
        return Condition("limit", reason, state.limit_probe_at)
    return Condition("open")


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
