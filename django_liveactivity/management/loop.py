"""Deliver without a broker: a look for due accounts, and a few threads that drain them."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Collection, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from django.db import close_old_connections

from django_liveactivity import conf
from django_liveactivity.delivery import Drained, discard_session, drain, due_accounts, sweep
from django_liveactivity.health import Condition, status
from django_liveactivity.health.alerts import STUCK
from django_liveactivity.models import Operation
from django_liveactivity.models.missing_migration import cure_of
from django_liveactivity.printable import get_logger

from .terminal import ProgressBars

DRAWN_EVERY = 0.5
LOOK_EVERY = 0.2
LONGEST_PAUSE = 15.0

logger = get_logger("django_liveactivity.dispatch")


def drain_until_idle(alias: str, stop: threading.Event, bars: ProgressBars) -> Drained:
    """Drain an account until nothing is due, the vendor refuses it, or ``stop`` is set.

    An account that is frozen, or whose slots are taken, is waited for.

    Returns:
        What the last drain came to, with the calls of all.
    """
    account, calls = conf.account(alias), 0
    while True:
        bars.show(alias, status.backlog(account).count)
        done = drain(alias, seconds=DRAWN_EVERY if bars.is_seen else None, stop=stop)
        calls += done.calls
        if not done.more or done.condition in STUCK or stop.is_set():
            bars.show(alias, status.backlog(account).count)
            return Drained(calls, done.more, done.again_in, condition=done.condition)
        stop.wait(min(done.again_in or (0.0 if done.calls else LOOK_EVERY), LONGEST_PAUSE))


@dataclass
class _Rest:
    """Why an account is left alone: until when, and which kinds of due work are known to wait."""

    until: float
    known: Collection[object] = ()
    failures: int = 0


@dataclass
class DispatchLoop:
    """Drains the accounts that have something due, on a bounded number of threads.

    Args:
        aliases: the accounts.
        stop: ends the work after the calls in flight.
        bars: show the backlog while there is one.
        threads: how many drains at once; each has a connection to its database.
        interval: the seconds between two looks.
    """

    aliases: Collection[str]
    stop: threading.Event
    bars: ProgressBars
    threads: int = 4
    interval: float = LOOK_EVERY
    _running: Counter[str] = field(default_factory=Counter)
    _rests: dict[str, _Rest] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _failed_looks: int = 0
    _sweep_at: float = 0.0
    _sweeping: Future[None] | None = None

    def run(self) -> None:
        """Work until told to stop; a database that is away is waited for."""
        with ThreadPoolExecutor(self.threads, thread_name_prefix="drain") as pool:
            while not self.stop.is_set():
                pause = self._look(pool)
                self._sweep(pool)
                self.stop.wait(pause)

    def _look(self, pool: ThreadPoolExecutor) -> float:
        """Start a drain for each account with something due; return the pause until the next."""
        try:
            for using in {conf.account(alias).database for alias in self.aliases}:
                for alias, ranks in due_accounts(using).items():
                    self._start(pool, alias, ranks)
            self._failed_looks = 0
        except Exception as error:  # noqa: BLE001 - logged, and tried again
            self._failed_looks += 1
            return self._log_failure("The look for due accounts", error, self._failed_looks)
        finally:
            close_old_connections()
        return self.interval

    def _start(self, pool: ThreadPoolExecutor, alias: str, ranks: Collection[object]) -> None:
        rest = self._rests.get(alias)
        waits = rest and rest.until > time.monotonic() and set(ranks) <= set(rest.known)
        if alias not in self.aliases or waits or self._running[alias]:
            return
        self._submit(pool, alias, ranks)

    def _submit(self, pool: ThreadPoolExecutor, alias: str, ranks: Collection[object]) -> None:
        with self._lock:
            self._running[alias] += 1
        try:
            pool.submit(self._drain, pool, alias, ranks)
        except RuntimeError:  # the pool is shutting down
            self._done(alias)

    def _drain(self, pool: ThreadPoolExecutor, alias: str, ranks: Collection[object]) -> None:
        before = self._rests.get(alias)
        try:
            self._draw(alias)
            more = partial(self._submit, pool, alias, ranks)
            done = drain(alias, stop=self.stop, on_backlog=more)
            self._rests[alias] = _rest_after(done, ranks)
            self._draw(alias, "" if done.condition == Condition.OPEN else done.condition)
        except Exception as error:  # noqa: BLE001 - logged, and tried again
            failures = 1 + (before.failures if before else 0)
            pause = self._log_failure(f"{alias}: the drain", error, failures)
            self._rests[alias] = _Rest(time.monotonic() + pause, ranks, failures)
        finally:
            self._done(alias)
            close_old_connections()

    def _done(self, alias: str) -> None:
        with self._lock:
            self._running[alias] -= 1

    def _draw(self, alias: str, note: str = "") -> None:
        if self.bars.is_seen:
            self.bars.show(alias, status.backlog(conf.account(alias)).count, note)

    def _sweep(self, pool: ThreadPoolExecutor) -> None:
        every = min(conf.account(alias).timing.sweep for alias in self.aliases) / 1000
        idle = self._sweeping is None or self._sweeping.done()
        if idle and time.monotonic() >= self._sweep_at:
            self._sweep_at = time.monotonic() + every
            self._sweeping = pool.submit(_sweep, self.aliases)

    def _log_failure(self, what: str, error: Exception, failures: int) -> float:
        """Log a failure, with its traceback the first time; return the pause after it."""
        for using in {conf.account(alias).database for alias in self.aliases}:
            discard_session(using)
        pause: float = min(LOOK_EVERY * 2 ** min(failures, 10), LONGEST_PAUSE)
        logger.error(
            "%s, %d in a row, has failed: %s. The next begins in %.1f s.",
            what,
            failures,
            " ".join([str(error).strip(), cure_of(error)]).rstrip(" ."),
            pause,
            exc_info=failures == 1,
        )
        return pause


def _rest_after(done: Drained, ranks: Iterable[object]) -> _Rest:
    """Return until when an account is left alone, unless something else becomes due."""
    if not done.more:
        return _Rest(0.0)
    pause = max(done.again_in or 0.0, 0.0 if done.calls else LOOK_EVERY)
    known = frozenset(ranks) if done.ends_wait else frozenset(ranks) - {Operation.Rank.END}
    return _Rest(time.monotonic() + pause, known)


def _sweep(aliases: Collection[str]) -> None:
    try:
        sweep(lambda _: None, aliases)  # the next look finds what is due
    finally:
        close_old_connections()
