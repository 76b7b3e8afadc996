"""The problems of accounts: returned by a health check, and logged once per account and period."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Q
from django.utils.connection import ConnectionDoesNotExist

from django_liveactivity import conf
from django_liveactivity.models import AccountState, Now, Operation, rows_of, with_now
from django_liveactivity.printable import get_logger

from .condition import (
    STUCK,
    Condition,
    condition_of,
    heartbeat_age,
    is_silent,
    is_stopped,
    why_silent,
    why_unknown,
)
from .status import FILTERED, AccountStatus, DueEnds, due_ends_by_account, statuses

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
    """A problem that an operator has to solve.

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
    """Return how delivery is doing, for a health check; log it if nothing drains.

    An account has a problem when an end has been due for more than 5 minutes
    (``Timing.overdue_after``), when nothing drains, and when its rows cannot be read. That a key is
    refused is none by itself: the account opens when a probe succeeds, and if none does, its ends
    are overdue in 5 minutes.

    Args:
        accounts: an alias, or several; by default all of ``LIVEACTIVITY``, and those of the account
            source that may have a problem.

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
        log_silence(account, found)
    return Health(rows, tuple(problems))


def find_problems(status: AccountStatus, account: conf.Account) -> Iterator[Problem]:
    """Yield the problems of an account."""
    if status.condition == Condition.UNREADABLE:
        message = f"its rows cannot be read: {status.reason}"
        yield Problem(status.account, ProblemCode.UNREADABLE, message)
    yield from overdue(account, status.oldest_due_end_age)
    # That nothing drains does not matter as long as nothing was ever asked for.
    if status.is_used and (words := why_silent(status.heartbeat_age, account.timing)):
        yield Problem(status.account, ProblemCode.SILENT, words)


def source_accounts() -> list[conf.Account]:
    """Return the accounts of the account source that may have a problem, as ``stand_in`` does.

    They are not open, or have an end that has been due for too long; at most 100. If no sweep was
    made lately, one that is used is among them. ``ANY_OF_SOURCE`` stands for all of them if their
    database does not answer. The source is not asked.
    """
    source = conf.account_source()
    if source is None:
        return []
    using, timing = source.database, conf.timing_of_source()
    try:
        states = AccountState.objects.using(using)
        found = set(states.filter(is_stopped()).values_list("account", flat=True))
        for alias, ends in due_ends_by_account(Operation.objects.using(using)).items():
            if ends.waits_longer_than(timing.overdue_after):
                found.add(alias)
        if is_silent(heartbeat_age(using), timing):
            used = states.exclude(account__in=[*conf.accounts()]).values_list("account", flat=True)
            found |= {*used[:1]}
    except (Error, ConnectionDoesNotExist, ImproperlyConfigured):
        return [conf.of_source(conf.ANY_OF_SOURCE)]
    return [conf.of_source(a) for a in sorted(found) if conf.may_be_of_source(a)][:FILTERED]


def troubled(accounts: Sequence[conf.Account]) -> list[conf.Account]:
    """Return the accounts that may have a problem, in three statements for each database.

    They are not open, or have an end that has been due for too long; all of them, if no sweep was
    made lately, or the database does not answer: whether that matters, the status tells. That of
    up to 100 accounts is read in hardly more statements, so those are returned unread.
    """
    databases: dict[str, list[conf.Account]] = defaultdict(list)
    for account in accounts:
        databases[account.database].append(account)
    return [each for using, members in databases.items() for each in _troubled(using, members)]


def _troubled(using: str, accounts: list[conf.Account]) -> list[conf.Account]:
    if len(accounts) <= FILTERED:
        return accounts
    try:
        age = heartbeat_age(using)
        states = AccountState.objects.using(using).filter(is_stopped())
        closed = set(states.values_list("account", flat=True))
        ends = due_ends_by_account(Operation.objects.using(using))
    except (Error, ConnectionDoesNotExist, ImproperlyConfigured):
        return accounts[:FILTERED]
    return [
        account
        for account in accounts
        if account.alias in closed
        or ends.get(account.alias, DueEnds()).waits_longer_than(account.timing.overdue_after)
        or (account.dispatcher != "immediate" and is_silent(age, account.timing))
    ][:FILTERED]


def overdue(account: conf.Account, age: float | None) -> Iterator[Problem]:
    """Yield that an end has been due for too long, and that no such account is known.

    Args:
        account: the account, or a stand-in for one of the account source.
        age: for how many seconds its oldest due end has waited, or None if none is due.
    """
    if age is None or age * 1000 <= account.timing.overdue_after:
        return
    message = f"an end has been due for {age / 60:.0f} minutes."
    yield Problem(account.alias, ProblemCode.OVERDUE, message)
    if account.from_source and (why := why_unknown(account.alias)):
        yield Problem(account.alias, ProblemCode.UNKNOWN, f"its ends wait. {why}")


def log_problems(using: str, accounts: conf.DatabaseAccounts) -> None:
    """Log the problems that a sweep finds with the accounts of a database, in two statements."""
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
        _log(conf.stand_in(alias), found)


def log_silence(account: conf.Account, problems: Iterable[Problem]) -> None:
    """Log that nothing drains, which no sweep can do; a health check goes on if that fails."""
    silent = [problem for problem in problems if problem.code == ProblemCode.SILENT]
    try:
        _log(account, silent)
    except Error:
        logger.exception("%s: the alert could not be noted.", account.alias)


def _log(account: conf.Account, problems: Sequence[Problem]) -> None:
    """Log problems at ERROR, unless a worker anywhere did so within ``Timing.alert_every``."""
    if not problems:
        return
    rows = rows_of(account, AccountState)
    if not rows.exists():
        rows.bulk_create([AccountState(account=account.alias)], ignore_conflicts=True)
    silence = Now() - account.timing.alert_every
    if rows.filter(Q(alerted_at=None) | Q(alerted_at__lte=silence)).update(alerted_at=Now()):
        logger.error("%s", " ".join(map(str, problems)), extra={"account": account.alias})
