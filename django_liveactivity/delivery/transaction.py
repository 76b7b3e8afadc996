"""One short durable transaction, tried again when the database itself got in the way.

And what follows when it cannot be done at all: the session that failed is not used again.
"""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

from django.db import Error, OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError

from django_liveactivity.models.schema import add_cure
from django_liveactivity.printable import get_logger

P = ParamSpec("P")
T = TypeVar("T")

TRIES = 8
MYSQL_LOCK_ERRORS = (1213, 1205, 1020)
POSTGRESQL_LOCK_STATES = ("40001", "40P01", "55P03")

logger = get_logger("django_liveactivity.delivery")


def durable_transaction(function: Callable[P, T]) -> Callable[P, T]:
    """Run the function, whose first argument is a database alias, as one durable transaction.

    Deadlocks, lock timeouts and serialization failures are the database saying "again": the
    whole step is repeated, and any other error passes through.

    Raises:
        TransactionManagementError: the connection does not commit by itself, so that a call would
            be made for rows, and noted in rows, that may still be rolled back.
    """

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        using = str(args[0])
        _refuse_manual_transactions(using)
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


def _refuse_manual_transactions(using: str) -> None:
    connection = connections[using]
    if not connection.in_atomic_block and not connection.get_autocommit():
        raise TransactionManagementError(
            f"Delivery commits by itself, and autocommit is off for the database {using!r}: "
            "call set_autocommit(True) before, or let a worker of its own deliver, in whose "
            "DATABASES 'AUTOCOMMIT' is not False."
        )


@contextmanager
def fresh_session_after_error(using: str) -> Iterator[None]:
    """Let an error out of the block, and no later statement use the session that it happened in.

    A session may be broken in a way that a look such as ``SELECT 1`` does not show: after a
    failover it can be read-only for ever, and Django would keep it.
    """
    try:
        yield
    except Exception as error:
        discard_session(using)
        add_cure(error)
        raise


def discard_session(using: str) -> None:
    """Close the database connection of this thread: the next statement opens a new session.

    Inside a transaction that the caller has open, such as a test's, nothing is closed.

    Args:
        using: the database alias.
    """
    connection: Any = connections[using]
    if connection.connection is None or connection.in_atomic_block or not connection.autocommit:
        return
    pool = getattr(connection, "pool", None)
    if pool is not None and hasattr(pool, "drain"):  # psycopg_pool 3.3 and later
        pool.drain()  # its other sessions may be as old as this one
    elif pool is not None:
        connection.connection.pgconn.finish()  # a pool keeps what is returned to it open
    try:
        connection.close()
    except Error:
        logger.debug("The connection to %r could not be closed.", using, exc_info=True)
