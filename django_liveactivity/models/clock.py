"""Time is what the database's clock says, as milliseconds since 1970 in UTC.

Integers compare alike under every ``USE_TZ``, ``TIME_ZONE``, server zone and DST change, and a
worker whose own clock is an hour off changes nothing.
"""

import datetime
from typing import NoReturn, TypeVar

from django.conf import settings
from django.db.models import BigIntegerField, Func, Model, QuerySet
from django.utils import timezone

EPOCH = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
M = TypeVar("M", bound=Model)
MILLISECOND = datetime.timedelta(milliseconds=1)


class Now(Func):
    """The database's clock at this statement, in milliseconds since 1970 UTC.

    PostgreSQL's ``now()`` would stand still inside a transaction, and MariaDB's ``NOW()`` is
    ambiguous for an hour a year: neither is used.
    """

    output_field = BigIntegerField()
    arity = 0

    def as_sqlite(self, *_: object, **__: object) -> tuple[str, tuple[()]]:
        """SQLite: the Julian day, a double, is exact to 0.05 ms."""
        return "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS INTEGER)", ()

    def as_postgresql(self, *_: object, **__: object) -> tuple[str, tuple[()]]:
        """PostgreSQL: ``clock_timestamp()`` goes on inside a transaction.

        As a subquery it is read once per statement; a volatile function by itself would be read
        per row, and no index could serve ``next_try_at <= now``.
        """
        return "(SELECT CAST(FLOOR(EXTRACT(EPOCH FROM clock_timestamp()) * 1000) AS BIGINT))", ()

    def as_mysql(self, *_: object, **__: object) -> tuple[str, tuple[()]]:
        """MariaDB and MySQL: a difference of two UTC values has no time zone."""
        micros = "TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6))"
        return f"({micros} DIV 1000)", ()

    def as_oracle(self, *_: object, **__: object) -> NoReturn:
        """Oracle is not supported: delivery has not been tested on it."""
        raise NotImplementedError("django_liveactivity runs on PostgreSQL, MariaDB and SQLite.")


def with_now(rows: QuerySet[M, M]) -> QuerySet[M, M]:
    """Return the rows with ``now`` on each: the database's clock when they were read."""
    annotated: QuerySet[M, M] = rows.annotate(**{"now": Now()})  # noqa: PIE804 - declared there
    return annotated


def from_datetime(moment: datetime.datetime) -> int:
    """Return the milliseconds of a datetime; a naive one is in the zone of ``TIME_ZONE``.

    As Django has it with ``USE_TZ = False``, whatever zone is activated.
    """
    if timezone.is_naive(moment):
        moment = timezone.make_aware(moment, timezone.get_default_timezone())
    return (moment - EPOCH) // MILLISECOND


def to_datetime(milliseconds: int) -> datetime.datetime:
    """Return the datetime of stored milliseconds, aware exactly when ``USE_TZ`` is on."""
    moment = EPOCH + milliseconds * MILLISECOND
    if settings.USE_TZ:
        return moment
    return timezone.make_naive(moment, timezone.get_default_timezone())
