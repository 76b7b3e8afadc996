"""Whether delivery is well, for health checks: what is known of an account, judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django_liveactivity import conf
from django_liveactivity.models import AccountState, rows_of, with_now

from . import alerts
from .alerts import Problem, ProblemCode, overdue
from .status import (
    HOLDING_UP_ENDS,
    AccountCondition,
    AccountStatus,
    Condition,
    condition_of,
    heartbeat_age,
    is_silent,
    source_accounts,
    statuses,
    troubled,
)

__all__ = [
    "AccountStatus",
    "Condition",
    "Health",
    "Problem",
    "ProblemCode",
    "check_health",
    "is_open",
    "is_silent",
    "source_accounts",
    "statuses",
    "troubled",
    "why_ends_wait",
    "why_nothing_drains",
]


@dataclass(frozen=True)
class Health:
    """How delivery is doing for each account, and what is wrong."""

    accounts: tuple[AccountStatus, ...]
    problems: tuple[Problem, ...]

    @property
    def ok(self) -> bool:
        """Tell whether ends are delivered as they should be."""
        return not self.problems


def check_health(accounts: Iterable[str] | None = None) -> Health:
    """Return how delivery is doing, for a health check; that nothing drains is logged too.

    An account has a problem when an end has been due for more than 5 minutes
    (``Timing.overdue_after``), when nothing drains, and when its rows cannot be read. That a key is
    refused is none by itself: the account opens when a probe succeeds, and if none does, its ends
    are overdue in 5 minutes.

    Args:
        accounts: an alias, or several; by default all of ``LIVEACTIVITY``, and those of the account
            source that may not be well.

    Raises:
        UnknownAccountError: if neither ``LIVEACTIVITY`` nor an account source can have one of them.
    """
    if isinstance(accounts, str):
        accounts = [accounts]
    if accounts is None:
        chosen = [*conf.accounts().values(), *source_accounts()]
    else:
        chosen = [conf.stand_in(alias) for alias in accounts]
    rows = tuple(statuses(chosen))
    problems = []
    for account, status in zip(chosen, rows, strict=True):
        found = list(find_problems(status, account))
        problems += found
        alerts.alert_of_silence(account, found)
    return Health(rows, tuple(problems))


def find_problems(status: AccountStatus, account: conf.Account) -> Iterator[Problem]:
    """Yield what is wrong with an account."""
    if status.condition == Condition.UNREADABLE:
        message = f"its rows cannot be read: {status.reason}"
        yield Problem(status.account, ProblemCode.UNREADABLE, message)
    yield from overdue(account, status.oldest_due_end_age)
    # That nothing drains does not matter as long as nothing was ever asked for.
    if status.is_used and (silence := _silence(status.heartbeat_age, account.timing)):
        yield Problem(status.account, ProblemCode.SILENT, silence)


def _silence(age: float | None, timing: conf.Timing) -> str:
    """Return that nothing drains, in words, or "" if a sweep was made lately."""
    if not is_silent(age, timing):
        return ""
    last = "there was never a sweep" if age is None else f"the last sweep was {age:.0f} s ago"
    cure = "run manage.py liveactivity_dispatch, or Celery's worker and beat"
    return f"nothing drains: {last}; {cure}."


def why_ends_wait(account: conf.Account) -> str:
    """Return what keeps the account's due ends from being sent now, in words; "" if nothing does.

    What an operator is told after asking for an end: that it was stored is not that it goes.
    """
    condition, reason, next_call_in = _condition(account)
    if condition in HOLDING_UP_ENDS:
        return f"{reason} The next call is made in {next_call_in:.0f} s."
    return why_nothing_drains(account)


def why_nothing_drains(account: conf.Account) -> str:
    """Return why an operator's decision is not carried out now, in words; "" if it is."""
    if account.dispatcher == "immediate":
        return ""
    return _silence(heartbeat_age(account.database), account.timing)


def is_open(account: conf.Account) -> bool:
    """Tell whether the account makes every call that is due, so that there is nothing to probe."""
    return _condition(account).condition == Condition.OPEN


def _condition(account: conf.Account) -> AccountCondition:
    return condition_of(with_now(rows_of(account, AccountState)).first())
