"""Name the cure where our tables are not as this version needs them: a migration is missing."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import ParamSpec, TypeVar

from django.db import Error

P = ParamSpec("P")
T = TypeVar("T")

CURE = "Run manage.py migrate django_liveactivity: its tables are missing or older than its code."
PREFIX = "django_liveactivity_"
POSTGRESQL_STATES = ("42P01", "42703")
MYSQL_ERRORS = (1146, 1054)
SQLITE_WORDS = ("no such table", "no such column", "has no column named")


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
