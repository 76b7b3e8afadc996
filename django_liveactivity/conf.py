"""The accounts: those of the setting ``LIVEACTIVITY``, and those of the host's account source.

Settings are read in this one module.
"""

import functools
import os
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import NamedTuple, cast

from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.signals import setting_changed
from django.db import Error
from django.dispatch import receiver
from django.utils.module_loading import import_string

from .account_entry import (
    Account,
    HiddenValues,
    Timing,
    UnknownKeyError,
    import_class,
    read_account,
    read_timing,
    refuse_unknown,
)
from .account_source import AccountSource, KnownAccounts
from .exceptions import UnknownAccountError

# What others import from here, and mypy would call private, as it is defined elsewhere.
__all__ = ["Account", "HiddenValues", "Timing", "UnknownKeyError", "refuse_unknown"]

MAX_ALIAS = 64
DEFAULT_ACCOUNT = "default"
MAX_SCOPE = 128
ALIAS = re.compile(rf"[A-Za-z0-9_.-]{{1,{MAX_ALIAS}}}")
SOURCE_ALIAS = re.compile(rf"[a-z0-9_.-]{{1,{MAX_ALIAS}}}")
"""Of an account source's accounts: MariaDB's default collation folds cases."""
ANY_OF_SOURCE = "*"
"""The alias of the stand-in for all accounts of the source; none of them can have it."""
KEYS_OF_SOURCE = ("DATABASE", "DISPATCHER", "TIMING")
"""Keys that all accounts of a source share: they are known without asking for an account."""


def account(alias: str = DEFAULT_ACCOUNT) -> Account:
    """Return the account of that alias, from ``LIVEACTIVITY`` or from the account source.

    Raises:
        UnknownAccountError: at ``account``, if there is none of this alias.
        AccountSourceError: if the source does not answer, and the account is not known here.
        ImproperlyConfigured: if a setting, or the source's answer, is wrong.
    """
    found = accounts().get(alias) if isinstance(alias, str) else None
    if found is None and may_be_of_source(alias):
        found = _known_accounts(os.getpid()).get(alias)
    if found is None:  # without the others' names: callers of the endpoint read it, too
        where = "LIVEACTIVITY has no account"
        if account_source() is not None:
            where = "Neither LIVEACTIVITY nor the account source has an account"
        raise UnknownAccountError.at("account", f"{where} {alias!r}.")
    return found


def stand_in(alias: str) -> Account:
    """Return an account, or a stand-in for one of the source's, with its database and timing.

    The source is not asked, so it neither delays nor stops what needs no key: the sweep, health
    and status. The source may have no account of this alias.

    Raises:
        UnknownAccountError: at ``account``, if there is no source either.
    """
    found = find_stand_in(alias)
    if found is None:
        raise UnknownAccountError.at("account", f"LIVEACTIVITY has no account {alias!r}.")
    return found


def find_stand_in(alias: str) -> Account | None:
    """Return what ``stand_in`` does, None for an alias that no account can have."""
    found = accounts().get(alias)
    return of_source(alias) if found is None and may_be_of_source(alias) else found


def of_source(alias: str) -> Account:
    """Return the stand-in for an account of the source; there has to be a source."""
    return replace(_account_of_source(), alias=alias)


def may_be_of_source(alias: object) -> bool:
    """Tell whether the account source may have an alias: by its form, and if no setting has it."""
    if account_source() is None or not isinstance(alias, str) or not SOURCE_ALIAS.fullmatch(alias):
        return False
    return alias not in _folded_aliases()


def forget_version() -> None:
    """Have the account source asked for its version before it is asked for an account again."""
    if account_source() is not None:
        _known_accounts(os.getpid()).forget_version()


def changes() -> int:
    """Return a number that grows when the accounts of the source have changed; 0 without one."""
    return 0 if account_source() is None else _known_accounts(os.getpid()).changes


class ChangeWatch:
    """Notices changes of the source's accounts, for code that asks again and again."""

    def __init__(self) -> None:
        self._seen = 0

    def has_changed(self) -> bool:
        """Tell whether this process has learned of a change since it was asked before."""
        before, self._seen = self._seen, changes()
        return self._seen != before


class DatabaseAccounts(NamedTuple):
    """The accounts of one database.

    Attributes:
        named: those of ``LIVEACTIVITY``, by alias.
        has_source: whether those of the account source live here, too.
    """

    named: Mapping[str, Account]
    has_source: bool = False

    def find(self, alias: str) -> Account | None:
        """Return what ``stand_in`` does, None for an alias that does not belong here."""
        if (found := self.named.get(alias)) is not None:
            return found
        return of_source(alias) if self.has_source and may_be_of_source(alias) else None

    @property
    def timings(self) -> list[Timing]:
        """The durations of the accounts."""
        own = [timing_of_source()] if self.has_source else []
        return [*own, *(account.timing for account in self.named.values())]


def databases(aliases: Iterable[str] | None = None) -> dict[str, DatabaseAccounts]:
    """Return the accounts by their databases, those of the source without listing them.

    Args:
        aliases: only these; by default all.
    """
    found: dict[str, dict[str, Account]] = {}
    for alias in accounts() if aliases is None else aliases:
        one = stand_in(alias)
        found.setdefault(one.database, {})[alias] = one
    source = account_source() if aliases is None else None
    if source is not None:
        found.setdefault(source.database, {})
    return {
        using: DatabaseAccounts(named, source is not None and source.database == using)
        for using, named in found.items()
    }


def with_stand_in() -> list[Account]:
    """Return the accounts of ``LIVEACTIVITY``, and a stand-in for all of the source's."""
    own = [*accounts().values()]
    return own if account_source() is None else [*own, of_source(ANY_OF_SOURCE)]


