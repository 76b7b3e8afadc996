"""The package with one more migration, for processes that were renewed already."""

from __future__ import annotations

import shutil
from pathlib import Path

from .processes import ROOT, ask

PACKAGE = "django_liveactivity"
FIELD = '    note = models.CharField(max_length=8, default="", db_default="")\n'
"""What the next version adds to the model of a lane; the database fills it for this one."""
MIGRATE = """
import django
django.setup()
from django.core.management import call_command
call_command("makemigrations", "django_liveactivity", "-n", "note", verbosity=0)
# MariaDB's databases are copies of the tables alone: nothing says that the first was applied.
call_command("migrate", "django_liveactivity", "0001", fake=True, verbosity=0)
call_command("migrate", "django_liveactivity", verbosity=0)
"""


def newer_tree(folder: Path, run: dict[str, object]) -> Path:
    """Write the next version into a folder, migrate the database of a run to it, and return it."""
    shutil.copytree(ROOT / PACKAGE, folder / PACKAGE)
    models = folder / PACKAGE / "models" / "delivery.py"
    text = models.read_text()
    anchor = "    fence = models.BigIntegerField(default=0)\n"
    models.write_text(text.replace(anchor, anchor + FIELD, 1))
    ask(run | {"tree": str(folder)}, MIGRATE)
    assert len(list((folder / PACKAGE / "migrations").glob("[0-9]*.py"))) == 2
    return folder
