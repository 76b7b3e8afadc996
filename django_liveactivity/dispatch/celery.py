"""Wake a drain through Celery, from a thread of its own.

A broker that is down or hangs costs the host nothing: ``delay()`` was measured to block for 0.6 s
to 6 s, by the version of Celery, when Redis refuses and for over 30 s when it is silent.
"""

import os
import threading
import time
from multiprocessing.util import Finalize

from celery import Celery, _state, current_app
from celery.signals import worker_process_shutdown

from django_liveactivity.printable import get_logger

DRAIN_TASK = "django_liveactivity.drain"
EXIT_SECONDS = 1.0
"""How long a process that exits waits for what it has not published yet."""
PAUSE_SECONDS = 1.0
"""How long the broker of an app is left alone after it failed: each try costs the host's threads
time, and what they ask for meanwhile becomes one wake-up for each account."""
LAST = 9
"""The priority, on Redis, of wake-ups for later: a worker takes them out of the queue after those
for now, and an end does not wait behind every account that waits for its pace. Other brokers count
the other way round, or need a queue that was declared for it."""

logger = get_logger("django_liveactivity.dispatch")


class Publisher:
    """The wake-ups to publish, and one daemon thread, which ends when there are none.

    Of an app's wake-ups for one account, one for now and one for later are kept.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._requests: dict[tuple[Celery, str, bool], tuple[float, int]] = {}
        self._paused: dict[Celery, float] = {}
        self._running = False
        self._flushing = False
        self._flushed_at_exit = False

    def request(self, app: Celery, alias: str, delay: float, alarm: int) -> None:
        """Ask for a wake-up of this account; many asked for at once become one."""
        with self._changed:
            key = app, alias, delay > 0
            wanted = delay, alarm
            self._requests[key] = min(wanted, self._requests.get(key, wanted))
            if not self._flushed_at_exit:
                # Unlike atexit, this runs at the exit of children of multiprocessing, too.
                Finalize(None, self.flush, exitpriority=0)
                self._flushed_at_exit = True
            if not self._running:
                threading.Thread(
                    target=self._publish, name="liveactivity-wake", daemon=True
                ).start()
                self._running = True
            elif app not in self._paused:
                self._changed.notify_all()

    def flush(self) -> None:
        """Wait until nothing is left to publish, for at most ``EXIT_SECONDS``; no app pauses."""
        with self._changed:
            self._flushing = True
            self._changed.notify_all()
            self._changed.wait_for(lambda: not self._running, EXIT_SECONDS)
            self._flushing = False

    def _publish(self) -> None:
        while request := self._next():
            app, alias, *_ = request
            try:
                _send(*request)
            except Exception as error:  # noqa: BLE001 - whatever a broker raises: the sweep will do
                self._paused[app] = time.monotonic() + PAUSE_SECONDS
                logger.warning(
                    "No wake-up for account %r, the next sweep will do: %s",
                    alias,
                    type(error).__name__,
                )

    def _next(self) -> tuple[Celery, str, float, int] | None:
        """Wait for a request of an app that does not pause; return None when none is left."""
        with self._changed:
            while self._requests:
                now = time.monotonic()
                self._paused = {
                    app: until
                    for app, until in self._paused.items()
                    if until > now and not self._flushing
                }
                for app, alias, later in self._requests:
                    if app not in self._paused:
                        return app, alias, *self._requests.pop((app, alias, later))
                self._changed.wait(min(self._paused.values()) - now)
            self._running = False
            self._changed.notify_all()
            return None


def _send(app: Celery, alias: str, delay: float, alarm: int) -> None:
    """Publish one wake-up; a broker that refuses fails it at once, a lost connection is renewed."""
    with app.producer_or_acquire() as producer:
        connection = producer.connection
        # Each host once, and at once: Kombu by itself would wait and try for 6 s.
        once = {"max_retries": max(1, len(connection.alt)), "interval_start": 0, "interval_step": 0}
        connection.ensure_connection(**once)
        app.send_task(
            DRAIN_TASK,
            args=[alias, alarm] if alarm else [alias],
            countdown=delay or None,
            priority=LAST if delay and connection.transport.driver_type == "redis" else None,
            ignore_result=True,
            producer=producer,
            retry=True,
            retry_policy=once,
        )


_publishers: dict[int, Publisher] = {}
"""By process id: a fork has our memory, but not our thread."""


def _publisher() -> Publisher:
    return _publishers.setdefault(os.getpid(), Publisher())


@worker_process_shutdown.connect
def _flush_worker_process(**_: object) -> None:
    """Publish what is left in a child of Celery's prefork pool, which ends by ``os._exit``."""
    _publisher().flush()


def wake(alias: str, delay: float = 0.0, alarm: int = 0) -> None:
    """Let the daemon thread send the task with the Celery app of this thread; return at once.

    Args:
        alias: the account.
        delay: in how many seconds a worker is to take the task.
        alarm: the account's alarm that the wake-up is for; 0 for none.

    It is the app that ``delay()`` of a shared task would use here. With its ``task_always_eager``
    the drain runs here and now, as the dispatcher ``immediate`` does it.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]
    if app.conf.task_always_eager:
        from . import immediate  # noqa: PLC0415 - delivery loads the HTTP client

        immediate.wake(alias, delay)
    else:
        _publisher().request(app, alias, delay, alarm)


def app_here() -> Celery | None:
    """Return the Celery app of this thread, or None where only Celery's own default would be left.

    Celery's public ``current_app`` makes that default, which then keeps the project's app, if that
    is loaded later, from being the one of all threads.
    """
    here: Celery | None = _state._tls.current_app  # type: ignore[attr-defined]
    return here or app_elsewhere()


def app_elsewhere() -> Celery | None:
    """Return the Celery app of every thread that has none of its own, such as a request's."""
    app: Celery | None = _state.default_app  # type: ignore[attr-defined]
    return app
