"""System checks of the configuration, one stable id each."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core import checks
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from . import conf
from .backends import get_backend
from .dispatch import get_dispatcher


@register("liveactivity")
def check_accounts(**_: Any) -> list[CheckMessage]:
    """Check every account of ``LIVEACTIVITY``.

    * ``liveactivity.E001``: the setting is wrong.
    * ``liveactivity.E002``: an account's backend or one of its options is wrong.
    * ``liveactivity.E003``: an account's dispatcher is wrong, or its extra is missing.
    * ``liveactivity.E004``: an account's database is not in ``DATABASES``.
    * ``liveactivity.W001``: the immediate dispatcher with ``DEBUG=False``.
    """
    try:
        accounts = conf.accounts()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="liveactivity.E001")]
    return [message for account in accounts.values() for message in _check(account)]


def _check(account: conf.Account) -> list[CheckMessage]:
    messages: list[CheckMessage] = []
    try:
        messages += get_backend(account.alias).check()
    except ImproperlyConfigured as error:
        messages.append(Error(str(error), id="liveactivity.E002"))
    try:
        get_dispatcher(account.alias)
    except ImproperlyConfigured as error:
        messages.append(Error(str(error), id="liveactivity.E003"))
    if account.database not in connections:
        name = f"LIVEACTIVITY[{account.alias!r}]['DATABASE']"
        message = f"{name}: {account.database!r} is not in DATABASES."
        messages.append(Error(message, id="liveactivity.E004"))
    if account.dispatcher == "immediate" and not settings.DEBUG:
        messages.append(
            checks.Warning(
                f"LIVEACTIVITY[{account.alias!r}]['DISPATCHER'] is 'immediate': requests wait for "
                "the vendor.",
                hint="Use 'celery', or 'none' with manage.py liveactivity_dispatch.",
                id="liveactivity.W001",
            )
        )
    return messages


@register("liveactivity", deploy=True)
def check_sqlite(**_: Any) -> list[CheckMessage]:
    """Check that writers wait for each other on SQLite.

    * ``liveactivity.W002``: an account's SQLite database without ``transaction_mode: IMMEDIATE``.
    """
    used = {account.database for account in conf.accounts().values()} & set(connections)
    return [
        checks.Warning(
            f"The SQLite database {alias!r} begins its transactions as DEFERRED: beside a drain, a "
            "transaction that reads first and writes later can fail with 'database is locked'.",
            hint="Set its OPTIONS to {'transaction_mode': 'IMMEDIATE'}.",
            id="liveactivity.W002",
        )
        for alias in sorted(used)
        if connections[alias].vendor == "sqlite"
        and connections[alias].settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE"
    ]
