"""Calls in tests: accounts in memory or at a sandbox, delivery on demand, and captured calls."""

import dataclasses
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TypedDict

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test.testcases import DatabaseOperationForbidden  # type: ignore[attr-defined]
from django.utils.module_loading import import_string

from django_liveactivity import conf
from django_liveactivity.backends import get_backend
from django_liveactivity.backends.locmem import LocmemBackend, card_options, outbox
from django_liveactivity.client import Call
from django_liveactivity.delivery import drain, due_of_source

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


def deliver(*accounts: str) -> list[Call]:
    """Deliver what is due, and return the calls that the locmem backend received.

    Args:
        *accounts: aliases; by default all of ``LIVEACTIVITY`` whose database the test may use, and
            of the account source those that have something due. Any backend will do: calls to a
            sandbox are in ``sandbox.calls()``.
    """
    before = len(outbox)
    for alias in accounts or _usable_accounts():
        drain(alias)
    return outbox[before:]


@contextmanager
def capture_activities(*accounts: str) -> Iterator[list[Call]]:
    """Capture the calls that the code in the block causes, inside ``TestCase`` too.

    The list is filled when the block ends: what is due is delivered then, even if the test's
    transaction never commits. What was due before the block is delivered first, and is not in the
    list.

    Args:
        *accounts: aliases; by default all of ``LIVEACTIVITY`` whose database the test may use, and
            of the account source those that have something due.

    Raises:
        ImproperlyConfigured: the backend of an account is not a ``LocmemBackend``, so its calls
            would go elsewhere.
    """
    calls: list[Call] = []
    _deliver_in_memory(accounts)
    before = len(outbox)
    yield calls
    aliases = _deliver_in_memory(accounts)
    calls += outbox.of(*aliases, since=before)


def _deliver_in_memory(accounts: tuple[str, ...]) -> tuple[str, ...]:
    aliases = accounts or _usable_accounts()
    if not aliases and not _may_use_source():
        raise ImproperlyConfigured(
            "capture_activities: LIVEACTIVITY has no account whose database this test may use."
        )
    for alias in aliases:
        backend = get_backend(alias)
        if not isinstance(backend, LocmemBackend):
            raise ImproperlyConfigured(
                f"capture_activities cannot see the calls of LIVEACTIVITY[{alias!r}], whose "
                f"backend is {type(backend).__name__}. Use the fixture liveactivity_outbox, "
                "LiveActivityTestMixin, or "
                "override_settings(LIVEACTIVITY=django_liveactivity.testing.locmem_accounts())."
            )
    deliver(*aliases)
    return aliases


def _usable_accounts() -> tuple[str, ...]:
    """Return the accounts of the settings, and of the source those that have something due."""
    own = tuple(a.alias for a in conf.accounts().values() if _may_use(a.database))
    return (*own, *due_of_source()) if _may_use_source() else own


def _may_use_source() -> bool:
    source = conf.account_source()
    return source is not None and _may_use(source.database)


def _may_use(using: str) -> bool:
    """Tell whether the test case allows the database; if not, nothing can be stored there."""
    try:
        connections[using].cursor().close()
    except DatabaseOperationForbidden:
        return False
    return True
