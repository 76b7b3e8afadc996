"""Short durable transactions, retried when the database reports a lock conflict.

When one fails for good, the database session it failed in is not used again.
"""

import functools
import random
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Concatenate, ParamSpec, Protocol, TypeVar

from django.db import Error, OperationalError, connections, transaction
from django.db.transaction import TransactionManagementError

from django_liveactivity.models import add_cure
from django_liveactivity.printable import get_logger


class HasDatabase(Protocol):
    """An account, or what belongs to one: its rows are in one database."""

    @property
    def database(self) -> str:
        """The database alias."""


D = TypeVar("D", bound=HasDatabase | str)
P = ParamSpec("P")
T = TypeVar("T")

TRIES = 8
MYSQL_LOCK_ERRORS = (1213, 1205, 1020)
POSTGRESQL_LOCK_STATES = ("40001", "40P01", "55P03")

logger = get_logger("django_liveactivity.delivery")


def durable_transaction(
    function: Callable[Concatenate[D, P], T],
) -> Callable[Concatenate[D, P], T]:
    """Run the function as one durable transaction in the database of its first argument.

    That is an account, what belongs to one, or the alias of a database that accounts share.
    After a deadlock, a lock timeout or a serialization failure the whole function runs again; any
    other error passes through.

    Raises:
        TransactionManagementError: autocommit is off, so that a call would be made for rows, and
            recorded in rows, that may still be rolled back.
    """

    @functools.wraps(function)
    def run(owner: D, /, *args: P.args, **kwargs: P.kwargs) -> T:
        using = owner if isinstance(owner, str) else owner.database
        _refuse_manual_transactions(using)
        for tried in range(1, TRIES + 1):
            try:
                with transaction.atomic(using=using, durable=True):
                    return function(owner, *args, **kwargs)
            except OperationalError as error:
                if tried == TRIES or not is_lock_error(error):
                    raise
                logger.debug("%s: database lock conflict, try %d.", function.__name__, tried)
                time.sleep(random.uniform(0, 0.01 * 2**tried))
        raise AssertionError  # pragma: no cover: the loop returns or raises

    return run


def is_lock_error(error: OperationalError) -> bool:
    """Tell whether the error is a lock conflict, after which the transaction can run again."""
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
            f"Delivery cannot run: autocommit is off for the database {using!r}. Call "
            "set_autocommit(True) first, or deliver in a separate worker whose DATABASES setting "
            "leaves 'AUTOCOMMIT' on."
        )


@contextmanager
def fresh_session_after_error(using: str) -> Iterator[None]:
    """Discard the database session if the block raises, and let the error out.

    ``SELECT 1`` does not reveal every broken session: after a failover it can stay read-only for
    good, and Django would keep it.
    """
    try:
        yield
    except Exception as error:
        discard_session(using)
        add_cure(error)
        raise


def discard_session(using: str) -> None:
    """Close this thread's database connection, so that the next statement opens a new session.

    Inside an open transaction of the caller, such as a test's, it does nothing.

    Args:
        using: the database alias.
    """
    connection = connections[using]
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
