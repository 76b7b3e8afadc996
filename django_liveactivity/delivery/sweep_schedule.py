"""Who schedules the next sweep of a database, where each sweep schedules the one after it."""

from __future__ import annotations

from collections.abc import Callable

from django.db.models import F
from django.db.models.functions import Greatest

from django_liveactivity import conf
from django_liveactivity.models import Heartbeat, Now

from .transaction import durable_transaction


@durable_transaction
def schedule_sweep(
    using: str, publish: Callable[[float, int], object], number: int | None = None
) -> bool:
    """Publish the next sweep of a database, unless that is another caller's to do.

    The row of the heartbeat has the number of the sweep that is scheduled. A sweep that runs may
    schedule the next one only if it has that number, so a doubled one schedules none. One that is
    late by as much as the pause between sweeps counts as lost, and then any caller without a
    number may begin again.

    Args:
        using: the database alias.
        publish: called with the seconds until the next sweep and its number, in the transaction
            that stores the number: if it raises, nothing is stored. It may be called again after a
            lock conflict; a sweep that it published before has no right to schedule then.
        number: that of the sweep that runs now; None for a drain that has found the sweep late.

    Returns:
        Whether the next sweep was published.
    """
    pause = _pause(using)
    beats = Heartbeat.objects.using(using)
    beats.bulk_create([Heartbeat(pk=1)], ignore_conflicts=True)
    scheduled = beats.filter(pk=1, next_sweep_at__lt=Now() - pause)
    if number is not None:
        scheduled = beats.filter(pk=1, next_sweep_at=number)
    upcoming = Greatest(Now() + pause, F("next_sweep_at") + 1)
    if not scheduled.update(next_sweep_at=upcoming):
        return False
    publish(pause / 1000, beats.values_list("next_sweep_at", flat=True).get(pk=1))
    return True


def _pause(using: str) -> int:
    """Return the pause between two sweeps, in milliseconds: the shortest of any account there."""
    found = conf.databases().get(using)
    timings = found.timings if found is not None else []
    return min(timing.sweep for timing in timings or [conf.Timing()])
