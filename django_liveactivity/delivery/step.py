"""One short durable transaction, tried again when the database itself got in the way."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import OperationalError, transaction

from django_liveactivity.printable import get_logger

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 8
MYSQL_LOCK_ERRORS = (1213, 1205, 1020)
POSTGRESQL_LOCK_STATES = ("40001", "40P01", "55P03")

logger = get_logger("django_liveactivity.delivery")


def step(function: Callable[P, T]) -> Callable[P, T]:
    """Run the function, whose first argument is a database alias, as one durable transaction.

    Deadlocks, lock timeouts and serialization failures are the database saying "again": the
    whole step is repeated, and any other error passes through.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        using = str(args[0])
        for tried in range(1, TRIES + 1):
            try:
                with transaction.atomic(using=using, durable=True):
                    return function(*args, **kwargs)
            except OperationalError as error:
                if tried == TRIES or not is_lock_error(error):
                    raise
                logger.debug("%s met a lock, again (%d)", function.__name__, tried)
                time.sleep(random.uniform(0, 0.01 * 2**tried))
        raise AssertionError  # pragma: no cover: the loop returns or raises

    return run


def is_lock_error(error: OperationalError) -> bool:
    """Tell whether the database asks for the transaction to be repeated."""
    cause = error.__cause__
    state = getattr(cause, "sqlstate", None) or getattr(cause, "pgcode", None)
    if state is not None:
        return state in POSTGRESQL_LOCK_STATES
    if error.args and isinstance(error.args[0], int):
        return error.args[0] in MYSQL_LOCK_ERRORS
    return "database is locked" in str(error) or "database table is locked" in str(error)
