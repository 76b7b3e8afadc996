"""An error in one of your hooks never breaks a save: it is logged and counted, in tests raised."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import DatabaseError, Error, transaction

from django_liveactivity import conf
from django_liveactivity.models import Source, Subject
from django_liveactivity.printable import get_logger
from django_liveactivity.services.writer import Writer

from .activity import AnyActivity

logger = get_logger("django_liveactivity.tracking")


@contextmanager
def log_hook_errors(
    activity: AnyActivity, account: conf.Account, subject: Subject, *, counted: bool = True
) -> Iterator[None]:
    """Let nothing out of the block that a hook of a ``ModelActivity`` raised.

    An error of the database inside a transaction does get out: that transaction is broken, and its
    owner has to know why.

    Args:
        activity: whose hooks are called.
        account: the account of the cards.
        subject: the object that the hooks are asked about.
        counted: whether a row counts the error; without one it is logged only.
    """
    try:
        yield
    except Exception as error:
        connection = transaction.get_connection(account.database)
        broken = isinstance(error, DatabaseError) and connection.in_atomic_block
        if broken or account.raise_tracking_errors:
            raise
        logger.exception("%s: a hook raised for %s.", activity.name, str(subject))
        if counted and not connection.needs_rollback:
            _count(activity, account, subject, error)


def _count(
    activity: AnyActivity, account: conf.Account, subject: Subject, error: Exception
) -> None:
    try:
        with transaction.atomic(using=account.database):
            writer = Writer(account, Source.SIGNAL, actor="", reason="")
            writer.insert_tracking_failure(activity.name, subject, error)
    except Error:
        logger.exception("%s: the failure could not be counted.", activity.name)
