"""What the children of a prefork pool did is told by any scrape, even when all of them are dead."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from json import dumps
from pathlib import Path
from typing import Any

import pytest
import redis
from django.conf import settings as test_settings
from django.db import connection
from prometheus_client.parser import text_string_to_metric_families

from tests.celery_apps import needs_redis
from tests.commands.running import Shell, wait_until

ACCOUNTS = ["north", "south", "east", "west"]
COMMIT = f"""
from tests.dispatch import celery_app
from django_liveactivity import services
from django_liveactivity.dispatch import celery
celery.EXIT_SECONDS = 50.0  # this machine may be busy
for account in {ACCOUNTS}:
    services.end_activity(stream_key="order-42", account=account)
"""
SWEEP_AND_SCRAPE = """
from django.test import RequestFactory
from django_liveactivity.delivery import sweep
from django_liveactivity.prometheus import metrics
sweep(lambda _: None)
print(metrics(RequestFactory().get("/")).content.decode())
"""
OPTIONS = ("--pool", "prefork", "-c", "2", "--max-tasks-per-child", "1", "-l", "INFO")
"""A child is replaced after each task: what it remembers is gone."""

pytestmark = [
    pytest.mark.long,
    needs_redis,
]


@pytest.fixture
def host(tmp_path: Path, sandbox: Any, transactional_db: None) -> Shell:
    """A host that shares the database of this test, or has a file where that is in memory."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.dispatch.celery_settings",
        "CELERY_QUEUE": f"liveactivity-test-{os.getpid()}-{time.time_ns()}",
        "LOOP_ACCOUNTS": " ".join(ACCOUNTS),
    }
    if not test_settings.IN_MEMORY:
        known = ("ENGINE", "NAME", "USER", "PASSWORD", "HOST", "PORT")
        variables["HOST_DATABASE"] = dumps({key: connection.settings_dict[key] for key in known})
    host = Shell(tmp_path / "host.sqlite3", sandbox.url, **variables)
    if test_settings.IN_MEMORY:
        host.run("migrate", "-v0").check_returncode()
    return host


@contextmanager
def worker(host: Shell, log: Path) -> Iterator[None]:
    """Run a worker without beat; SIGKILL it and its children at the end."""
    command = [sys.executable, "-m", "celery", "-A", "tests.dispatch.celery_app", "worker"]
    own = {"env": host.environment, "start_new_session": True}
    with subprocess.Popen([*command, *OPTIONS, "-f", str(log)], **own) as process:
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
    with redis.Redis() as client:
        client.delete(host.environment["CELERY_QUEUE"])


def ends(host: Shell) -> tuple[float, float]:
    """Return, by a process that made no call, how many calls for ends and acknowledged ends."""
    found = {}
    for family in text_string_to_metric_families(host.execute(SWEEP_AND_SCRAPE)):
        for sample in family.samples:
            found[sample.name, sample.labels.get("operation"), sample.labels.get("outcome")] = (
                sample.value
            )
    calls = found["liveactivity_calls_total", "end", "not_found"]
    return calls, found["liveactivity_end_latency_seconds_count", None, None]


def test_a_scrape_tells_what_children_did_that_are_dead(host, sandbox, tmp_path):
    log = tmp_path / "worker.log"
    everything = (len(ACCOUNTS), len(ACCOUNTS))
    with worker(host, log):
        host.execute(COMMIT)
        wait_until(lambda: len(sandbox.calls()) == len(ACCOUNTS))
        wait_until(lambda: ends(host) == everything)
    assert len(sandbox.calls()) == len(ACCOUNTS)
    assert ends(host) == everything
    lines = [line for line in log.read_text().splitlines() if " DELETE " in line]
    children = {line.split("ForkPoolWorker-")[1].split("]")[0] for line in lines}
    assert len(children) == len(ACCOUNTS), "each call was made by another process"
