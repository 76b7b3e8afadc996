"""Check the setting ``LIVEACTIVITY``."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from django.conf import settings
from django.core.checks import (
    CheckMessage,
    Error,
    Warning,  # noqa: A004 - Django's name
)
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_liveactivity import conf
from django_liveactivity.backends import MissingKeyError, configured_backend
from django_liveactivity.conf import UnknownKeyError
from django_liveactivity.dispatch import MissingExtraError, get_dispatcher

IDS = {
    MissingKeyError: "liveactivity.E005",
    UnknownKeyError: "liveactivity.E006",
    MissingExtraError: "liveactivity.E007",
}
"""The errors that have a rule of their own."""


def check_accounts(**_: Any) -> list[CheckMessage]:
    """Check every account of ``LIVEACTIVITY``.

    * ``liveactivity.E001``: the setting is wrong.
    * ``liveactivity.E002``: an account's backend or one of its options is wrong.
    * ``liveactivity.E003``: an account's dispatcher is wrong.
    * ``liveactivity.E004``: an account's database is not in ``DATABASES``.
    * ``liveactivity.E005``: an account has no API key.
    * ``liveactivity.E006``: an account has an unknown key or option.
    * ``liveactivity.E007``: the extra of an account's dispatcher is missing.
    * ``liveactivity.W001``: the immediate dispatcher with ``DEBUG=False``.
    """
    try:
        accounts = conf.accounts()
    except ImproperlyConfigured as error:
        return [_error(error, "liveactivity.E001")]
    return [message for account in accounts.values() for message in _check(account)]


def _check(account: conf.Account) -> Iterator[CheckMessage]:
    yield from _tried(lambda: configured_backend(account.alias).check(), "liveactivity.E002")
    yield from _tried(lambda: _check_dispatcher(account), "liveactivity.E003")
    if account.database not in connections:
        name = f"LIVEACTIVITY[{account.alias!r}]['DATABASE']"
        message = f"{name}: {account.database!r} is not in DATABASES."
        yield Error(message, id="liveactivity.E004")
    if account.dispatcher == "immediate" and not settings.DEBUG:
        yield Warning(
            f"LIVEACTIVITY[{account.alias!r}]['DISPATCHER'] is 'immediate': requests wait for "
            "the vendor.",
            hint="Use 'celery', or 'none' with manage.py liveactivity_dispatch.",
            id="liveactivity.W001",
        )


def _check_dispatcher(account: conf.Account) -> list[CheckMessage]:
    get_dispatcher(account.alias)
    return []


def _tried(check: Callable[[], list[CheckMessage]], otherwise: str) -> list[CheckMessage]:
    try:
        return check()
    except ImproperlyConfigured as error:
        return [_error(error, otherwise)]


def _error(error: ImproperlyConfigured, otherwise: str) -> Error:
    return Error(str(error), id=IDS.get(type(error), otherwise))
