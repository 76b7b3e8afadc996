"""The example project is in order: its migrations follow its models, and its checks pass."""

from __future__ import annotations

from .running import ROOT, manage

DESCRIPTION = "docs/reference/openapi.json"
DESCRIBE = ("spectacular", "--format", "openapi-json", "--fail-on-warn", "--file")


def test_no_migration_is_missing(tmp_path):
    with manage(
        "makemigrations", "--check", "--dry-run", DATABASE_URL=f"sqlite:///{tmp_path / 'db'}"
    ) as run:
        assert run.finish() == 0, run.output


def test_the_checks_find_nothing():
    with manage("check", "--fail-level", "WARNING") as run:
        assert run.finish() == 0, run.output


def test_the_committed_description_is_that_of_the_endpoint(tmp_path):
    made = tmp_path / "openapi.json"
    with manage(*DESCRIBE, str(made)) as run:
        assert run.finish() == 0, run.output

    again = f"python example_project/manage.py {' '.join(DESCRIBE)} {DESCRIPTION}"
    assert made.read_text() == (ROOT / DESCRIPTION).read_text(), f"Write it anew: {again}"
