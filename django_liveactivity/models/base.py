"""What our tables share: how rows are inserted, kept from deletion, and found to be missing."""

import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, ParamSpec, Self, TypeVar

from django.db import Error, models, router
from django.db.models.expressions import BaseExpression

from django_liveactivity.conf import Account
from django_liveactivity.exceptions import UnacknowledgedEndError

DIGEST_LENGTH = 64
FINGERPRINT_LENGTH = 16
ROWS_AT_ONCE = 500
"""Rows that one statement reads or inserts."""
M = TypeVar("M", bound=models.Model)
P = ParamSpec("P")
T = TypeVar("T")

CURE = "Run manage.py migrate django_liveactivity: its tables are missing or older than its code."
PREFIX = "django_liveactivity_"
POSTGRESQL_STATES = ("42P01", "42703")
MYSQL_ERRORS = (1146, 1054)
SQLITE_WORDS = ("no such table", "no such column", "has no column named")


def rows_of(account: Account, model: type[M]) -> models.QuerySet[M, M]:
    """Return the rows of an account in one of our tables, in the account's database."""
    return model._default_manager.using(account.database).filter(account=account.alias)


def batched(keys: Sequence[T]) -> Iterator[Sequence[T]]:
    """Yield keys, or what has one each, as many at once as a statement takes."""
    for start in range(0, len(keys), ROWS_AT_ONCE):
        yield keys[start : start + ROWS_AT_ONCE]


class InsertQuerySet(models.QuerySet[Any]):
    """A QuerySet that INSERTs with expressions, and reads the rows of a row where that row is."""

    @property
    def db(self) -> str:
        """The alias of the database: for what is related to a row of ours, where that row is.

        Django would ask the router, whose replica may not have it yet.
        """
        row = self._hints.get("instance") if self._db is None else None  # type: ignore[attr-defined]
        here = row._state.db if isinstance(row, InsertedModel) else None
        return here or super().db

    def insert(self, **values: object) -> Any:
        """INSERT one row; a value given as an expression is read from the database on access."""
        row = self.model(**values)
        row.save(using=self.db, force_insert=True)
        _forget_expressions(row)
        return row

    def insert_all(self, values: Sequence[Mapping[str, object]]) -> list[Any]:
        """INSERT rows, 500 in a statement; expressions as in ``insert``."""
        # PostgreSQL takes 65,535 parameters, and MariaDB no more than its longest packet.
        rows = self.bulk_create([self.model(**each) for each in values], batch_size=ROWS_AT_ONCE)
        for row in rows:
            _forget_expressions(row)
        return rows


def _forget_expressions(row: models.Model) -> None:
    for name, value in list(row.__dict__.items()):
        if isinstance(value, BaseExpression):
            del row.__dict__[name]


class KeptQuerySet(InsertQuerySet):
    """A QuerySet that never deletes an unacknowledged end."""

    def delete(self) -> tuple[int, dict[str, int]]:
        """Delete the rows, unless an end among them has not been acknowledged.

        Raises:
            UnacknowledgedEndError: nothing was deleted.
        """
        if self.unacknowledged().exists():
            raise UnacknowledgedEndError
        return super().delete()

    def unacknowledged(self) -> Self:
        """Return the rows that hold an end the vendor has not acknowledged.

        They are read where they would be deleted, not from a replica.
        """
        rows: Any = self._chain()  # type: ignore[attr-defined]
        rows._for_write = True
        return self.using(rows.db).filter(self.model.is_unacknowledged())


class InsertedModel(models.Model):
    """A row with values that the database chose: read later, they are read where it is written."""

    objects = InsertQuerySet.as_manager()

    class Meta:
        abstract = True
        base_manager_name = "objects"  # which ``operation.activity`` is read by

    def refresh_from_db(
        self,
        using: str | None = None,
        fields: Iterable[str] | None = None,
        from_queryset: models.QuerySet[Self] | None = None,
    ) -> None:
        """Read the row again, or what of it was not read yet; from where it came, by default.

        Django would ask the router, whose replica may not have the row yet.
        """
        super().refresh_from_db(using or self._state.db, fields, from_queryset)


class KeptModel(InsertedModel):
    """A row that cannot be deleted while its end is unacknowledged."""

    objects = KeptQuerySet.as_manager()  # type: ignore[misc] # of a queryset that deletes less

    class Meta:
        abstract = True

    @classmethod
    def is_unacknowledged(cls) -> models.Q:
        """Return, as a condition on the rows, that they hold an unacknowledged end."""
        raise NotImplementedError

    def delete(
        self, using: str | None = None, keep_parents: bool = False
    ) -> tuple[int, dict[str, int]]:
        """Delete this row, unless its end has not been acknowledged.

        Raises:
            UnacknowledgedEndError: nothing was deleted.
        """
        using = using or router.db_for_write(type(self), instance=self)
        rows = type(self)._base_manager.using(using).filter(pk=self.pk)
        if rows.filter(self.is_unacknowledged()).exists():
            raise UnacknowledgedEndError
        return super().delete(using, keep_parents)


def cure_of(error: BaseException) -> str:
    """Return what to do about a database error if a migration of ours is missing, else ""."""
    text, code = str(error), error.args[0] if error.args else None
    missing = (
        getattr(error.__cause__, "sqlstate", None) in POSTGRESQL_STATES
        or code in MYSQL_ERRORS
        or any(words in text for words in SQLITE_WORDS)
    )
    return CURE if missing and PREFIX in text else ""


def add_cure(error: BaseException) -> None:
    """Add a note to an error of the database, whose traceback then names the missing migration."""
    cure = cure_of(error)
    if cure and cure not in getattr(error, "__notes__", ()):
        error.add_note(cure)


def names_missing_migration(function: Callable[P, T]) -> Callable[P, T]:
    """Let a function's errors of the database name a migration of ours that is missing."""

    @functools.wraps(function)
    def run(*args: P.args, **kwargs: P.kwargs) -> T:
        try:
            return function(*args, **kwargs)
        except Error as error:
            add_cure(error)
            raise

    return run
