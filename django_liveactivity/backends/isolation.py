"""Test isolation: while a process runs tests, its calls stay in memory."""

from __future__ import annotations

import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

EVERY_ACCOUNT = "*"
_PYTEST = ("PYTEST_VERSION", "PYTEST_CURRENT_TEST")
"""Set for the length of a session since pytest 8.2, and of each test; child processes have them.

https://docs.pytest.org/en/stable/reference/reference.html#environment-variables
"""

LOOPBACK_ONLY = "LIVEACTIVITY_LOOPBACK_ONLY"
"""A variable of the environment: no account of the account source may call another machine."""

_lock = threading.Lock()
_allowed: Counter[str] = Counter()  # of the process: a live server answers in a thread of its own


def runs_tests() -> bool:
    """Tell whether this process runs tests, in pytest or after ``setup_test_environment()``.

    That ``mail.outbox`` exists proves nothing: Django's locmem email backend makes one anywhere.
    """
    if any(name in os.environ for name in _PYTEST):
        return True
    # Django tells by no public name. Unless its tests were imported, none run.
    state = getattr(sys.modules.get("django.test.utils"), "_TestState", None)
    return hasattr(state, "saved_data")


def is_isolated(alias: str) -> bool:
    """Tell whether the calls of an account are to stay on this machine."""
    return runs_tests() and not (_allowed[alias] or _allowed[EVERY_ACCOUNT])


@contextmanager
def allow_network(*accounts: str) -> Iterator[None]:
    """Let the calls of the block out to the addresses that the settings name: phones show them.

    It holds for every thread of this process, and for no other process.

    Args:
        *accounts: aliases in ``LIVEACTIVITY``; by default all.
    """
    aliases = accounts or (EVERY_ACCOUNT,)
    with _lock:
        _allowed.update(aliases)
    try:
        yield
    finally:
        with _lock:
            _allowed.subtract(aliases)


@contextmanager
def on_this_machine() -> Iterator[None]:
    """Refuse the account source's accounts that call another machine, in child processes, too.

    They cannot be looked through beforehand, as those of the settings.
    """
    os.environ[LOOPBACK_ONLY] = "1"
    try:
        yield
    finally:
        del os.environ[LOOPBACK_ONLY]


def stays_on_this_machine() -> bool:
    """Tell whether this process, or the one that started it, is inside of ``on_this_machine``."""
    return os.environ.get(LOOPBACK_ONLY) == "1"
