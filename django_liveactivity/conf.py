"""The setting ``LIVEACTIVITY``, read in this one module: an account per alias, as in ``CACHES``."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, cast

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
    """An unknown key or option."""


@dataclass(frozen=True)
class Timing:
    """Every duration of delivery, in milliseconds of the database's clock.

    Tests run the same code faster with ``Timing().divided_by(20)``.
    """

    lease: int = 60_000
    quarantine: int = 60_000
    drain: int = 5_000
    permit: int = 16_000  # the deadline of a call, and a second
    sweep: int = 15_000
    catch_up: int = 1_000
    alarm_grace: int = 2_000  # a wake-up that is later than this counts as lost
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
    silent_after: int = 90_000  # six sweeps
    alert_every: int = 300_000

    def divided_by(self, divisor: int) -> Timing:
        """Return the same proportions, ``divisor`` times as fast; no duration falls below 1 ms."""
        return Timing(**{f.name: max(1, getattr(self, f.name) // divisor) for f in fields(self)})


class HiddenValues:
    """The values of a dict of the settings, to be asked for one by one.

    Error reporters print the locals of every frame, and walk what is a Mapping or a sequence. So
    this is neither, has no ``__dict__``, and tells only the names. ``get(name, default)`` is the
    built-in method of a private dict: there is no frame of it to print.

    Args:
        name: what the messages call the dict.
        read: returns it. Nothing of ours ever keeps it in a variable, and neither may *read*.
        wanted: what the message asks for if it is no dict.

    Raises:
        ImproperlyConfigured: it is no dict.
    """

    __slots__ = ("get", "names")

    def __init__(self, name: str, read: Callable[[], Any], wanted: str = "a dict") -> None:
        # Of its type, as the isinstance() of an abstract class has a frame that holds the value.
        if not issubclass(type(read()), Mapping):
            raise ImproperlyConfigured(f"{name} must be {wanted}.")
        self.get: Callable[..., Any] = dict(read()).get
        self.names: tuple[Any, ...] = tuple(read())

    def __repr__(self) -> str:
        names = getattr(self, "names", ())  # none yet in the traceback of what __init__ raises
        return f"<{', '.join(map(str, names))}: values hidden>"

    def __reduce__(self) -> str:
        raise TypeError("settings are not pickled, as pickles end up in queues and caches")


@dataclass(frozen=True)
class Account:
    """One entry of ``LIVEACTIVITY``: an API key, a rate limit, a backend, a database alias."""

    alias: str
    backend: str
    dispatcher: str = "none"
    database: str = "default"
    options: HiddenValues = field(default_factory=lambda: HiddenValues("OPTIONS", dict))
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
    configured = HiddenValues(
        "LIVEACTIVITY",
        lambda: getattr(settings, "LIVEACTIVITY", None) or {},
        "a dict of accounts, as CACHES is",
    )
    _check_aliases(configured.names)
    return {alias: _read(alias, configured) for alias in configured.names}


def _check_aliases(aliases: Sequence[object]) -> None:
    """Refuse aliases that a database could not store, or not tell apart: MariaDB folds cases."""
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


def _read(alias: str, configured: HiddenValues) -> Account:
    name = f"LIVEACTIVITY[{alias!r}]"
    values = HiddenValues(name, lambda: configured.get(alias))
    refuse_unknown(name, values.names, KNOWN_KEYS)
    if not isinstance(values.get("BACKEND"), str):
        raise ImproperlyConfigured(f"{name} needs a BACKEND, the dotted path of a backend class.")
    if not isinstance(values.get("RAISE_TRACKING_ERRORS", False), bool):
        raise ImproperlyConfigured(f"{name}['RAISE_TRACKING_ERRORS'] must be True or False.")
    return Account(
        alias=alias,
        backend=values.get("BACKEND"),
        dispatcher=values.get("DISPATCHER", "none"),
        database=values.get("DATABASE", "default"),
        options=_options(f"{name}['OPTIONS']", values),
        timing=_timing(f"{name}['TIMING']", values),
        raise_tracking_errors=values.get("RAISE_TRACKING_ERRORS", False),
    )


def _options(name: str, values: HiddenValues) -> HiddenValues:
    if isinstance(values.get("OPTIONS"), HiddenValues):  # of an account that a test copies
        return cast(HiddenValues, values.get("OPTIONS"))
    return HiddenValues(name, lambda: values.get("OPTIONS", {}))


def _timing(name: str, values: HiddenValues) -> Timing:
    given = HiddenValues(name, lambda: values.get("TIMING", {}))
    refuse_unknown(name, given.names, [f.name for f in fields(Timing)])
    for key in given.names:
        if type(given.get(key)) is not int or given.get(key) <= 0:
            raise ImproperlyConfigured(f"{name}[{key!r}] must be a whole number of milliseconds.")
    return Timing(**{key: given.get(key) for key in given.names})


def refuse_unknown(name: str, given: Iterable[object], known: Iterable[str]) -> None:
    """Refuse unknown keys: most are typing errors.

    Args:
        name: what the message calls the dict.
        given: its keys, without the values: error reporters would print those.
        known: the keys there are.

    Raises:
        UnknownKeyError: names them, and those there are.
    """
    unknown = set(given) - set(known)
    if unknown:
        raise UnknownKeyError(
            f"{name} has unknown keys {', '.join(sorted(map(repr, unknown)))}; "
            f"known: {', '.join(sorted(known))}."
        )


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting == "LIVEACTIVITY":
        accounts.cache_clear()
