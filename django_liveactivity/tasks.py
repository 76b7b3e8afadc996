"""The Celery tasks, found by every host's ``autodiscover_tasks``.

Each option that a global setting or base class of the host would fill in, and that could break the
task, is given here: a ``task_time_limit`` of 8 s was seen to kill every drain with a backlog.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from celery import shared_task
from django.core.exceptions import ImproperlyConfigured

from . import conf, tracking
from .delivery import discard_session
from .delivery import drain as drain_account
from .delivery import sweep as sweep_accounts
from .dispatch.celery import DRAIN_TASK, wake
from .dispatch.immediate import SECONDS as EAGER_SECONDS
from .tracking import SyncResult

LONGEST_COUNTDOWN = 60.0


def _longest(duration: Callable[[conf.Timing], int]) -> int:
    """Return the longest such duration of any account, in whole seconds."""
    try:
        timings = [account.timing for account in conf.accounts().values()]
    except ImproperlyConfigured:
        timings = []  # the system checks say so
    return math.ceil(max(map(duration, timings or [conf.Timing()])) / 1000)


# What lasts longer is stuck: its lease is over, or the next sweep has long done its work.
DRAIN_LIMIT = _longest(lambda timing: timing.drain + timing.call_deadline + timing.lease)
SWEEP_LIMIT = _longest(lambda timing: timing.overdue_after)
RECONCILE_LIMIT = 3600
GRACE = 15
"""Seconds between the exception of the soft limit and the SIGKILL of the hard one."""

task = partial(
    shared_task, ignore_result=True, reject_on_worker_lost=False, autoretry_for=(), rate_limit=0
)


@task(
    name=DRAIN_TASK,
    acks_late=True,
    soft_time_limit=DRAIN_LIMIT,
    time_limit=DRAIN_LIMIT + GRACE,
)
def drain(alias: str) -> int:
    """Deliver what is due for an account; come back soon if something waits for its pace.

    A drain that could make no call leaves the coming back to the sweep, so that doubled kicks
    never multiply. One with a backlog wakes one more, up to the number of seats.

    Args:
        alias: the account.

    Returns:
        The number of calls made.
    """
    if drain.request.is_eager:  # in the host's own process, where Celery keeps no countdown
        return drain_account(alias, seconds=EAGER_SECONDS).calls
    # A broker that is down or silent by now must not hold up what is due: so not drain.delay().
    done = drain_account(alias, on_backlog=lambda: wake(alias))
    waits = done.again_in if done.more and done.calls else None
    if waits is not None and waits <= LONGEST_COUNTDOWN:
        drain.apply_async(args=(alias,), countdown=waits)
    return done.calls


@task(
    name="django_liveactivity.sweep",
    acks_late=False,
    soft_time_limit=SWEEP_LIMIT,
    time_limit=SWEEP_LIMIT + GRACE,
)
def sweep() -> list[str]:
    """Wake a drain for every account that has something due; beat runs this every 15 s.

    Returns:
        The accounts that were woken.
    """
    return sweep_accounts(wake)


@task(
    name="django_liveactivity.reconcile",
    acks_late=False,
    soft_time_limit=RECONCILE_LIMIT,
    time_limit=RECONCILE_LIMIT + GRACE,
)
def reconcile() -> dict[str, int]:
    """Compare the live cards with their objects, and end what should have ended; by beat.

    Returns:
        How many cards were looked at, and what came of it.
    """
    synced = SyncResult()
    for batch in tracking.reconcile():
        synced.add(batch)
    if synced.failed:  # perhaps by a session that a failover left read-only
        for account in conf.accounts().values():
            discard_session(account.database)
    return asdict(synced)
