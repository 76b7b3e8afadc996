"""Deliver in a test, and capture the calls, whether or not the test's transaction commits."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.core.exceptions import ImproperlyConfigured
from django.db import connections
from django.test.testcases import DatabaseOperationForbidden  # type: ignore[attr-defined]

from django_liveactivity import conf
from django_liveactivity.backends import get_backend
from django_liveactivity.backends.locmem import LocmemBackend, outbox
from django_liveactivity.client.call import Call
from django_liveactivity.delivery import drain, due_of_source


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
