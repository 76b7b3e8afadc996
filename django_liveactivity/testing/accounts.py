"""Values of ``LIVEACTIVITY`` for tests: every account in memory, or at a sandbox."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import TypedDict

from django.utils.module_loading import import_string

from django_liveactivity import conf
from django_liveactivity.backends.locmem import LocmemBackend, card_options

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
ACTIVITYSMITH = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"


class AccountSettings(TypedDict):
    """One entry of ``LIVEACTIVITY``."""

    BACKEND: str
    DISPATCHER: str
    DATABASE: str
    TIMING: Mapping[str, int]
    RAISE_TRACKING_ERRORS: bool
    OPTIONS: conf.HiddenValues | Mapping[str, object]


def locmem_accounts() -> dict[str, AccountSettings]:
    """Return ``LIVEACTIVITY`` with every account in memory: no key, rate limit or dispatcher.

    An account whose backend is a ``LocmemBackend`` already stays as it is.
    """
    return {
        account.alias: _entry(account, account.backend, account.options, account.dispatcher)
        if issubclass(import_string(account.backend), LocmemBackend)
        else _entry(account, LOCMEM, card_options(account))
        for account in conf.accounts().values()
    }


def sandbox_accounts(url: str) -> dict[str, AccountSettings]:
    """Return ``LIVEACTIVITY`` with every account at a sandbox, each with a key of its own.

    Args:
        url: the ``url`` of a running ``django_liveactivity.sandbox.Sandbox``.
    """
    entries = {}
    for number, account in enumerate(conf.accounts().values()):
        own = {"api_key": f"ask_sandbox_{number}", "base_url": url, "rate_limit": None}
        entries[account.alias] = _entry(account, ACTIVITYSMITH, card_options(account) | own)
    return entries


def _entry(
    account: conf.Account,
    backend: str,
    options: conf.HiddenValues | Mapping[str, object],
    dispatcher: str = "none",
) -> AccountSettings:
    return {
        "BACKEND": backend,
        "DISPATCHER": dispatcher,
        "DATABASE": account.database,
        "TIMING": dataclasses.asdict(account.timing),
        "RAISE_TRACKING_ERRORS": account.raise_tracking_errors,
        "OPTIONS": options,
    }
