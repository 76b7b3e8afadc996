"""Who takes the calls of an account: the vendor, the console, a list in memory, or nobody."""

from __future__ import annotations

import functools
from typing import Any

from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver
from django.utils.module_loading import import_string

from django_liveactivity import conf

from .base import BaseBackend

__all__ = ["BaseBackend", "get_backend"]


@functools.cache
def get_backend(alias: str = conf.DEFAULT_ACCOUNT) -> BaseBackend:
    """Return the backend of an account, made once per process.

    Raises:
        InvalidInputError: if ``LIVEACTIVITY`` has no such alias.
        ImproperlyConfigured: if the backend cannot be imported or refuses its options.
    """
    account = conf.account(alias)
    try:
        backend_class = import_string(account.backend)
    except ImportError as error:
        raise ImproperlyConfigured(
            f"LIVEACTIVITY[{alias!r}]['BACKEND']: cannot import {account.backend!r}: {error}."
        ) from error
    backend: BaseBackend = backend_class(account)
    return backend


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "LIVEACTIVITY":
        get_backend.cache_clear()
