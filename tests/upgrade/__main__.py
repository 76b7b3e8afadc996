"""Keep the tables of the version that is to be released: ``python -m tests.upgrade``.

Run it until the release whenever the tables change, and never again afterward. It asks PostgreSQL
and MariaDB on loopback how they would make the tables; the rows come from SQLite.
"""

from __future__ import annotations

import json
import os
from io import StringIO
from typing import Any

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.upgrade.settings"
django.setup()

from django.apps import apps  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402
from django.db.models import JSONField, Model  # noqa: E402

from django_liveactivity import __version__  # noqa: E402
from django_liveactivity.models import LiveActivity, Operation  # noqa: E402

from .history import write_history  # noqa: E402
from .snapshots import APP, FOLDER  # noqa: E402


def values(row: Model) -> dict[str, Any]:
    """Return a row as the database's drivers take it."""
    found = {field: getattr(row, field.attname) for field in row._meta.concrete_fields}
    return {
        str(field.column): json.dumps(value) if isinstance(field, JSONField) else value
        for field, value in found.items()
    }


def main() -> None:
    """Write the files of this version."""
    folder = FOLDER / __version__
    folder.mkdir(exist_ok=True)
    names = sorted(name for app, name in MigrationLoader(None).disk_migrations if app == APP)
    for alias, connection in ((alias, connections[alias]) for alias in connections):
        printed = StringIO()
        for name in names:
            call_command("sqlmigrate", APP, name, database=alias, stdout=printed, no_color=True)
        (folder / f"{connection.vendor}.sql").write_text(printed.getvalue())
    call_command("migrate", verbosity=0)
    write_history()
    rows = {
        model._meta.db_table: [values(row) for row in model._base_manager.order_by("pk")]
        for model in apps.get_app_config(APP).get_models()
    }
    assert all(rows.values()), [table for table, found in rows.items() if not found]
    for model, column, states in (
        (LiveActivity, "status", LiveActivity.Status),
        (Operation, "state", Operation.State),
    ):
        assert {row[column] for row in rows[model._meta.db_table]} == {*states.values}, column
    (folder / "rows.json").write_text(json.dumps(rows, indent=1) + "\n")
    (folder / "migrations.json").write_text(json.dumps(names) + "\n")


if __name__ == "__main__":
    main()
