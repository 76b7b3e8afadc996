"""The backends: which one makes the calls of an account, and which one takes its place in tests."""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from django_liveactivity import conf
from django_liveactivity.account_entry import import_class
from django_liveactivity.exceptions import UnknownAccountError
from django_liveactivity.printable import get_logger

from .base import BaseBackend, MissingKeyError
from .locmem import LocmemBackend, is_isolated

__all__ = ["BaseBackend", "MissingKeyError", "configured_backend", "get_backend"]

logger = get_logger("django_liveactivity.backends")

LOOPBACK_ONLY = "LIVEACTIVITY_LOOPBACK_ONLY"
"""An environment variable: no account of the account source may call another machine."""

Key = tuple[int, str]
"""The process and the alias: connections must not be shared across a fork."""


class _BackendCache:
    """The backends that this process has made, and those that it no longer uses.

    A backend that is replaced may be in a call, so it is closed once that call is over.
    """

    LIMIT = 500

    def __init__(self, make: Callable[[conf.Account], BaseBackend]) -> None:
        self._make = make
        self._current: dict[Key, tuple[conf.Account, BaseBackend]] = {}
        self._retired: list[tuple[float, BaseBackend]] = []
        self._lock = threading.Lock()

    def backend_of(self, account: conf.Account) -> BaseBackend:
        """Return the backend of an account, made anew when the account has changed."""
        with self._lock:
            self.close_retired(time.monotonic())
            made_for, backend = self._current.get(_key(account.alias), (None, None))
            if backend is None or made_for is not account:
                backend = self._make(account)
                self._put(account, backend)
            return backend

    def forget(self, alias: str) -> None:
        """Have the backend of an account that is gone closed, with its key."""
        with self._lock:
            self._retire(_key(alias))

    def close(self) -> None:
        """Close all backends."""
        with self._lock:
            for _, backend in [*self._current.values(), *self._retired]:
                backend.close()
            self._current.clear()
            self._retired.clear()

    def close_retired(self, now: float) -> None:
        for at, backend in [each for each in self._retired if each[0] <= now]:
            self._retired.remove((at, backend))
            backend.close()

    def _put(self, account: conf.Account, backend: BaseBackend) -> None:
        self._retire(_key(account.alias))
        if len(self._current) >= self.LIMIT:
            self._retire(next(iter(self._current)))
        self._current[_key(account.alias)] = account, backend

    def _retire(self, key: Key) -> None:
        if key in self._current:
            account, backend = self._current.pop(key)
            self._retired.append((time.monotonic() + account.timing.lease / 1000, backend))


def _key(alias: str) -> Key:
    return os.getpid(), alias


def get_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend that takes the calls of an account.

    That is the configured one. In tests it is one in memory, if the configured one would reach the
    network and ``django_liveactivity.testing.allow_network`` does not allow that.

    Raises:
        UnknownAccountError: if there is no account of this alias.
        AccountSourceError: if the account source does not answer, and it is not known here.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    configured = configured_backend(alias)
    if not configured.reaches_network:
        return configured
    account = conf.account(alias)
    if os.environ.get(LOOPBACK_ONLY) == "1" and account.from_source:
        name = account.name
        raise ImproperlyConfigured(f"{name} calls the network, and liveactivity_dev must not.")
    return _in_memory.backend_of(account) if is_isolated(alias) else configured


def configured_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend that the settings name, in tests too.

    It is made once per process, and anew when the account has changed.

    Raises:
        UnknownAccountError: if there is no account of this alias.
        AccountSourceError: if the account source does not answer, and it is not known here.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    try:
        account = conf.account(alias)
    except UnknownAccountError:
        _configured.forget(alias)
        raise
    return _configured.backend_of(account)


def _make(account: conf.Account) -> BaseBackend:
    return import_class(f"{account.name}['BACKEND']", account.backend, BaseBackend)(account)


def _make_in_memory(account: conf.Account) -> BaseBackend:
    logger.info("Account %r: tests run, so its calls stay in memory.", account.alias)
    return LocmemBackend.in_place_of(account)


_configured, _in_memory = _BackendCache(_make), _BackendCache(_make_in_memory)


@contextmanager
def on_this_machine() -> Iterator[None]:
    """Refuse calls of the account source's accounts to other machines, in child processes too.

    The accounts of the settings can be checked beforehand, those of the source cannot.
    """
    os.environ[LOOPBACK_ONLY] = "1"
    try:
        yield
    finally:
        del os.environ[LOOPBACK_ONLY]


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting in ("LIVEACTIVITY", "LIVEACTIVITY_ACCOUNTS"):
        _configured.close()
        _in_memory.close()
