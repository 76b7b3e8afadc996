"""For the host's tests: deliver now, and look at what was sent."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import conf
from .backends.locmem import outbox
from .client.call import Call
from .delivery import drain

__all__ = ["capture_activities", "deliver", "outbox"]


def deliver(account: str = conf.DEFAULT_ACCOUNT) -> list[Call]:
    """Deliver what is due, and return the calls that the locmem backend took for it.

    Args:
        account: the alias in ``LIVEACTIVITY``; its backend must be ``LocmemBackend``.
    """
    before = len(outbox)
    drain(account)
    return outbox[before:]


@contextmanager
def capture_activities(account: str = conf.DEFAULT_ACCOUNT) -> Iterator[list[Call]]:
    """Collect the calls that the code in the block causes, inside ``TestCase`` too.

    The list is filled when the block ends: what is due is delivered then, whether or not the
    transaction of the test ever commits.

    Args:
        account: the alias in ``LIVEACTIVITY``; its backend must be ``LocmemBackend``.
    """
    calls: list[Call] = []
    before = len(outbox)
    yield calls
    deliver(account)
    calls += outbox[before:]
