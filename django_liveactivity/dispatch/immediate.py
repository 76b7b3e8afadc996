"""Drain in the caller's own thread: for demos, tests and commands."""

import time

from django_liveactivity.delivery import drain

SECONDS = 10.0
LONGEST_PAUSE = 2.0


def wake(alias: str, delay: float = 0.0) -> None:
    """Deliver what is due, here and now, for at most 10 s; what waits longer stays for a sweep.

    A wake-up for later is left to the sweep, too.
    """
    if not delay:
        drain_here(alias)


def drain_here(alias: str) -> int:
    """Drain until nothing is due any more, waiting out pauses of at most 2 s.

    Returns:
        The number of calls made.
    """
    deadline, calls = time.monotonic() + SECONDS, 0
    while True:
        done = drain(alias, seconds=max(0.0, deadline - time.monotonic()))
        calls += done.calls
        pause = done.again_in
        if not done.more or pause is None or pause > LONGEST_PAUSE:
            return calls
        if time.monotonic() + pause >= deadline or not (pause or done.calls):
            return calls
        time.sleep(pause)
