"""The setting ``LIVEACTIVITY``, read in this one module: an account per alias, as in ``CACHES``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.dispatch import receiver

from .exceptions import InvalidInputError

DEFAULT_ACCOUNT = "default"
MAX_ALIAS = 64
ALIAS = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_ALIAS}}}")
KNOWN_KEYS = ("BACKEND", "DISPATCHER", "DATABASE", "OPTIONS", "TIMING", "RAISE_TRACKING_ERRORS")


class UnknownKeyError(ImproperlyConfigured):
    """A key or an option that nobody reads."""


@dataclass(frozen=True)
class Timing:
    """Every duration of delivery, in milliseconds of the database's clock.

    Tests run the same code faster with ``Timing().divided_by(20)``.
    """

    lease: int = 60_000
    quarantine: int = 60_000
    drain: int = 50_000
    seat: int = 65_000
    call_deadline: int = 15_000
    backoff_first: int = 1_000
    backoff_cap: int = 60_000
    backoff_long_after: int = 600_000
    backoff_long_cap: int = 900_000
    freeze_step: int = 10_000
    freeze_cap: int = 30_000
    retry_after_cap: int = 300_000
    probe_first: int = 30_000
    probe_cap: int = 300_000
    limit_first: int = 15_000
    limit_cap: int = 300_000
    operator_retry: int = 3_600_000
    latency_allowance: int = 750
    keep_finished: int = 30 * 24 * 3_600_000
    overdue_after: int = 300_000
    silent_after: int = 90_000  # a drain of 50 s and its last call, on a worker's only process
    alert_every: int = 300_000

    def divided_by(self, divisor: int) -> Timing:
        """Return the same proportions, ``divisor`` times as fast; no duration falls below 1 ms."""
        return Timing(**{f.name: max(1, getattr(self, f.name) // divisor) for f in fields(self)})


class Redacted(Mapping[str, Any]):
    """A mapping of settings whose repr tells no value: tracebacks and error reports print reprs."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        # A closure, so that vars() shows nothing either.
        self._read: Callable[[], Mapping[str, Any]] = lambda: values

    def __getitem__(self, key: str) -> Any:
        value = self._read()[key]
        return Redacted(value) if isinstance(value, Mapping) else value

    def __iter__(self) -> Iterator[str]:
        return iter(self._read())

    def __len__(self) -> int:
        return len(self._read())

    def __repr__(self) -> str:
        return f"<{', '.join(map(str, self))}: values hidden>"


@dataclass(frozen=True)
class Account:
    """One entry of ``LIVEACTIVITY``: an API key, a rate limit, a backend, a database alias."""

    alias: str
    backend: str
    dispatcher: str = "none"
    database: str = "default"
    options: Mapping[str, Any] = field(default_factory=dict)
    timing: Timing = field(default_factory=Timing)
    raise_tracking_errors: bool = False


def account(alias: str = DEFAULT_ACCOUNT) -> Account:
    """Return the account of that alias.

    Raises:
        InvalidInputError: at ``account``, if ``LIVEACTIVITY`` has no such alias.
        ImproperlyConfigured: if the setting itself is wrong.
    """
    found = accounts().get(alias) if isinstance(alias, str) else None
    if found is None:  # without the others' names: callers of the endpoint read it, too
        raise InvalidInputError.at("account", f"LIVEACTIVITY has no account {alias!r}.")
    return found


@functools.cache
def accounts() -> Mapping[str, Account]:
    """Return every configured account by its alias."""
    configured = getattr(settings, "LIVEACTIVITY", None) or {}
    if not isinstance(configured, Mapping):
        raise ImproperlyConfigured("LIVEACTIVITY must be a dict of accounts, as CACHES is.")
    configured = Redacted(configured)
    _check_aliases(list(configured))
    return {alias: _read(alias, configured[alias]) for alias in configured}


def _check_aliases(aliases: Sequence[Any]) -> None:
    """Refuse what not every database could store, or tell from another: MariaDB folds cases."""
    seen: dict[str, str] = {}
    for alias in aliases:
        if not isinstance(alias, str) or not ALIAS.fullmatch(alias):
            raise ImproperlyConfigured(
                f"LIVEACTIVITY[{alias!r}]: give an alias of 1 to {MAX_ALIAS} characters out of "
                "A-Z, a-z, 0-9, '_', '-' and '.'."
            )
        twin = seen.setdefault(alias.lower(), alias)
        if twin != alias:
            raise ImproperlyConfigured(
                f"LIVEACTIVITY[{alias!r}] differs from {twin!r} in case alone: rename one."
            )


def _read(alias: str, values: Any) -> Account:
    name = f"LIVEACTIVITY[{alias!r}]"
    if not isinstance(values, Mapping):
        raise ImproperlyConfigured(f"{name} must be a dict.")
    refuse_unknown(name, values, KNOWN_KEYS)
    if not isinstance(values.get("BACKEND"), str):
        raise ImproperlyConfigured(f"{name} needs a BACKEND, the dotted path of a backend class.")
    if not isinstance(values.get("OPTIONS", {}), Mapping):
        raise ImproperlyConfigured(f"{name}['OPTIONS'] must be a dict.")
    if not isinstance(values.get("RAISE_TRACKING_ERRORS", False), bool):
        raise ImproperlyConfigured(f"{name}['RAISE_TRACKING_ERRORS'] must be True or False.")
    return Account(
        alias=alias,
        backend=values["BACKEND"],
        dispatcher=values.get("DISPATCHER", "none"),
        database=values.get("DATABASE", "default"),
        options=values.get("OPTIONS", Redacted({})),
        timing=_timing(f"{name}['TIMING']", values.get("TIMING", {})),
        raise_tracking_errors=values.get("RAISE_TRACKING_ERRORS", False),
    )


def _timing(name: str, values: Any) -> Timing:
    if not isinstance(values, Mapping):
        raise ImproperlyConfigured(f"{name} must be a dict.")
    refuse_unknown(name, values, [f.name for f in fields(Timing)])
    for key, value in values.items():
        if type(value) is not int or value <= 0:
            raise ImproperlyConfigured(f"{name}[{key!r}] must be a whole number of milliseconds.")
    return Timing(**values)


def refuse_unknown(name: str, given: Mapping[str, Any], known: Any) -> None:
    """Refuse keys that nobody reads: most are typing errors.

    Raises:
        UnknownKeyError: names them, and those there are.
    """
    unknown = [key for key in given if key not in known]
    if unknown:
        raise UnknownKeyError(
            f"{name} has unknown keys {', '.join(sorted(map(repr, unknown)))}; "
            f"known: {', '.join(sorted(known))}."
        )


@receiver(setting_changed)
def _forget(*, setting: str, **_: Any) -> None:
    if setting == "LIVEACTIVITY":
        accounts.cache_clear()
