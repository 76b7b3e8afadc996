"""Check how the project runs and mounts this app: its databases, its deliverer, its endpoint."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from django.conf import settings
from django.core import checks
from django.core.exceptions import ImproperlyConfigured
from django.db import Error, connections
from django.db.migrations.loader import MigrationLoader
from django.urls import URLPattern, URLResolver, get_resolver

from django_liveactivity import conf
from django_liveactivity.health import Condition, statuses
from django_liveactivity.health.condition import why_silent

VIEWS = "django_liveactivity.api.views"


def _accounts() -> Iterator[conf.Account]:
    """Yield the accounts of the settings, and a stand-in for those of the account source."""
    try:
        accounts = conf.with_stand_in()
    except ImproperlyConfigured:
        return  # check_accounts says so, or check_account_source
    yield from (account for account in accounts if account.database in connections)


def check_sqlite(**_: object) -> list[checks.CheckMessage]:
    """Check that writers wait for each other on SQLite.

    * ``liveactivity.W002``: an account's SQLite database without ``transaction_mode: IMMEDIATE``.
    """
    return [
        checks.Warning(
            f"The SQLite database {alias!r} begins its transactions as DEFERRED: while a drain "
            "writes, a transaction that reads first and writes later can fail with "
            "'database is locked'.",
            hint="Set its OPTIONS to {'transaction_mode': 'IMMEDIATE'}.",
            id="liveactivity.W002",
        )
        for alias in sorted({account.database for account in _accounts()})
        if connections[alias].vendor == "sqlite"
        and connections[alias].settings_dict["OPTIONS"].get("transaction_mode") != "IMMEDIATE"
    ]


def check_heartbeat(**_: object) -> list[checks.CheckMessage]:
    """Check that a worker or a loop delivers.

    * ``liveactivity.W005``: no sweep of an account in the last minutes.
    """
    accounts = list(_accounts())
    return [
        checks.Warning(f"For {_whose(account)} {silence}", id="liveactivity.W005")
        for account, status in zip(accounts, statuses(accounts), strict=True)
        if status.condition != Condition.UNREADABLE  # no table yet: the first deploy checks, too
        and (silence := why_silent(status.heartbeat_age, account.timing))
    ]


def check_migrations(
    databases: Sequence[str] | None = None, **_: object
) -> list[checks.CheckMessage]:
    """Check that the tables are as this version needs them.

    * ``liveactivity.W010``: a migration of ours is not applied in an account's database.

    Args:
        databases: the aliases to look at; by default those of all accounts.
    """
    aliases = {account.database for account in _accounts()}
    return [
        checks.Warning(
            f"In the database {alias!r} django_liveactivity is not migrated: {', '.join(missing)}.",
            hint="Run manage.py migrate django_liveactivity, with --database for another database "
            "than 'default'.",
            id="liveactivity.W010",
        )
        for alias in sorted(aliases if databases is None else aliases & {*databases})
        if (missing := _unapplied(alias))
    ]


def _unapplied(using: str) -> list[str]:
    """Return the names of our migrations that are missing; none where nothing can be asked."""
    try:
        loader = MigrationLoader(connections[using])
    except Error:
        return []
    ours = (key for key in loader.graph.nodes if key[0] == "django_liveactivity")
    return sorted(name for app, name in ours if (app, name) not in loader.applied_migrations)


def _whose(account: conf.Account) -> str:
    if account.from_source:
        return "the accounts of the account source"
    return f"the account {account.alias!r}"


def check_endpoint(**_: object) -> list[checks.CheckMessage]:
    """Check that the endpoint, if mounted, can authenticate callers and throttle them.

    * ``liveactivity.W004``: the endpoint is mounted without authentication classes.
    * ``liveactivity.W009``: a throttle by scope has no rate for the endpoint's.
    """
    if not getattr(settings, "ROOT_URLCONF", None):
        return []
    mounted = [each for each in _views(get_resolver().url_patterns) if _is_endpoint(each[1])]
    # Several routes have one class: a warning about it names the first.
    found = {
        (warning.id, view.cls): warning
        for route, view in reversed(mounted)
        for warning in _warnings(route, view)
    }
    return list(reversed(found.values()))


def _warnings(route: str, view: Any) -> Iterator[checks.CheckMessage]:
    if not _option(view, "authentication_classes"):
        yield checks.Warning(
            f"The endpoint at {route!r} has no authentication classes: every caller is anonymous "
            "and is refused.",
            hint="Fill REST_FRAMEWORK['DEFAULT_AUTHENTICATION_CLASSES'].",
            id="liveactivity.W004",
        )
    scope = _option(view, "throttle_scope")
    if scope and any(_lacks_rate(each, scope) for each in _option(view, "throttle_classes")):
        yield checks.Warning(
            f"The endpoint at {route!r} is throttled by scope, and its scope {scope!r} has no "
            "rate: Django REST framework answers every request with an error.",
            hint=f"Add {scope!r} to REST_FRAMEWORK['DEFAULT_THROTTLE_RATES']; None is no limit.",
            id="liveactivity.W009",
        )


def _views(patterns: Iterable[Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for pattern in patterns:
        route = f"{prefix}{pattern.pattern}"
        if isinstance(pattern, URLResolver):
            yield from _views(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route, pattern.callback


def _is_endpoint(view: object) -> bool:
    # A project that mounts it has imported it; one without DRF must not.
    views = sys.modules.get(VIEWS)
    cls = getattr(view, "cls", None)
    return (
        views is not None and isinstance(cls, type) and issubclass(cls, views.LiveActivityViewSet)
    )


def _option(view: Any, name: str) -> Any:
    return view.initkwargs.get(name, getattr(view.cls, name))


def _lacks_rate(throttle: Any, scope: str) -> bool:
    """Tell whether the throttle is a ScopedRateThrottle that has no rate for the scope."""
    return hasattr(throttle, "scope_attr") and scope not in throttle.THROTTLE_RATES
