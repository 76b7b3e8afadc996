"""Who schedules the next sweeps of a database, where each sweep schedules a later one."""

from __future__ import annotations

from collections.abc import Callable

from django_liveactivity import conf
from django_liveactivity.models import Heartbeat, with_now

from .transaction import durable_transaction


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
