"""Check, before a deploy, what only a running project shows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.core.checks import CheckMessage, Warning, register  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured
from django.db import connections

from django_liveactivity import conf
from django_liveactivity.status import UNREADABLE, account_status


def _accounts() -> Iterator[conf.Account]:
    try:
        accounts = conf.accounts()
    except ImproperlyConfigured:
        return  # check_accounts says so
    yield from (account for account in accounts.values() if account.database in connections)


@register("liveactivity", deploy=True)
def check_sqlite(**_: Any) -> list[CheckMessage]:
    """Check that writers wait for each other on SQLite.

    * ``liveactivity.W002``: an account's SQLite database without ``transaction_mode: IMMEDIATE``.
    """
    return [
        Warning(
            f"The SQLite database {alias!r} begins its transactions as DEFERRED: beside a drain, a "
            "transaction that reads first and writes later can fail with 'database is locked'.",
            hint="Set its OPTIONS to {'transaction_mode': 'IMMEDIATE'}.",
            id="liveactivity.W002",
        )
        for alias in sorted({account.database for account in _accounts()})
        if connections[alias].vendor == "sqlite"
        and connections[alias].settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE"
    ]


@register("liveactivity", deploy=True)
def check_heartbeat(**_: Any) -> list[CheckMessage]:
    """Check that somebody delivers.

    * ``liveactivity.W005``: no sweep of an account in the last minutes.
    """
    return [
        Warning(
            f"Nothing delivers for the account {account.alias!r}: {_last_sweep(age)}.",
            hint="Run Celery's worker and beat, or manage.py liveactivity_dispatch.",
            id="liveactivity.W005",
        )
        for account in _accounts()
        for age in _heartbeat_ages(account)
        if age is None or age * 1000 > account.timing.silent_after
    ]


def _heartbeat_ages(account: conf.Account) -> list[float | None]:
    """Return one age, or none where there is no table yet: the first deploy checks too."""
    status = account_status(account)
    return [] if status.condition == UNREADABLE else [status.heartbeat_age]


def _last_sweep(age: float | None) -> str:
    return "there was no sweep yet" if age is None else f"the last sweep was {age:.0f} s ago"
