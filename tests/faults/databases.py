"""A fresh database for each run, copied from one into which the migrations ran once."""

from __future__ import annotations

import functools
import itertools
import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from . import requirements
from .processes import manage

NUMBERS = itertools.count(1)


def fresh_name(word: str = "run") -> str:
    """Return a name that no other database of this machine has."""
    return f"faults_{word}_{os.getpid()}_{next(NUMBERS)}"


class Database:
    """A database of a run: Django's settings for it, and the tests' own way into it."""

    def __init__(self, settings: dict[str, Any]) -> None:
        self.settings = settings

    def connect(self) -> Any:
        """Return a DB-API connection."""
        raise NotImplementedError

    def drop(self) -> None:
        """Remove it."""
        raise NotImplementedError

    def rows(self, sql: str, *parameters: Any) -> list[tuple[Any, ...]]:
        """Return what a SELECT finds, in a transaction of its own."""
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(self.written(sql), parameters)
            return [tuple(row) for row in cursor.fetchall()]

    def execute(self, sql: str, *parameters: Any) -> int:
        """Run a statement, commit, and return how many rows it changed."""
        with closing(self.connect()) as connection:
            cursor = connection.cursor()
            cursor.execute(self.written(sql), parameters)
            count = cursor.rowcount
            connection.commit()
            return int(count)

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        """Hold a transaction open for the block, and roll it back; the block has its cursor."""
        with closing(self.connect()) as connection:
            yield connection.cursor()
            connection.rollback()

    @staticmethod
    def written(sql: str) -> str:
        """Return the statement with this driver's placeholders, of which %s is the usual."""
        return sql


class Postgres(Database):
    """A database of a PostgreSQL server."""

    def connect(self) -> Any:
        return connect_postgres(self.settings)

    def drop(self) -> None:
        with administer_postgres(self.settings) as admin:
            admin.execute(f"DROP DATABASE IF EXISTS {self.settings['NAME']} WITH (FORCE)")


class Mariadb(Database):
    """A database of a MariaDB server."""

    def connect(self) -> Any:
        return connect_mariadb(self.settings, db=self.settings["NAME"])

    def drop(self) -> None:
        with closing(connect_mariadb(self.settings)) as admin:
            admin.cursor().execute(f"DROP DATABASE IF EXISTS {self.settings['NAME']}")


class Sqlite(Database):
    """A file."""

    def connect(self) -> Any:
        return sqlite3.connect(self.settings["NAME"], timeout=20)

    def drop(self) -> None:
        for path in Path(self.settings["NAME"]).parent.glob(Path(self.settings["NAME"]).name + "*"):
            path.unlink()

    @staticmethod
    def written(sql: str) -> str:
        return sql.replace("%s", "?")


def postgres_address(settings: dict[str, Any], database: str = "postgres") -> dict[str, Any]:
    """Return where a server is, in psycopg's words."""
    return {
        "host": settings["HOST"],
        "port": int(settings["PORT"]),
        "user": settings["USER"],
        "dbname": database,
        "connect_timeout": 5,
    }


def connect_postgres(settings: dict[str, Any]) -> Any:
    """Return a connection to a database."""
    return requirements.driver("psycopg").connect(**postgres_address(settings, settings["NAME"]))


def administer_postgres(server: dict[str, Any]) -> Any:
    """Return a connection to a server that creates and drops databases."""
    return requirements.driver("psycopg").connect(**postgres_address(server), autocommit=True)


def connect_mariadb(settings: dict[str, Any], **more: Any) -> Any:
    """Return a connection to a server."""
    return requirements.driver("MySQLdb").connect(
        host=settings["HOST"],
        port=int(settings["PORT"]),
        user=settings["USER"],
        connect_timeout=5,
        **more,
    )


def postgres_server(port: int = 5432) -> dict[str, Any]:
    """Return Django's settings for a PostgreSQL server on this machine."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "USER": "root",
    }


def mariadb_server(port: int = 3306) -> dict[str, Any]:
    """Return Django's settings for a MariaDB server on this machine."""
    return {
        "ENGINE": "django.db.backends.mysql",
        "HOST": "127.0.0.1",
        "PORT": str(port),
        "USER": "root",
    }


def create_postgres(server: dict[str, Any] | None = None) -> Database:
    """Create a database with our tables on a PostgreSQL server."""
    server = server or postgres_server()
    requirements.service("PostgreSQL", int(server["PORT"]))
    name = fresh_name()
    template = _postgres_template(server["PORT"])
    with administer_postgres(server) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
    return Postgres(server | {"NAME": name})


@functools.cache
def _postgres_template(port: str) -> str:
    server, name = postgres_server(int(port)), fresh_name("template")
    with administer_postgres(server) as admin:
        admin.execute(f"CREATE DATABASE {name}")
    manage(server | {"NAME": name}, "migrate", "--run-syncdb", "-v0")
    if port == postgres_server()["PORT"]:  # a private server goes as a whole
        REMOVE.append(Postgres(server | {"NAME": name}))
    return name


def create_mariadb(server: dict[str, Any] | None = None) -> Database:
    """Create a database with our tables on a MariaDB server."""
    server = server or mariadb_server()
    requirements.service("MariaDB", int(server["PORT"]))
    name = fresh_name()
    statements = _mariadb_tables(server["PORT"])
    with closing(connect_mariadb(server)) as admin:
        cursor = admin.cursor()
        cursor.execute(f"CREATE DATABASE {name}")
        cursor.execute(f"USE {name}")
        for statement in statements:
            cursor.execute(statement)
        admin.commit()
    return Mariadb(server | {"NAME": name})


@functools.cache
def _mariadb_tables(port: str) -> list[str]:
    settings = mariadb_server(int(port)) | {"NAME": fresh_name("template")}
    template = Mariadb(settings)
    with closing(connect_mariadb(settings)) as admin:
        admin.cursor().execute(f"CREATE DATABASE {settings['NAME']}")
    try:
        manage(settings, "migrate", "--run-syncdb", "-v0")
        tables = [name for (name,) in template.rows("SHOW TABLES") if name != "django_migrations"]
        return [template.rows(f"SHOW CREATE TABLE {table}")[0][1] for table in tables]
    finally:
        template.drop()


def create_sqlite() -> Database:
    """Create a file with our tables."""
    template = _sqlite_template()
    path = template.with_name(fresh_name() + ".sqlite3")
    shutil.copy(template, path)
    return Sqlite(sqlite_settings(path))


@functools.cache
def _sqlite_template() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="faults-"))
    path = folder / "template.sqlite3"
    manage(sqlite_settings(path), "migrate", "--run-syncdb", "-v0")
    REMOVE.append(Folder({"NAME": str(folder)}))
    return path


class Folder(Database):
    """Where the files are."""

    def drop(self) -> None:
        shutil.rmtree(self.settings["NAME"], ignore_errors=True)


def sqlite_settings(path: Path) -> dict[str, Any]:
    """Return Django's settings for a file; Django's defaults but for the patience."""
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"timeout": 20},
    }


CREATE = {"postgres": create_postgres, "mariadb": create_mariadb, "sqlite": create_sqlite}
REMOVE: list[Database] = []
"""The templates, removed when the session ends."""
