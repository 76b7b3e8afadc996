"""A project whose tables are missing, or older than the code, is told what to run."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from .running import Shell, wait_until

CURE = "Run manage.py migrate django_liveactivity"


@pytest.fixture(params=["zero"])
def project(request, sandbox, tmp_path: Path) -> Shell:
    """A project that has migrated nothing of ours, or not the newest."""
    shell = Shell(tmp_path / "db.sqlite3", sandbox.url)
    printed = shell.run("migrate", "-v0", "django_liveactivity", request.param)
    assert printed.returncode == 0, printed.stderr
    if request.param != "zero":  # as before a migration that adds a column
        with closing(sqlite3.connect(shell.database)) as connection:
            connection.execute("ALTER TABLE django_liveactivity_operation DROP COLUMN stripped")
    return shell


def test_the_check_before_a_deploy_names_the_migrations(project):
    for arguments in (["--tag", "liveactivity"], ["--tag", "database", "--database", "default"]):
        printed = project.run("check", "--deploy", *arguments)
        assert printed.returncode == 0
        assert "liveactivity.W010" in printed.stderr
        assert "0001_initial" in printed.stderr
        assert CURE in printed.stderr


def test_the_commands_say_what_to_run(project):
    assert CURE in project.run("liveactivity_end", "order-42").stderr
    assert CURE in project.run("liveactivity_dispatch", "--once").stderr


def test_the_status_says_what_to_run(project):
    assert CURE in " ".join(project.run("liveactivity_status").stderr.split())


def test_the_loop_says_what_to_run(project):
    with (project.database.parent / "log").open("w+") as log:
        loop = project.start("liveactivity_dispatch", "--interval", "0.1", stdout=log, stderr=log)
        try:
            wait_until(lambda: CURE in Path(log.name).read_text())
        finally:
            loop.terminate()
            assert loop.wait(20) == 0
