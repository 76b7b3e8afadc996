"""Whether delivery is well, for health checks: what is known of an account, judged."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from . import alerts, conf
from .alerts import Problem, overdue
from .status import UNREADABLE, AccountStatus, account_status

__all__ = ["AccountStatus", "Health", "Problem", "check_health"]


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
        accounts: an alias in ``LIVEACTIVITY``, or several; by default all.

    Raises:
        InvalidInputError: at ``account``, if ``LIVEACTIVITY`` has no such alias.
    """
    if isinstance(accounts, str):
        accounts = [accounts]
    chosen = [conf.account(alias) for alias in (conf.accounts() if accounts is None else accounts)]
    rows = tuple(account_status(account) for account in chosen)
    problems = []
    for account, status in zip(chosen, rows, strict=True):
        found = list(find_problems(status, account.timing))
        problems += found
        alerts.alert_of_silence(account, found)
    return Health(rows, tuple(problems))


def find_problems(status: AccountStatus, timing: conf.Timing) -> Iterator[Problem]:
    """Yield what is wrong with an account."""
    if status.condition == UNREADABLE:
        yield Problem(status.account, UNREADABLE, f"its rows cannot be read: {status.reason}")
    yield from overdue(status.account, status.oldest_due_end_age, timing)
    yield from _silent(status, timing)


def _silent(status: AccountStatus, timing: conf.Timing) -> Iterator[Problem]:
    """Yield that nothing drains, which does not matter as long as nothing was ever asked for."""
    age = status.heartbeat_age
    if not status.is_used or (age is not None and age * 1000 <= timing.silent_after):
        return
    last = "there was never a sweep" if age is None else f"the last sweep was {age:.0f} s ago"
    cure = "run manage.py liveactivity_dispatch, or Celery's worker and beat"
    yield Problem(status.account, alerts.SILENT, f"nothing drains: {last}; {cure}.")
