"""What some work asks of a database: statements, and what the database itself counts as read."""

from __future__ import annotations

from collections.abc import Callable

from django.db import connection

TABLES = "django_liveactivity"


def statements(work: Callable[[], object]) -> list[str]:
    """Return every statement but BEGIN, COMMIT and savepoints.

    Before Django 6.0 a value that the database has set is read in a statement of its own.
    """
    seen: list[str] = []

    def note(execute, sql, params, many, context):
        if not sql.startswith(("SAVEPOINT", "RELEASE", "ROLLBACK")):
            seen.append(sql)
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return seen


def values_at_once(work: Callable[[], object]) -> int:
    """Return how many values the statement has that has most: each database takes only so many."""
    most = 0

    def note(execute, sql, params, many, context):
        nonlocal most
        if not sql.startswith("INSERT"):  # Django makes several of one that is too long
            most = max(most, len(params or ()))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(note):
        work()
    return most


def reads(work: Callable[[], object]) -> int:
    """Return how much the database has read for some work: rows, or steps of SQLite's machine."""
    if connection.vendor == "sqlite":
        return steps_of_sqlite(work)
    total = {"postgresql": rows_of_postgres, "mysql": rows_of_mariadb}[connection.vendor]
    before = total()
    work()
    return int(total() - before)


def steps_of_sqlite(work: Callable[[], object]) -> int:
    steps = 0

    def count() -> None:
        nonlocal steps
        steps += 1

    connection.ensure_connection()
    connection.connection.set_progress_handler(count, 1)
    work()
    connection.connection.set_progress_handler(None, 0)
    return steps


def rows_of_postgres() -> int:
    one("SELECT pg_stat_force_next_flush()::text")
    indexed = one(
        "SELECT sum(idx_tup_read) FROM pg_stat_user_indexes WHERE relname LIKE %s", f"{TABLES}%"
    )
    return indexed + one(
        "SELECT sum(seq_tup_read) FROM pg_stat_user_tables WHERE relname LIKE %s", f"{TABLES}%"
    )


def rows_of_mariadb() -> int:
    with connection.cursor() as cursor:
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%'")
        return sum(int(count) for _, count in cursor.fetchall())


def one(sql: str, *parameters: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return cursor.fetchone()[0]
