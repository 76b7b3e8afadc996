"""One deadline for all that a thread does on the network for a call.

Whoever has less time than the client grants itself sets an earlier one around it: delivery the end
of its lease. A call stays in its thread, so its deadline can travel beside the libraries.
"""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

_moment: ContextVar[float] = ContextVar("deadline", default=math.inf)


@contextmanager
def deadline_at(moment: float) -> Iterator[None]:
    """Let what this thread does on the network end at a moment, or at an earlier one already set.

    Args:
        moment: in seconds of ``time.monotonic()``, which also counts while a process is stopped.
    """
    token = _moment.set(min(moment, _moment.get()))
    try:
        yield
    finally:
        _moment.reset(token)


def seconds_left() -> float:
    """Return the seconds until the deadline; 0 or less once it has passed."""
    return _moment.get() - time.monotonic()
