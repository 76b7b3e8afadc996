"""The backends: which one makes the calls of an account, and which one takes its place in tests."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from django_liveactivity import conf
from django_liveactivity.exceptions import UnknownAccountError
from django_liveactivity.printable import get_logger

from .base import BaseBackend, MissingKeyError
from .locmem import LocmemBackend, is_isolated

__all__ = ["BaseBackend", "MissingKeyError", "configured_backend", "get_backend"]

logger = get_logger("django_liveactivity.backends")

LOOPBACK_ONLY = "LIVEACTIVITY_LOOPBACK_ONLY"
"""An environment variable: no account of the account source may call another machine."""

Key = tuple[int, str]
_in_memory: dict[Key, tuple[conf.Account, LocmemBackend]] = {}
_lock = threading.Lock()


@dataclass
class _BackendCache:
    """The backends that this process has made, and those that it no longer uses.

    A backend that is replaced may be in a call, so it is closed once that call is over.
    """

    LIMIT = 500

    current: dict[Key, tuple[conf.Account, BaseBackend]] = field(default_factory=dict)
    retired: list[tuple[float, BaseBackend]] = field(default_factory=list)

    def get(self, key: Key, account: conf.Account) -> BaseBackend | None:
        made_for, backend = self.current.get(key, (None, None))
        return backend if made_for is account else None

    def put(self, key: Key, account: conf.Account, backend: BaseBackend) -> None:
        self.retire(key)
        if len(self.current) >= self.LIMIT:
            self.retire(next(iter(self.current)))
        self.current[key] = account, backend

    def retire(self, key: Key) -> None:
        if key in self.current:
            account, backend = self.current.pop(key)
            self.retired.append((time.monotonic() + account.timing.lease / 1000, backend))

    def close_retired(self, now: float) -> None:
        for at, backend in [each for each in self.retired if each[0] <= now]:
            self.retired.remove((at, backend))
            backend.close()

    def close(self) -> None:
        for _, backend in [*self.current.values(), *self.retired]:
            backend.close()
        self.current.clear()
        self.retired.clear()


_cache = _BackendCache()


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
    if os.environ.get(LOOPBACK_ONLY) == "1" and conf.account(alias).from_source:
        name = conf.account(alias).name
        raise ImproperlyConfigured(f"{name} calls the network, and liveactivity_dev must not.")
    if not is_isolated(alias):
        return configured
    key, account = (os.getpid(), alias), conf.account(alias)
    with _lock:
        made_for, backend = _in_memory.get(key, (None, None))
        if backend is None or made_for is not account:
            backend = LocmemBackend.in_place_of(account)
            _in_memory[key] = account, backend
            logger.info("Account %r: tests run, so its calls stay in memory.", alias)
        return backend


def configured_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend that the settings name, in tests too.

    It is made once per process, and anew when the account has changed.

    Raises:
        UnknownAccountError: if there is no account of this alias.
        AccountSourceError: if the account source does not answer, and it is not known here.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    key = (os.getpid(), alias)  # connections must not be shared across a fork
    try:
        account = conf.account(alias)
    except UnknownAccountError:
        with _lock:  # its key is no longer used
            _cache.retire(key)
        raise
    with _lock:
        _cache.close_retired(time.monotonic())
        backend = _cache.get(key, account)
        if backend is None:
            backend = _make(account)
            _cache.put(key, account, backend)
        return backend


def _make(account: conf.Account) -> BaseBackend:
    try:
        backend_class = import_string(account.backend)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"{account.name}['BACKEND']: cannot import {account.backend!r}: {error}."
        ) from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseBackend)):
        raise ImproperlyConfigured(
            f"{account.name}['BACKEND']: {account.backend!r} is no subclass of "
            "django_liveactivity.backends.BaseBackend."
        )
    return backend_class(account)


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
        with _lock:
            _cache.close()
            _in_memory.clear()