def has_several_accounts() -> bool:
    """Tell whether there may be more than one account."""
    return account_source() is not None or len(accounts()) > 1


@functools.cache
def account_source() -> AccountSource | None:
    """Return the host's account source, or None if it has none.

    Raises:
        ImproperlyConfigured: if ``LIVEACTIVITY_ACCOUNTS`` names none.
    """
    path = getattr(settings, "LIVEACTIVITY_ACCOUNTS", None)
    if not path:
        return None
    return import_class("LIVEACTIVITY_ACCOUNTS", path, AccountSource)()


def _needed_source() -> AccountSource:
    """Return the account source where there has to be one."""
    source = account_source()
    if source is None:
        raise ImproperlyConfigured("LIVEACTIVITY_ACCOUNTS names no account source.")
    return source


@functools.cache
def _known_accounts(_process: int) -> KnownAccounts:
    """Return what is known of the source's accounts; a forked process begins with nothing."""
    source = _needed_source()
    return KnownAccounts(source, functools.partial(_ask_source, source))


@functools.cache
def _account_of_source() -> Account:
    """Return what all accounts of the source have in common."""
    source = _needed_source()
    name = f"{type(source).__name__}.timing"
    values = HiddenValues(name, lambda: {"TIMING": source.timing})
    return Account(
        alias="",
        backend="",
        dispatcher=source.dispatcher,
        database=source.database,
        timing=read_timing(name, values),
        from_source=True,
    )


def timing_of_source() -> Timing:
    """Return the durations of the source's accounts."""
    return _account_of_source().timing


@functools.cache
def _folded_aliases() -> frozenset[str]:
    return frozenset(alias.lower() for alias in accounts())


def _ask_source(source: AccountSource, alias: str) -> Account | None:
    """Return an account as the source has it; None if it has none of this alias."""
    # The answer is in no variable: error reporters print the locals of every frame.
    answer = {"answer": source.get(alias)}.get
    if answer("answer") is None:
        return None
    common = of_source(alias)
    name = common.name
    values = HiddenValues(name, functools.partial(answer, "answer"))
    for key in KEYS_OF_SOURCE:
        given = values.get(key)
        if given is not None and given != getattr(source, key.lower()):
            raise ImproperlyConfigured(
                f"{name}: {key} is that of all its accounts; set {type(source).__name__}."
                f"{key.lower()}, and leave it out here."
            )
    own = read_account(alias, name, values)
    return replace(
        own,
        database=common.database,
        dispatcher=common.dispatcher,
        timing=common.timing,
        from_source=True,
    )


@functools.cache
def accounts() -> Mapping[str, Account]:
    """Return every configured account by its alias."""
    configured = HiddenValues(
        "LIVEACTIVITY",
        lambda: getattr(settings, "LIVEACTIVITY", None) or {},
        "a dict of accounts, as CACHES is",
    )
    _check_aliases(configured.names)
    return {alias: _entry(alias, configured) for alias in configured.names}


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


def _entry(alias: str, configured: HiddenValues) -> Account:
    name = f"LIVEACTIVITY[{alias!r}]"
    return read_account(alias, name, HiddenValues(name, lambda: configured.get(alias)))


def subject_scope() -> str:
    """Return the scope of objects at this moment, such as the tenant; "" without the setting.

    Two tenants may each have an object of the same model and primary key. The function that
    ``LIVEACTIVITY_SUBJECT_SCOPE`` names by its dotted path tells them apart: it is asked whenever
    a card is stored for an object, and whenever the cards of an object are looked for.

    Raises:
        ImproperlyConfigured: the function cannot be imported, raised, or returned anything but
            printable ASCII text of at most 128 characters.
    """
    function = scope_function()
    return "" if function is None else _checked_scope(function)


@functools.cache
def scope_function() -> Callable[[], object] | None:
    """Return the function that ``LIVEACTIVITY_SUBJECT_SCOPE`` names, or None.

    Raises:
        ImproperlyConfigured: it cannot be imported, or is no function.
    """
    path = getattr(settings, "LIVEACTIVITY_SUBJECT_SCOPE", None)
    if path is None:
        return None
    try:
        function = import_string(path) if isinstance(path, str) else None
    except ImportError as error:
        raise ImproperlyConfigured(f"LIVEACTIVITY_SUBJECT_SCOPE: {error}.") from error
    if not callable(function):
        raise ImproperlyConfigured(
            f"LIVEACTIVITY_SUBJECT_SCOPE is {path!r}: give the dotted path of a function."
        )
    return cast("Callable[[], object]", function)


def _checked_scope(function: Callable[[], object]) -> str:
    name = f"LIVEACTIVITY_SUBJECT_SCOPE: {getattr(settings, 'LIVEACTIVITY_SUBJECT_SCOPE', None)}"
    try:
        scope = function()
    except Error:  # of the database: its transaction may be broken, and its owner has to know
        raise
    except Exception as error:
        raise ImproperlyConfigured(f"{name} raised {type(error).__name__}: {error}") from error
    if not isinstance(scope, str):
        raise ImproperlyConfigured(f"{name} returned {scope!r}; return a string.")
    if len(scope) > MAX_SCOPE or not (scope.isascii() and scope.isprintable()):
        raise ImproperlyConfigured(
            f"{name} returned {scope!r}; return at most {MAX_SCOPE} characters of printable ASCII."
        )
    return str(scope)


@receiver(setting_changed)
def _forget(*, setting: str, **_: object) -> None:
    if setting in ("LIVEACTIVITY", "LIVEACTIVITY_ACCOUNTS"):
        caches = (accounts, account_source, _known_accounts, _account_of_source, _folded_aliases)
        for cache in caches:
            cache.cache_clear()
    elif setting == "LIVEACTIVITY_SUBJECT_SCOPE":
        scope_function.cache_clear()
