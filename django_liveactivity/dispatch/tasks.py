"""Wake a drain through Django's task framework, or its backport on Django 5.2.

The framework brings neither a schedule nor retries. So two sweeps are scheduled at any time, each
schedules a later one, and what has to wait comes back by ``run_after``.
"""

import datetime
from collections.abc import Callable
from functools import partial
from typing import Any

from django.utils import timezone

from django_liveactivity import conf
from django_liveactivity.printable import get_logger

try:
    from django import tasks
except ImportError:  # Django 5.2
    import django_tasks as tasks  # type: ignore[no-redef]

OWN = "liveactivity"
"""The backend in ``TASKS``, and the queue of a backend, that our tasks take if there is one."""

logger = get_logger("django_liveactivity.dispatch")


def backend_alias() -> str:
    """Return the alias in ``TASKS`` of the backend that our tasks go to."""
    return OWN if OWN in set(tasks.task_backends) else tasks.DEFAULT_TASK_BACKEND_ALIAS


def can_defer() -> bool:
    """Tell whether the backend can run a task later: else it has neither alarms nor sweeps."""
    return bool(tasks.task_backends[backend_alias()].supports_defer)


def _queue_name() -> str:
    queues = tasks.task_backends[backend_alias()].queues
    if OWN in queues:
        return OWN
    if tasks.DEFAULT_TASK_QUEUE_NAME in queues or not queues:
        return tasks.DEFAULT_TASK_QUEUE_NAME
    return min(queues)


def _task(function: Callable[..., object]) -> Any:
    return tasks.task(backend=backend_alias(), queue_name=_queue_name())(function)


def _enqueue(job: Any, seconds: float, *arguments: object) -> None:
    """Enqueue a task where the settings say now, which a test may have changed."""
    later = timezone.now() + datetime.timedelta(seconds=seconds) if seconds else None
    where = {"backend": backend_alias(), "queue_name": _queue_name()}
    job.using(run_after=later, **where).enqueue(*arguments)


def wake(alias: str, delay: float = 0.0, alarm: int = 0) -> None:
    """Enqueue a drain, in the caller's thread: it takes as long as the backend takes.

    Args:
        alias: the account.
        delay: in how many seconds a worker is to take the task. A backend that cannot run a task
            later gets none.
        alarm: the account's alarm that the wake-up is for; 0 for none.
    """
    if not delay or can_defer():
        _enqueue(drain, delay, alias, alarm)


def _wake(alias: str, delay: float = 0.0, alarm: int = 0) -> None:
    """Do what ``wake`` does, and let no queue that is down stop a drain or a sweep."""
    try:
        wake(alias, delay, alarm)
    except Exception:
        logger.exception("The wake-up for account %r failed; the next sweep will do.", alias)


@_task
def drain(alias: str, alarm: int = 0) -> int:
    """Deliver what is due for an account and may go now; it takes a few seconds at most.

    A drain that finds the sweep late sweeps, and schedules the next ones. With a backend that
    cannot run a task later, as Django's own for development, the drain waits out short pauses.

    Args:
        alias: the account.
        alarm: the account's alarm that this wake-up is for; 0 if it comes from elsewhere.

    Returns:
        The number of calls made.
    """
    from django_liveactivity import delivery  # noqa: PLC0415 - it loads the HTTP client

    if not can_defer():
        from .immediate import drain_here  # noqa: PLC0415

        return drain_here(alias)
    done = delivery.drain(alias, on_backlog=partial(_wake, alias), alarm=alarm)
    if done.wake_in is not None:
        _wake(alias, done.wake_in, done.alarm)
    if done.is_sweep_late:
        _sweep(conf.stand_in(alias).database)
    return done.calls


@_task
def sweep(database: str, number: int) -> list[str]:
    """Wake a drain for every account of a database that has something due, and come again.

    Of the two that are scheduled one may be lost, as a task of django-tasks-db is whose worker was
    killed: the other one schedules what is missing.

    Args:
        database: its alias.
        number: of this sweep. One that was doubled, or has been given up as lost, does nothing.

    Returns:
        The accounts that were woken.
    """
    return _sweep(database, number)


def _sweep(database: str, number: int | None = None) -> list[str]:
    from django_liveactivity import delivery  # noqa: PLC0415 - it loads the HTTP client

    def publish(seconds: float, upcoming: int) -> None:
        _enqueue(sweep, seconds, database, upcoming)

    try:
        is_ours = delivery.schedule_sweep(database, publish, number)
    except Exception:
        logger.exception("No later sweep of %r is scheduled; the next one will try.", database)
        is_ours = True  # and this one goes on
    return delivery.sweep(_wake, database=database) if is_ours else []
