"""Calls kept in memory: the backend and its ``outbox``, like Django's, and when tests use them."""

import copy
import dataclasses
import os
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Self, overload

from django_liveactivity.client import Answer, Call
from django_liveactivity.conf import Account, HiddenValues

from .base import BaseBackend, acknowledge

CARD_OPTIONS = frozenset(BaseBackend.defaults) - {"rate_limit"}
"""Options about cards, not about calls: they apply in tests too."""
EVERY_ACCOUNT = "*"

_PYTEST = ("PYTEST_VERSION", "PYTEST_CURRENT_TEST")
"""Set for the length of a session since pytest 8.2, and of each test; child processes have them.

https://docs.pytest.org/en/stable/reference/reference.html#environment-variables
"""
_lock = threading.Lock()
_allowed: Counter[str] = Counter()  # of the process: a live server answers in a thread of its own


class Outbox(Sequence[Call]):
    """The calls made in this process, in order; what goes in and what comes out are deep copies.

    So neither the code under test nor a test can change what was sent.
    """

    def __init__(self) -> None:
        self._sent: list[tuple[str, Call]] = []

    def put(self, account: str, call: Call) -> None:
        """Add a copy of a call that an account made."""
        self._sent.append((account, copy.deepcopy(call)))

    def of(self, *accounts: str, since: int = 0) -> list[Call]:
        """Return the calls of these accounts.

        Args:
            *accounts: aliases in ``LIVEACTIVITY``.
            since: how many calls of any account to leave out, a former ``len(outbox)``.
        """
        sent = self._sent[since:]
        return [copy.deepcopy(call) for account, call in sent if account in accounts]

    def clear(self) -> None:
        """Forget every call."""
        self._sent.clear()

    def __len__(self) -> int:
        return len(self._sent)

    @overload
    def __getitem__(self, index: int) -> Call: ...

    @overload
    def __getitem__(self, index: slice) -> list[Call]: ...

    def __getitem__(self, index: int | slice) -> Call | list[Call]:
        calls = [call for _, call in self._sent]
        return copy.deepcopy(calls[index])

    def __eq__(self, other: object) -> bool:
        return list(self) == (list(other) if isinstance(other, Outbox) else other)

    __hash__ = None  # type: ignore[assignment]  # as of a list

    def __repr__(self) -> str:
        return f"<Outbox: {list(self)!r}>"


outbox = Outbox()
"""Every call of every account whose backend is ``LocmemBackend``. Clear it between tests."""


class LocmemBackend(BaseBackend):
    """Puts each call into ``outbox`` and acknowledges it."""

    reaches_network = False

    @classmethod
    def in_place_of(cls, account: Account) -> Self:
        """Return a backend that takes the calls of *account* in tests, without its rate limit."""
        options = card_options(account)
        return cls(dataclasses.replace(account, options=HiddenValues("OPTIONS", lambda: options)))

    def send(self, call: Call) -> Answer:
        """Store the call and acknowledge it."""
        outbox.put(self.alias, call)
        return acknowledge(call)


def card_options(account: Account) -> dict[str, object]:
    """Return the options of an account about its cards."""
    names = CARD_OPTIONS.intersection(account.options.names)
    return {name: account.options.get(name) for name in names}


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
    """Tell whether the calls of an account must stay in memory."""
    return runs_tests() and not (_allowed[alias] or _allowed[EVERY_ACCOUNT])


@contextmanager
def allow_network(*accounts: str) -> Iterator[None]:
    """Let the calls of the block reach the addresses in the settings: real phones show them.

    This applies to every thread of this process, and to no other process.

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
