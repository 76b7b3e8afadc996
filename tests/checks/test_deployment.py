"""The checks before a deploy: a worker delivers, and writers wait for each other."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import connection

from django_liveactivity.delivery import sweep
from tests.clock import advance

from .finding import found

ROOT = Path(__file__).parents[2]
SQLITE, HEARTBEAT = "liveactivity.W002", "liveactivity.W005"


def test_sqlite_that_lets_writers_collide_is_found_and_nothing_else(db):
    problem = found(deploy=True).get(SQLITE, "")
    is_sqlite = connection.vendor == "sqlite"
    assert ("'default' begins its transactions as DEFERRED" in problem) == is_sqlite


class TestTheHeartbeat:
    def test_is_missing_where_nothing_ever_swept(self, db):
        assert "nothing drains: there was never a sweep; run" in found(deploy=True)[HEARTBEAT]

    def test_is_there_after_a_sweep(self, db):
        sweep(lambda _: None)
        assert HEARTBEAT not in found(deploy=True)

    def test_is_missing_when_the_last_sweep_is_long_ago(self, db):
        sweep(lambda _: None)
        advance(80)
        assert HEARTBEAT not in found(deploy=True)
        advance(20)
        assert "the last sweep was 10" in found(deploy=True)[HEARTBEAT]

    def test_is_asked_for_before_a_deploy_alone(self, db):
        assert found() == {}

    def test_is_no_matter_where_there_is_no_account(self, settings):
        settings.LIVEACTIVITY = {}
        assert found(deploy=True) == {}

    @pytest.mark.parametrize("tables", ["none", "all"])
    def test_is_no_matter_where_there_are_no_tables_yet(self, tmp_path, tables):
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.commands.loop_settings",
            "LOOP_DATABASE": str(tmp_path / "new.sqlite3"),
            "LOOP_BASE_URL": "http://127.0.0.1:1/api",
            "PYTHONPATH": str(ROOT),
        }
        django = [sys.executable, "-m", "django"]
        if tables == "all":
            subprocess.run([*django, "migrate", "-v0"], env=environment, check=True, timeout=60)
        check = subprocess.run(
            [*django, "check", "--deploy", "--tag", "liveactivity"],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert check.returncode == 0, check.stderr
        assert SQLITE not in check.stderr  # its transactions are IMMEDIATE
        assert (HEARTBEAT in check.stderr) == (tables == "all")
