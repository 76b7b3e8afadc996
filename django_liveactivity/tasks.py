"""The Celery tasks, found by every host's ``autodiscover_tasks``.

Each option that a global setting or base class of the host would fill in, and that could break the
task, is given here: a ``task_time_limit`` of 8 s was seen to kill every drain with a backlog.
"""

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from typing import ParamSpec, TypeVar

from celery import Task, shared_task
from django.core.exceptions import ImproperlyConfigured

from . import conf, tracking
from .delivery import discard_session, drain as drain_account, sweep as sweep_accounts
from .dispatch.celery import DRAIN_TASK, wake
from .dispatch.immediate import drain_here
from .tracking import SyncResult

P = ParamSpec("P")
R = TypeVar("R")


def _longest(duration: Callable[[conf.Timing], int]) -> int:
    """Return the longest such duration of any account, in whole seconds."""
    try:
        timings = [timing for found in conf.databases().values() for timing in found.timings]
    except ImproperlyConfigured:
        timings = []  # the system checks say so
    return math.ceil(max(map(duration, timings or [conf.Timing()])) / 1000)


# What lasts longer is stuck: its lease is over, or the next sweep has long done its work.
DRAIN_LIMIT = _longest(lambda timing: timing.drain + timing.call_deadline + timing.lease)
SWEEP_LIMIT = _longest(lambda timing: timing.overdue_after)
RECONCILE_LIMIT = 3600
GRACE = 15
"""Seconds between the exception of the soft limit and the SIGKILL of the hard one."""


def task(name: str, seconds: int, *, acks_late: bool) -> "Callable[[Callable[P, R]], Task[P, R]]":
    """Return the decorator of a task that is stopped after *seconds*, and killed soon after."""
    return shared_task(
        name=name,
        acks_late=acks_late,
        soft_time_limit=seconds,
        time_limit=seconds + GRACE,
        ignore_result=True,
        reject_on_worker_lost=False,
        autoretry_for=(),
        rate_limit="0",
    )


@task(DRAIN_TASK, DRAIN_LIMIT, acks_late=True)
def drain(alias: str, alarm: int = 0) -> int:
    """Deliver what is due for an account and may go now; it takes a few seconds at most.

    What has to wait comes back by a delayed wake-up. A drain with a backlog wakes one more, up to
    the number of drain permits, and one that finds the sweep late sweeps.

    Args:
        alias: the account.
        alarm: the account's alarm that this wake-up is for; 0 if it comes from elsewhere.

    Returns:
        The number of calls made.
    """
    if drain.request.is_eager:  # in the host's own process, where Celery keeps no countdown
        return drain_here(alias)
    done = drain_account(alias, on_backlog=partial(wake, alias), alarm=alarm)
    if done.wake_in is not None:
        wake(alias, done.wake_in, done.alarm)
    if done.is_sweep_late:
        sweep_accounts(wake)
    return done.calls


@task("django_liveactivity.sweep", SWEEP_LIMIT, acks_late=False)
def sweep() -> list[str]:
    """Wake a drain for every account that has something due; beat runs this every 15 s.

    Returns:
        The accounts that were woken.
    """
    return sweep_accounts(wake)


@task("django_liveactivity.reconcile", RECONCILE_LIMIT, acks_late=False)
def reconcile() -> dict[str, int]:
    """Compare the live cards with their objects, and end what should have ended; by beat.

    Returns:
        How many cards were compared, and the results.
    """
    synced = SyncResult()
    for batch in tracking.reconcile():
        synced.add(batch)
    if synced.failed:  # perhaps by a session that a failover left read-only
        for using in conf.databases():
            discard_session(using)
    return asdict(synced)
