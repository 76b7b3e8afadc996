"""Problems that an operator has to look into, logged once per account and period."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db import Error
from django.db.models import Q

from django_liveactivity import conf
from django_liveactivity.models import AccountState, Now, Operation, rows_of, with_now
from django_liveactivity.printable import get_logger

from .status import STUCK, condition_of, due_ends_by_account, why_unknown

logger = get_logger("django_liveactivity.alerts")


class ProblemCode(StrEnum):
    """What kind of problem an account has."""

    OVERDUE = "overdue"
    """An end has been due for too long."""
    SILENT = "silent"
    """Nothing drains."""
    UNREADABLE = "unreadable"
    """The database does not answer."""
    BLOCKED = "blocked"
    """The key or the address is refused; in the log only."""
    BILLING = "billing"
    """The vendor asks for payment; in the log only."""
    UNKNOWN = "unknown"
    """An end has been due for too long, and no such account is known, or not now."""


@dataclass(frozen=True)
class Problem:
    """One thing that an operator has to look into.

    Args:
        account: the alias.
        code: which kind of problem.
        message: the same in words.
    """

    account: str
    code: ProblemCode
    message: str

    def __str__(self) -> str:
        return f"{self.account}: {self.message}"


def watch(using: str, accounts: conf.DatabaseAccounts) -> None:
    """Log what a sweep finds wrong with the accounts of a database, in two statements."""
    problems: dict[str, list[Problem]] = defaultdict(list)
    for alias, ends in due_ends_by_account(Operation.objects.using(using)).items():
        if (account := accounts.find(alias)) is not None:
            problems[alias] += overdue(account, ends.age)
    refused = Q(blocked_since__isnull=False) | Q(billing_since__isnull=False)
    for state in with_now(AccountState.objects.using(using).filter(refused)):
        condition, reason, _ = condition_of(state)
        if condition in STUCK and accounts.find(state.account) is not None:
            problem = Problem(state.account, ProblemCode(condition), reason)
            problems[state.account].append(problem)
    for alias, found in problems.items():
        alert(conf.stand_in(alias), found)


def alert_of_silence(account: conf.Account, problems: Iterable[Problem]) -> None:
    """Log that nothing drains, as no sweep does; a health check goes on if that fails."""
    silent = [problem for problem in problems if problem.code == ProblemCode.SILENT]
    try:
        alert(account, silent)
    except Error:
        logger.exception("%s: the alert could not be noted.", account.alias)


def alert(account: conf.Account, problems: Sequence[Problem]) -> None:
    """Log problems at ERROR, unless a worker anywhere did so within ``Timing.alert_every``."""
    if not problems:
        return
    rows = rows_of(account, AccountState)
    if not rows.exists():
        rows.bulk_create([AccountState(account=account.alias)], ignore_conflicts=True)
    silence = Now() - account.timing.alert_every
    if rows.filter(Q(alerted_at=None) | Q(alerted_at__lte=silence)).update(alerted_at=Now()):
        logger.error("%s", " ".join(map(str, problems)), extra={"account": account.alias})


def overdue(account: conf.Account, age: float | None) -> Iterator[Problem]:
    """Yield that an end has been due for too long, and that no such account is known.

    Args:
        account: the account, or what stands in for one of the account source.
        age: for how many seconds its oldest due end has waited, or None if none is due.
    """
    if age is None or age * 1000 <= account.timing.overdue_after:
        return
    message = f"an end has been due for {age / 60:.0f} minutes."
    yield Problem(account.alias, ProblemCode.OVERDUE, message)
    if account.from_source and (why := why_unknown(account.alias)):
        yield Problem(account.alias, ProblemCode.UNKNOWN, f"its ends wait. {why}")
