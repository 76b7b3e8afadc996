"""The Celery tasks, found by every host's ``autodiscover_tasks``."""

from __future__ import annotations

from dataclasses import asdict

from celery import shared_task

from . import conf, tracking
from .delivery import discard_session
from .delivery import drain as drain_account
from .delivery import sweep as sweep_accounts
from .dispatch.celery import kick as wake
from .tracking import Synced

LONGEST_COUNTDOWN = 60.0


@shared_task(name="django_liveactivity.drain", ignore_result=True, acks_late=True)
def drain(alias: str) -> int:
    """Deliver what is due for an account; come back soon if something waits for its pace.

    A drain that could make no call leaves the coming back to the sweep, so that doubled kicks
    never multiply. One with a backlog wakes one more, up to the number of seats.

    Args:
        alias: the account.

    Returns:
        The number of calls made.
    """
    # A broker that is down or silent by now must not hold up what is due: so not drain.delay().
    done = drain_account(alias, on_backlog=lambda: wake(alias))
    waits = done.again_in if done.more and done.calls else None
    if waits is not None and waits <= LONGEST_COUNTDOWN:
        drain.apply_async(args=(alias,), countdown=waits)
    return done.calls


@shared_task(name="django_liveactivity.sweep", ignore_result=True)
def sweep() -> list[str]:
    """Wake a drain for every account that has something due; beat runs this every 15 s.

    Returns:
        The accounts that were woken.
    """
    return sweep_accounts(_kick)


@shared_task(name="django_liveactivity.reconcile", ignore_result=True)
def reconcile() -> dict[str, int]:
    """Compare the live cards with their objects, and end what should have ended; by beat.

    Returns:
        How many cards were looked at, and what came of it.
    """
    synced = Synced()
    for batch in tracking.reconcile():
        synced.add(batch)
    if synced.failed:  # perhaps by a session that a failover left read-only
        for account in conf.accounts().values():
            discard_session(account.database)
    return asdict(synced)


def _kick(alias: str) -> None:
    drain.delay(alias)
