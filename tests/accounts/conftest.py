"""Customers with an account each, at the sandbox or in memory."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from django_liveactivity import conf
from django_liveactivity.sandbox import Sandbox

from .sources import PATH, Customers

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
VENDOR = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"


@pytest.fixture
def source(settings: Any) -> Iterator[type[Customers]]:
    """An account source without accounts."""
    Customers.reset()
    settings.LIVEACTIVITY = {}
    settings.LIVEACTIVITY_ACCOUNTS = PATH
    yield Customers
    Customers.reset()


@pytest.fixture
def customer(source: type[Customers], sandbox: Sandbox) -> Callable[..., None]:
    """Give a customer an account at the sandbox; a second time, another key."""

    def put(alias: str = "acme", api_key: str = "ask_old_0123456789", **entry: Any) -> None:
        options = {"api_key": api_key, "base_url": sandbox.url, "rate_limit": None}
        source.put(alias, BACKEND=VENDOR, OPTIONS=options, **entry)

    return put


@pytest.fixture
def later() -> Callable[[], None]:
    """Let the time pass for which a process keeps the version."""
    return conf.forget_version


def known() -> Any:
    """Return what this process knows of the source's accounts."""
    return conf._known_accounts(os.getpid())
