"""Periodic housekeeping: the heartbeat, wake-ups of accounts with due work, totals, pruning.

Where no beat and no loop runs, each sweep schedules the next ones (``schedule_sweep``).
"""

from collections.abc import Callable, Iterable

from django_liveactivity import conf
from django_liveactivity.health.problems import log_problems
from django_liveactivity.models import AccountState, Heartbeat, Now, Operation, with_now
from django_liveactivity.printable import get_logger

from .lanes.candidates import due_accounts
from .limits.admission import admission
from .prune import prune
from .totals import count_calls
from .transaction import durable_transaction, fresh_session_after_error

logger = get_logger("django_liveactivity.delivery")
_source = conf.ChangeWatch()
"""What this process has learned of the source's accounts since its last sweep."""


def sweep(
    wake: Callable[[str], object],
    aliases: Iterable[str] | None = None,
    *,
    database: str | None = None,
) -> list[str]:
    """Write each database's heartbeat, wake its accounts with due work, and prune finished rows.

    An account of which only content is due sleeps until its alarm. What an operator has to look
    into is logged: an end that is overdue, a key that is refused. Calls are counted for a monitor,
    and nothing is pruned before. The number of statements does not grow with the accounts.

    Args:
        wake: called with the alias of each account that has something due.
        aliases: the accounts to look at; by default all. Those of the account source are not
            listed: what is due names them.
        database: the alias of the one database to look at; by default all.

    Returns:
        The aliases that were woken. Doubled sweeps do no harm, as a wake-up without work is cheap.
    """
    databases = conf.databases(aliases)
    wanted = databases.keys() if database is None else databases.keys() & {database}
    return [alias for using in wanted for alias in _sweep(using, databases[using], wake)]


def _sweep(using: str, accounts: conf.DatabaseAccounts, wake: Callable[[str], object]) -> list[str]:
    """Sweep a database; what is wrong with it must not keep the others from their sweep."""
    woken: list[str] = []
    try:
        with fresh_session_after_error(using):
            _beat(using)
            asleep = _asleep(using, accounts)
            for alias, ranks in due_accounts(using).items():
                sleeps = alias in asleep and ranks.issubset(Operation.CONTENT_RANKS)
                if accounts.find(alias) is not None and not sleeps:
                    wake(alias)
                    woken.append(alias)
            log_problems(using, accounts)
            if count_calls(using, accounts):
                prune(using, accounts)
    except Exception:
        logger.exception("Database %r could not be swept.", using)
    return woken


def _asleep(using: str, accounts: conf.DatabaseAccounts) -> set[str]:
    """Return the accounts whose content waits for an alarm that is to come, or has just come.

    One more wake-up of each would only delay those of the others. When accounts of the source have
    changed, one that is blocked may have another key: then none is left asleep.
    """
    if accounts.has_source and _source.has_changed():
        return set()
    grace = max(timing.alarm_grace for timing in accounts.timings)
    states = with_now(AccountState.objects.using(using).filter(alarm_at__gt=Now() - grace))
    return {
        state.account
        for state in states
        if state.alarm_at <= state.now or admission(state).contents_at > state.now
    }


@durable_transaction
def _beat(using: str) -> None:
    beats = Heartbeat.objects.using(using)
    if not beats.filter(pk=1).update(beat_at=Now()):
        beats.bulk_create([Heartbeat(pk=1)], ignore_conflicts=True)
        beats.filter(pk=1).update(beat_at=Now())


@durable_transaction
def schedule_sweep(
    using: str, publish: Callable[[float, int], object], number: int | None = None
) -> bool:
    """Publish what is missing of the next two sweeps, unless that is another caller's to do.

    Two are scheduled at any time, a pause apart. So a sweep that is lost, because its worker was
    killed as it took the task, ends nothing: the one after it schedules two again.

    Args:
        using: the database alias.
        publish: called with the seconds until a sweep and its number, in the transaction that
            stores the number: if it raises, nothing is stored. It may be called again after a
            lock conflict; a sweep that it published before has no right to schedule then.
        number: that of the sweep that runs now; None for a drain that has found the sweep late.

    Returns:
        Whether the caller was the one to publish, and to sweep.
    """
    beats = Heartbeat.objects.using(using)
    beats.bulk_create([Heartbeat(pk=1)], ignore_conflicts=True)
    beat = with_now(beats.filter(pk=1)).get()
    last = beat.scheduled_until
    missing = missing_sweeps(last, beat.now, _pause(using), number)
    is_ours = missing and beats.filter(pk=1, scheduled_until=last).update(
        scheduled_until=missing[-1][1]
    )
    if not is_ours:
        return False
    for delay, upcoming in missing:
        publish(delay / 1000, upcoming)
    return True


def missing_sweeps(
    last: int, now: int, pause: int, number: int | None = None
) -> list[tuple[int, int]]:
    """Return the sweeps that are to be scheduled so that two are.

    Args:
        last: the number of the last sweep that is scheduled, which is its time; 0 if none ever was.
        now: the database's clock.
        pause: between two sweeps. All times are milliseconds.
        number: that of the sweep that runs, and may schedule as long as no more than one is
            scheduled after it: a doubled one schedules none. None for a drain, which may when all
            are overdue, so that the first of them is late by a pause.

    Returns:
        The delay and the number of each.
    """
    if last >= now if number is None else last > number + pause:
        return []
    if number is not None:
        now = max(now, number)  # the clock may have been set back since it was scheduled
    latest, count = (last, 1) if last > now else (now, 2)
    numbers = [latest + pause * position for position in range(1, count + 1)]
    return [(upcoming - now, upcoming) for upcoming in numbers]


def _pause(using: str) -> int:
    """Return the pause between two sweeps, in milliseconds: the shortest of any account there."""
    found = conf.databases().get(using)
    timings = found.timings if found is not None else []
    return min(timing.sweep for timing in timings or [conf.Timing()])
