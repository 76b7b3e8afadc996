"""The backends, which make the calls of an account; in tests a stand-in keeps them in memory."""

from __future__ import annotations

import os
import threading

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from django_liveactivity import conf
from django_liveactivity.printable import get_logger

from .base import BaseBackend, MissingKeyError
from .isolation import is_isolated
from .locmem import LocmemBackend

__all__ = ["BaseBackend", "MissingKeyError", "configured_backend", "get_backend"]

logger = get_logger("django_liveactivity.backends")

_made: dict[tuple[int, str], BaseBackend] = {}
_in_memory: dict[tuple[int, str], LocmemBackend] = {}
_lock = threading.Lock()


def get_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend that takes the calls of an account.

    That is the configured one; in tests it is one in memory, if the configured one would reach the
    network and no ``django_liveactivity.testing.allow_network`` lets it.

    Raises:
        InvalidInputError: if ``LIVEACTIVITY`` has no such alias.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    configured = configured_backend(alias)
    if not configured.reaches_network or not is_isolated(alias):
        return configured
    key = (os.getpid(), alias)
    with _lock:
        if key not in _in_memory:
            _in_memory[key] = LocmemBackend.in_place_of(conf.account(alias))
            logger.info("Account %r: tests run, so its calls stay in memory.", alias)
        return _in_memory[key]


def configured_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend that the settings name, in tests too; it is made once per process.

    Raises:
        InvalidInputError: if ``LIVEACTIVITY`` has no such alias.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    key = (os.getpid(), alias)  # connections must not be shared across a fork
    with _lock:
        if key not in _made:
            _made[key] = _make(conf.account(alias))
        return _made[key]


def _make(account: conf.Account) -> BaseBackend:
    try:
        backend_class = import_string(account.backend)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"LIVEACTIVITY[{account.alias!r}]['BACKEND']: "
            f"cannot import {account.backend!r}: {error}."
        ) from error
    if not (isinstance(backend_class, type) and issubclass(backend_class, BaseBackend)):
        raise ImproperlyConfigured(
            f"LIVEACTIVITY[{account.alias!r}]['BACKEND']: {account.backend!r} is no subclass of "
            "django_liveactivity.backends.BaseBackend."
        )
    return backend_class(account)


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting == "LIVEACTIVITY":
        with _lock:
            for backend in _made.values():
                backend.close()
            _made.clear()
            _in_memory.clear()
