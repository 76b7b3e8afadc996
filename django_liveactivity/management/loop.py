"""Deliver for one account: until nothing is due, or until told to stop."""

from __future__ import annotations

import threading
import time

from django.db import close_old_connections

from django_liveactivity import conf
from django_liveactivity.delivery import Drained, discard_session, drain, sweep
from django_liveactivity.health import status
from django_liveactivity.health.alerts import STUCK
from django_liveactivity.models.schema import cure_of
from django_liveactivity.printable import get_logger

from .terminal import ProgressBars

SWEEP_EVERY = 15.0
DRAWN_EVERY = 0.5
SHORTEST_PAUSE = 0.2

logger = get_logger("django_liveactivity.dispatch")


class DispatchLoop:
    """Drains and sweeps one account.

    Args:
        alias: the account.
        stop: ends the work after the call in flight.
        bars: show the backlog while there is one.
    """

    def __init__(self, alias: str, stop: threading.Event, bars: ProgressBars) -> None:
        self.account = conf.account(alias)
        self.calls = 0
        self._stop = stop
        self._bars = bars
        self._sweep_at = float("-inf")

    def once(self) -> Drained:
        """Drain until nothing is due, until the vendor refuses the account, or until told to stop.

        An account that is frozen, or whose slots are taken, is waited for.
        """
        while True:
            done = self._round()
            if not done.more or done.condition in STUCK or self._stop.is_set():
                return done
            self._stop.wait(self._pause(done, SWEEP_EVERY))

    def forever(self, interval: float) -> None:
        """Drain until told to stop; a database that is away is waited for.

        Args:
            interval: the seconds between two looks, if nothing is known to become due earlier.
        """
        failures = 0
        while not self._stop.is_set():
            try:
                pause = self._pause(self._round(), interval)
                failures = 0
            except Exception as error:
                discard_session(self.account.database)
                failures += 1
                pause = min(SHORTEST_PAUSE * 2 ** min(failures, 10), SWEEP_EVERY)
                # The traceback once: a database may be away for hours.
                logger.error(  # noqa: TRY400
                    "%s: drain %d in a row has failed: %s. The next begins in %.1f s.",
                    self.account.alias,
                    failures,
                    " ".join([str(error).strip(), cure_of(error)]).rstrip(" ."),
                    pause,
                    exc_info=failures == 1,
                )
            close_old_connections()
            self._stop.wait(pause)

    def _round(self) -> Drained:
        """Drain until the next sweep, or the next look at the bar; then sweep if it is time.

        The first drain makes one call at most: a service that starts has a heart that beats.
        """
        seconds = self._until_sweep()
        if self._bars.is_seen:
            seconds = min(seconds, DRAWN_EVERY)
        self._draw()
        done = drain(self.account.alias, seconds=seconds, stop=self._stop)
        self.calls += done.calls
        if not self._until_sweep():
            sweep(lambda _: None, [self.account.alias])
            self._sweep_at = time.monotonic() + SWEEP_EVERY
        self._draw("" if done.condition == "open" else done.condition)
        return done

    def _draw(self, note: str = "") -> None:
        self._bars.show(self.account.alias, status.backlog(self.account).count, note)

    def _pause(self, done: Drained, longest: float) -> float:
        """Return the seconds until the next round: never so long that a sweep would be late."""
        shortest = 0.0 if done.calls else SHORTEST_PAUSE  # time was up, or nothing could be done
        planned = longest if done.again_in is None else max(done.again_in, shortest)
        return min(planned, longest, self._until_sweep())

    def _until_sweep(self) -> float:
        return max(0.0, self._sweep_at - time.monotonic())
