"""How long to wait: pure functions of counts, ages and a random number from 0 to 1."""

from __future__ import annotations

from django_liveactivity.conf import Timing


def retry_delay(tries: int, age: int, chance: float, timing: Timing) -> int:
    """Return the pause before the next try of an operation: full jitter under a doubling cap.

    Args:
        tries: the calls made so far, at least 1.
        age: milliseconds since the first of them.
        chance: a random number from 0 to 1.
        timing: the durations in force.

    Returns:
        Milliseconds. Jitter spreads the workers that failed together; the cap grows from one
        minute to fifteen when the trouble has lasted ten.
    """
    long = age >= timing.backoff_long_after
    cap = timing.backoff_long_cap if long else timing.backoff_cap
    ceiling = min(cap, timing.backoff_first * 2 ** min(tries, 20))
    return timing.backoff_first + int(chance * max(0, ceiling - timing.backoff_first))


def freeze_delay(retry_after: float | None, freezes: int, window: int, timing: Timing) -> int:
    """Return how long an account rests after a 429, in milliseconds.

    Args:
        retry_after: the vendor's ``Retry-After`` in seconds, or None.
        freezes: how many 429 came in a row before this one.
        window: the account's rate window in milliseconds, 0 if it has none. Somebody else spends
            the limit, and a window that is full stays full until its end.
        timing: the durations in force.
    """
    if retry_after is not None:
        return max(timing.backoff_first, min(int(retry_after * 1000), timing.retry_after_cap))
    return max(window, min(timing.freeze_step * (freezes + 1), timing.freeze_cap))


def probe_delay(probes: int, first: int, cap: int) -> int:
    """Return the pause before the next probe: it doubles from ``first`` up to ``cap``."""
    return int(min(cap, first * 2 ** min(probes, 20)))
