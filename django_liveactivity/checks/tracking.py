"""Check every ``ModelActivity`` that is registered."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from django.core.checks import CheckMessage, Error
from django.core.exceptions import ImproperlyConfigured
from django.db import router

from django_liveactivity import conf
from django_liveactivity.tracking import ModelActivity, registered, unsupported


def check_tracking(**_: Any) -> list[CheckMessage]:
    """Check that the cards of each followed model can be stored.

    * ``liveactivity.E008``: a model is written to another database than its account's.
    * ``liveactivity.E009``: a model has a composite primary key.
    * ``liveactivity.E010``: the account is not in ``LIVEACTIVITY``.
    """
    composite = [_composite(activity) for activity in unsupported()]
    return composite + [message for activity in registered() for message in _check(activity)]


def _composite(activity: ModelActivity[Any]) -> CheckMessage:
    return Error(
        f"{activity.name} cannot follow {activity.model._meta.label}, which has a composite "
        "primary key: a card names its subject by a single one.",
        hint="Call the services yourself, without a subject.",
        obj=type(activity),
        id="liveactivity.E009",
    )


def _check(activity: ModelActivity[Any]) -> Iterator[CheckMessage]:
    label = activity.model._meta.label
    try:
        yield from _check_account(activity, label, conf.accounts())
    except ImproperlyConfigured:
        return  # check_accounts says so


def _check_account(
    activity: ModelActivity[Any], label: str, accounts: Mapping[str, conf.Account]
) -> Iterator[CheckMessage]:
    alias = activity.account
    if alias not in accounts:
        yield Error(
            f"{activity.name}.account is {alias!r}, which LIVEACTIVITY does not have.",
            obj=type(activity),
            id="liveactivity.E010",
        )
        return
    written, stored = router.db_for_write(activity.model), accounts[alias].database
    if written != stored:
        yield Error(
            f"{label} is written to the database {written!r}, and the account {alias!r} of "
            f"{activity.name} lives in {stored!r}: they cannot commit together.",
            hint="Give the ModelActivity an account whose DATABASE is the model's.",
            obj=type(activity),
            id="liveactivity.E008",
        )
