"""Deliver without a broker: poll for due accounts, and drain them on a few threads.

The age of a file tells a probe whether the loop is stuck.
"""

import heapq
import itertools
import math
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from django.core.management.base import CommandError
from django.db import close_old_connections

from django_liveactivity import conf
from django_liveactivity.delivery import Drained, discard_session, drain, due_accounts, sweep
from django_liveactivity.health import Condition, status
from django_liveactivity.health.condition import STUCK
from django_liveactivity.models import Operation, OperatorAction, cure_of
from django_liveactivity.printable import get_logger, printable

from .terminal import ProgressBars

Ranks = frozenset[Operation.Rank | OperatorAction | None]
DRAWN_EVERY = 0.5
POLL_EVERY = 0.15
LONGEST_PAUSE = 15.0
RENEWED_EVERY = 1.0
LEFT_ALONE = (*STUCK, Condition.UNKNOWN)
"""The conditions that a run which is to end does not wait for."""

logger = get_logger("django_liveactivity.dispatch")


def drain_until_idle(alias: str, stop: threading.Event, bars: ProgressBars) -> Drained:
    """Drain an account until nothing is due, the vendor refuses it, or ``stop`` is set.

    It waits for an account that is frozen, or whose slots are taken.

    Returns:
        The result of the last drain, with the calls of all of them.
    """
    account, calls = conf.stand_in(alias), 0
    while True:
        bars.show(alias, status.backlog(account).count)
        done = drain(alias, seconds=DRAWN_EVERY if bars.is_seen else None, stop=stop)
        calls += done.calls
        if not done.more or done.condition in LEFT_ALONE or stop.is_set():
            bars.show(alias, status.backlog(account).count)
            return Drained(calls, done.more, done.again_in, condition=done.condition)
        stop.wait(min(done.again_in or (0.0 if done.calls else POLL_EVERY), LONGEST_PAUSE))


@dataclass
class _Pause:
    """Until when the loop leaves an account alone, and which kinds of due work wait so long."""

    until: float = 0.0
    known: Ranks = frozenset()
    failures: int = 0

    def covers(self, ranks: Ranks) -> bool:
        """Tell whether all of this due work has to wait."""
        return self.until > time.monotonic() and ranks <= self.known


@dataclass
class DispatchLoop:
    """Drains the accounts that have something due, on a bounded number of threads.

    Where more accounts are due than threads are free, the sweep goes first, then those with ends.

    Args:
        aliases: the accounts; None for all, those of the account source included.
        stop: ends the work after the calls in flight.
        bars: show the backlog while there is one.
        threads: how many drains at once; each has a connection to its database.
        interval: the seconds between two polls.
    """

    aliases: Collection[str] | None
    stop: threading.Event
    bars: ProgressBars
    threads: int = 4
    interval: float = POLL_EVERY

    def __post_init__(self) -> None:
        self._databases = conf.databases(self.aliases)
        timings = [timing for found in self._databases.values() for timing in found.timings]
        self._sweep_every = min(timing.sweep for timing in timings) / 1000
        self._stuck_after = max(timing.overdue_after for timing in timings) / 1000
        self._sweep_at = 0.0
        self._failed_polls = 0
        self._source = conf.ChangeWatch()
        self._pauses: defaultdict[str, _Pause] = defaultdict(_Pause)
        self._running: Counter[str] = Counter()
        self._steps: dict[int, float] = {}
        self._waiting: list[tuple[int, int, Callable[[], None]]] = []
        self._turn = itertools.count()
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="drain")

    def run(self) -> None:
        """Work until ``stop`` is set; after an error of the database, try again."""
        with self._pool:
            while not self.stop.is_set():
                with self._step():
                    pause = self._poll()
                    self._sweep()
                self.stop.wait(pause)

    def is_stuck(self) -> bool:
        """Tell whether a poll, a drain or a sweep has lasted longer than an end may be due.

        Each takes seconds, plus the timeouts of a vendor or a database that is down. One that
        lasts minutes hangs.
        """
        with self._lock:
            began = min(self._steps.values(), default=math.inf)
        return time.monotonic() - began > self._stuck_after

    @contextmanager
    def _step(self) -> Iterator[None]:
        """Note since when this thread has been at work; closing old connections is part of it."""
        thread = threading.get_ident()
        with self._lock:
            self._steps[thread] = time.monotonic()
        try:
            try:
                yield
            finally:
                close_old_connections()
        finally:
            with self._lock:
                del self._steps[thread]

    def _poll(self) -> float:
        """Start a drain for each account with something due; return the pause until the next."""
        self._forget_pauses()
        try:
            for using, accounts in self._databases.items():
                for alias, ranks in due_accounts(using).items():
                    waits = self._running[alias] or self._pauses[alias].covers(ranks)
                    if not waits and accounts.find(alias) is not None:
                        self._submit(alias, ranks)
            self._failed_polls = 0
        except Exception as error:  # noqa: BLE001 - logged, and tried again
            self._failed_polls += 1
            return self._log_failure("The poll for due accounts", error, self._failed_polls)
        return self.interval

    def _forget_pauses(self) -> None:
        """End the pauses when accounts of the source have changed: a key may be new."""
        has_source = any(accounts.has_source for accounts in self._databases.values())
        if has_source and self._source.has_changed():
            self._pauses.clear()

    def _submit(self, alias: str, ranks: Ranks) -> None:
        with self._lock:
            self._running[alias] += 1
        self._enqueue(_urgency(ranks), partial(self._drain, alias, ranks))

    def _enqueue(self, urgency: int, job: Callable[[], None]) -> None:
        with self._lock:
            heapq.heappush(self._waiting, (urgency, next(self._turn), job))
        with suppress(RuntimeError):  # the pool is shutting down
            self._pool.submit(self._run_next)

    def _run_next(self) -> None:
        with self._lock:
            _, _, job = heapq.heappop(self._waiting)
        if not self.stop.is_set():
            with self._step():
                job()

    def _drain(self, alias: str, ranks: Ranks) -> None:
        failures = self._pauses[alias].failures
        try:
            self._draw(alias)
            done = drain(alias, stop=self.stop, on_backlog=partial(self._submit, alias, ranks))
            self._pauses[alias] = _pause_after(done, ranks)
            self._draw(alias, "" if done.condition == Condition.OPEN else done.condition)
        except Exception as error:  # noqa: BLE001 - logged, and tried again
            pause = self._log_failure(f"{alias}: the drain", error, failures + 1)
            self._pauses[alias] = _Pause(time.monotonic() + pause, ranks, failures + 1)
        finally:
            with self._lock:
                self._running[alias] -= 1

    def _draw(self, alias: str, note: str = "") -> None:
        self.bars.show(alias, status.backlog(conf.stand_in(alias)).count, note)

    def _sweep(self) -> None:
        if time.monotonic() >= self._sweep_at:
            self._sweep_at = math.inf  # until this one is over
            self._enqueue(-1, self._sweep_now)  # first: without it, nothing seems to drain

    def _sweep_now(self) -> None:
        try:
            sweep(lambda _: None, self.aliases)  # the next poll finds what is due
        finally:
            self._sweep_at = time.monotonic() + self._sweep_every

    def _log_failure(self, what: str, error: Exception, failures: int) -> float:
        """Log a failure, with its traceback the first time; return the pause after it."""
        for using in self._databases:
            discard_session(using)
        pause: float = min(POLL_EVERY * 2 ** min(failures, 10), LONGEST_PAUSE)
        logger.error(
            "%s has failed, %d in a row: %s. The next try begins in %.1f s.",
            what,
            failures,
            " ".join([str(error).strip(), cure_of(error)]).rstrip(" ."),
            pause,
            exc_info=failures == 1,
        )
        return pause


