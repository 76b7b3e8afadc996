"""A project of its own for commands that run in processes of their own."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from .running import Shell


@pytest.fixture(scope="session")
def migrated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with our tables in it, made once."""
    database = tmp_path_factory.mktemp("migrated") / "loop.sqlite3"
    Shell(database, "http://127.0.0.1:9/api").run("migrate", "-v0", check=True)
    return database


@pytest.fixture(scope="session")
def backlog(migrated: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database file with 30 ends that are due."""
    database = Path(shutil.copy(migrated, tmp_path_factory.mktemp("backlog")))
    shell = Shell(database, "http://127.0.0.1:9/api")
    shell.run("liveactivity_end", *(f"key-{n}" for n in range(30)), check=True)
    return database


@pytest.fixture
def project(tmp_path: Path, sandbox, request: pytest.FixtureRequest) -> Callable[..., Shell]:
    """Make a shell in a project of its own, whose accounts talk to the sandbox.

    ``project("backlog")`` has 30 ends that are due.
    """

    def make(start: str = "migrated", **variables: str) -> Shell:
        database = Path(shutil.copy(request.getfixturevalue(start), tmp_path))
        return Shell(database, sandbox.url, **variables)

    return make
