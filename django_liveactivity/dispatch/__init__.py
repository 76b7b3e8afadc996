"""How a wake-up travels: after commit, and never at the host's expense."""

import functools
import inspect
import threading
from collections.abc import Callable
from contextlib import nullcontext

from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.utils.module_loading import import_string

from django_liveactivity import conf
from django_liveactivity.printable import get_logger

Dispatcher = Callable[[str, float], None]
SHORT_NAMES = {
    "none": "django_liveactivity.dispatch.wake_none",
    "celery": "django_liveactivity.dispatch.celery.wake",
    "tasks": "django_liveactivity.dispatch.tasks.wake",
    "immediate": "django_liveactivity.dispatch.immediate.wake",
}
EXTRAS = ("celery", "tasks")
"""The dispatchers that need an extra, which is called as they are."""


class MissingExtraError(ImproperlyConfigured):
    """A dispatcher needs an extra that is not installed."""


logger = get_logger("django_liveactivity.dispatch")


class _Requested(threading.local):
    """The accounts for which this thread has asked for a wake-up and had none since."""

    def __init__(self) -> None:
        self.aliases: set[str] = set()


_requested = _Requested()


def wake_on_commit(account: conf.Account) -> None:
    """Wake the account's drain when the host's transaction commits; never if it rolls back.

    However many rows a transaction inserts, the account is woken once. After a commit by hand,
    with autocommit off, it is woken when autocommit is on again; until then the sweep does it.
    """
    _requested.aliases.add(account.alias)
    connection = transaction.get_connection(account.database)
    by_hand = not (connection.in_atomic_block or connection.get_autocommit())
    # Without a statement in it, it is only a place that on_commit takes.
    place = transaction.atomic(account.database, savepoint=False) if by_hand else nullcontext()
    with place:
        wake_once = functools.partial(_wake_once, account.alias)
        transaction.on_commit(wake_once, using=account.database, robust=True)


def _wake_once(alias: str) -> None:
    if alias in _requested.aliases:
        _requested.aliases.discard(alias)
        wake(alias)


def wake(alias: str, delay: float = 0.0) -> None:
    """Wake a drain for an account: it may be lost or doubled without harm.

    Nothing that goes wrong here reaches the caller, whose rows are committed already.

    Args:
        alias: the account.
        delay: in how many seconds, at most 60.
    """
    try:
        dispatcher_of(conf.stand_in(alias))(alias, delay)
    except Exception:
        logger.exception("The wake-up for account %r failed; the next sweep will do.", alias)


def wake_none(alias: str, delay: float = 0.0) -> None:
    """Do nothing: a loop or a cron job of ``liveactivity_dispatch`` looks by itself."""


def dispatcher_of(account: conf.Account) -> Dispatcher:
    """Return the function that wakes a drain for an account.

    Raises:
        ImproperlyConfigured: if it cannot be imported.
        MissingExtraError: if its extra is not installed; the message names it.
    """
    name = account.dispatcher
    path = SHORT_NAMES.get(name, name) if isinstance(name, str) else ""
    if "." not in path:
        known = ", ".join(SHORT_NAMES)
        raise ImproperlyConfigured(
            f"{account.name}['DISPATCHER'] is {name!r}; "
            f"give one of {known}, or the dotted path of a function."
        )
    try:
        dispatcher: Callable[..., None] = import_string(path)
    except ImportError as error:
        problem = f"{account.name}['DISPATCHER']: cannot import {path!r}: {error}."
        if name in EXTRAS:
            hint = f"To install it, run: pip install 'django-liveactivity[{name}]'"
            raise MissingExtraError(f"{problem} {hint}") from error
        raise ImproperlyConfigured(problem) from error
    if _takes_a_delay(dispatcher):
        return dispatcher
    return lambda alias, delay: None if delay else dispatcher(alias)  # the sweep wakes it later


def _takes_a_delay(dispatcher: Callable[..., None]) -> bool:
    try:
        inspect.signature(dispatcher).bind("alias", 0.0)
    except TypeError:
        return False
    return True