def _urgency(ranks: Ranks) -> int:
    """Return the first rank among the due work; without a rank it is an end, or may be one."""
    return min(rank if isinstance(rank, Operation.Rank) else Operation.Rank.END for rank in ranks)


def _pause_after(done: Drained, ranks: Ranks) -> _Pause:
    """Return until when an account is left alone, unless something else becomes due."""
    if not done.more:
        return _Pause()
    pause = max(done.again_in or 0.0, 0.0 if done.calls else POLL_EVERY)
    known = ranks if done.ends_wait else ranks - {Operation.Rank.END}
    return _Pause(time.monotonic() + pause, known)


@contextmanager
def liveness_file(path: Path, is_stuck: Callable[[], bool]) -> Iterator[None]:
    """Renew the time of an empty file each second while the block runs; then remove the file.

    A thread of its own renews it: a vendor or a database that is away does not make it old. A
    process that is stopped, or hangs as a whole, renews nothing.

    Args:
        path: the file; one that a killed process has left is taken over.
        is_stuck: tells, at any time and from any thread, that the work makes no progress: then the
            file is not renewed.

    Raises:
        CommandError: before the block is entered, if the file cannot be written, or if something
            else is there.
    """
    _create(path)
    over = threading.Event()

    def renew() -> None:
        problem = ""
        while not over.wait(RENEWED_EVERY):
            before, problem = problem, _renew(path, is_stuck)
            if problem and not before:
                logger.error("The liveness file is not renewed: %s.", problem)

    thread = threading.Thread(target=renew, name="liveactivity-liveness", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            path.unlink()


def _create(path: Path) -> None:
    try:
        path.touch()
        is_ours = path.is_file() and not path.stat().st_size
    except OSError as error:
        raise CommandError(f"--liveness-file: {printable(path)}: {error.strerror}.") from error
    if not is_ours:  # it is removed at the end
        raise CommandError(
            f"--liveness-file: {printable(path)} exists and is not an empty "
            "file; give a path that nothing else uses."
        )


def _renew(path: Path, is_stuck: Callable[[], bool]) -> str:
    """Renew the file; return why it is not renewed, "" if it is."""
    if is_stuck():
        return "a poll, a drain or a sweep hangs"
    try:
        path.touch()
    except OSError as error:
        return str(error)
    return ""
