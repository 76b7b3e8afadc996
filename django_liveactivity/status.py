"""How delivery is doing for an account, read from its rows."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import QuerySet
from django.utils.connection import ConnectionDoesNotExist

from . import conf
from .backends import get_backend
from .models import AccountState, Act, LiveActivity, Now, Operation, Slot, with_now
from .models.schema import cure_of
from .selectors import tracking_failures

Rank = Operation.Rank
Operations = QuerySet[Operation, Operation]
END_RANKS = (Rank.END, Rank.RETRIED_END)
UNREADABLE = "unreadable"


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
        needs_attention: cards that somebody should look at.
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
    needs_attention: int = 0
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
    slots = Slot.objects.using(using).filter(account=account.alias, free_at__gt=Now())
    cards = LiveActivity.objects.using(using).filter(account=account.alias, needs_attention=True)
    rate_limit = get_backend(account.alias).rate_limit
    return AccountStatus(
        account=account.alias,
        condition=condition.name,
        reason=condition.reason,
        next_call_in=_until(condition.until, state),
        backlog=backlog(account).count(),
        due_ends=due_ends(account).count(),
        oldest_due_end_age=oldest_due_end_age(account),
        needs_attention=cards.count(),
        slots_in_use=slots.count(),
        slots=None if rate_limit is None else rate_limit[0],
        heartbeat_age=_since(state.heartbeat_at, state.now) if state else None,
        is_used=_is_used(account),
        tracking_failures=tracking_failures(account).count(),
    )


def _is_used(account: conf.Account) -> bool:
    using, own = account.database, {"account": account.alias}
    operations = Operation.objects.using(using).filter(**own)
    acts = Act.objects.using(using).filter(**own, applied_at__isnull=True)
    return operations.exists() or acts.exists()


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


class Condition(NamedTuple):
    """An account's condition, why, and until when (milliseconds) it makes no call."""

    name: str
    reason: str = ""
    until: int | None = None


def condition_of(state: AccountState) -> Condition:
    """Return the condition of an account that was read with ``now``."""
    if state.blocked_since is not None:
        until = max(state.probe_at, state.frozen_until)
        refused = f"The vendor refuses the account ({state.blocked_reason}): "
        return Condition("blocked", refused + "check its api_key and base_url.", until)
    if state.frozen_until > state.now:
        return Condition("frozen", "The vendor answered 429.", state.frozen_until)
    if state.billing_since is not None:
        reason = "The vendor asks for payment: content waits, ends flow."
        return Condition("billing", reason, state.billing_probe_at)
    if state.limit_since is not None:
        reason = "As many cards are alive as the vendor allows: starts wait."
        return Condition("limit", reason, state.limit_probe_at)
    return Condition("open")


def _since(at: int | None, now: int) -> float | None:
    return None if at is None else max(0.0, (now - at) / 1000)


def _until(at: int | None, state: AccountState | None) -> float | None:
    return None if at is None or state is None else max(0.0, (at - state.now) / 1000)
