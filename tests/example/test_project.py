"""The example project is in order: its migrations follow its models, and its checks pass."""

from __future__ import annotations

from .running import manage


def test_no_migration_is_missing(tmp_path):
    with manage(
        "makemigrations", "--check", "--dry-run", DATABASE_URL=f"sqlite:///{tmp_path / 'db'}"
    ) as run:
        assert run.finish() == 0, run.output


def test_the_checks_find_nothing():
    with manage("check", "--fail-level", "WARNING") as run:
        assert run.finish() == 0, run.output
