"""Transactions of the same name wait for each other, and for nothing else."""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

from django.db import Error, connections, transaction

WAIT_SECONDS: Final = 10
"""On MariaDB a transaction goes on without the lock after so long, and may repeat an end."""


@contextmanager
def serialized(using: str, *name: str) -> Iterator[None]:
    """Open a transaction for the block, once every other of the same name has ended.

    Without it, callers who end the same card at the same moment would each write an end: none sees
    what the others have not committed. That does no harm, for delivery merges them; but they are
    one end. No row is locked, so neither delivery nor any other caller waits. On SQLite an
    ``IMMEDIATE`` transaction waits for every other.

    Args:
        using: the database alias.
        *name: texts, such as an account and a stream key.
    """
    digest = hashlib.sha256("\0".join(name).encode(errors="surrogatepass")).digest()
    match connections[using].vendor:
        case "postgresql":
            with transaction.atomic(using=using):
                number = int.from_bytes(digest[:8], signed=True)
                _execute(using, "SELECT pg_advisory_xact_lock(%s)", number)
                yield
        case "mysql":
            with _mariadb_lock(using, f"dla_{digest.hex()[:32]}"), transaction.atomic(using=using):
                yield
        case _:
            with transaction.atomic(using=using):
                yield


@contextmanager
def _mariadb_lock(using: str, name: str) -> Iterator[None]:
    """Hold a lock of the session: it is released after the commit, which the next one must see."""
    _execute(using, "SELECT GET_LOCK(%s, %s)", name, WAIT_SECONDS)
    try:
        yield
    finally:
        with suppress(Error):  # the session is gone, and the lock with it
            _execute(using, "SELECT RELEASE_LOCK(%s)", name)


def _execute(using: str, sql: str, *parameters: str | int) -> None:
    with connections[using].cursor() as cursor:
        cursor.execute(sql, parameters)
