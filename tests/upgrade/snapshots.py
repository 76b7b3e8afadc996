"""Put the tables of a released version, with their rows, in the place of ours."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from django.db import connection
from django.db.migrations.recorder import MigrationRecorder

APP = "django_liveactivity"
FOLDER = Path(__file__).parent
VERSIONS = sorted(path.name for path in FOLDER.glob("[0-9]*"))

Rows = dict[str, list[dict[str, Any]]]


def rows_of_version(version: str) -> Rows:
    """Return the rows of each table; JSON is text in them, as a driver is given it."""
    rows: Rows = json.loads((FOLDER / version / "rows.json").read_text())
    return rows


def statements(version: str) -> list[str]:
    """Return the SQL that makes the tables; sqlmigrate prints one statement a line."""
    lines = (FOLDER / version / f"{connection.vendor}.sql").read_text().splitlines()
    return [line for line in lines if not line.startswith(("--", "BEGIN", "COMMIT"))]


def our_tables() -> list[str]:
    """Return the names of the tables that are there."""
    return [name for name in connection.introspection.table_names() if name.startswith(f"{APP}_")]


def drop_tables() -> None:
    """Leave nothing of ours; there are no foreign keys between our tables in the database."""
    with connection.cursor() as cursor:
        for table in our_tables():
            cursor.execute(f"DROP TABLE {connection.ops.quote_name(table)}")
    MigrationRecorder(connection).migration_qs.filter(app=APP).delete()


def restore(version: str) -> None:
    """Make the tables of a version, as a project has them that has run it."""
    drop_tables()
    rows = rows_of_version(version)
    with connection.cursor() as cursor:
        for statement in statements(version):
            cursor.execute(statement)
        for table, found in rows.items():
            for row in found:
                names = ", ".join(map(connection.ops.quote_name, row))
                places = ", ".join(["%s"] * len(row))
                cursor.execute(f"INSERT INTO {table} ({names}) VALUES ({places})", [*row.values()])
            if connection.vendor == "postgresql":
                last = f"SELECT max(id) FROM {table}"
                cursor.execute(f"SELECT setval(pg_get_serial_sequence('{table}', 'id'), ({last}))")
    for name in json.loads((FOLDER / version / "migrations.json").read_text()):
        MigrationRecorder(connection).record_applied(APP, name)
