"""Real workers of django-tasks-db beside a host, on SQLite and on PostgreSQL."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import pytest

from django_liveactivity.sandbox import Sandbox
from tests.commands.running import Shell, wait_until

PAUSE = 750
"""Milliseconds between two sweeps of the host."""
WORKER = ("db_worker", "--interval", "0.05", "--no-startup-delay", "--no-reload")
SHOW = """
from django_liveactivity import Progress, services
services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
"""
END = """
from django_liveactivity import services
services.end_activity(stream_key="order-42")
"""
END_LATER = """
from datetime import timedelta
from django_liveactivity import services
services.end_activity(stream_key="order-42", after=timedelta(seconds=2))
"""
OBSERVE = """
import json, sys
from django_liveactivity.models import Heartbeat, Lane, Operation
from django_tasks_db.models import DBTaskResult
sweeps = DBTaskResult.objects.filter(task_path="django_liveactivity.dispatch.tasks.sweep")
drains = DBTaskResult.objects.filter(task_path="django_liveactivity.dispatch.tasks.drain")
failed = DBTaskResult.objects.filter(status="FAILED")
for _ in sys.stdin:
    beat = Heartbeat.objects.first()
    print(json.dumps({
        "states": list(Operation.objects.order_by("pk").values_list("state", flat=True)),
        "sweeps": sorted(task.args_kwargs["args"][1] for task in sweeps.filter(status="READY")),
        "scheduled_until": beat and beat.scheduled_until,
        "drains": drains.count(),
        "running": sweeps.filter(status="RUNNING").count(),
        "beat_at": beat and beat.beat_at,
        "failed": [task.traceback for task in failed],
        "is_sending": any(lane.open_attempt for lane in Lane.objects.all()),
    }), flush=True)
"""
"""Prints what the tables hold, once for each line of its standard input."""

pytestmark = [pytest.mark.long]


@contextmanager
def postgres() -> Iterator[str]:
    """Make a database for the block, if its driver and the server are there."""
    psycopg = pytest.importorskip("psycopg")
    name = f"{os.environ.get('TEST_DATABASE_NAME', 'liveactivity')}_tasks_{os.getpid()}"
    where = {"host": "127.0.0.1", "user": "root", "dbname": "postgres", "connect_timeout": 2}
    try:
        server = psycopg.connect(**where, autocommit=True)
    except psycopg.OperationalError:
        pytest.skip("no PostgreSQL on 127.0.0.1")
    with server:
        server.execute(f"CREATE DATABASE {name}")
        try:
            yield name
        finally:
            server.execute(f"DROP DATABASE {name} WITH (FORCE)")


class Host(Shell):
    """A host, and a process that looks into its database: a process for each look takes longer."""

    def __enter__(self) -> Self:
        self.run("migrate", "-v0").check_returncode()
        observe = ("shell", "--no-imports", "-c", OBSERVE)
        self.observer = self.start(*observe, stdin=subprocess.PIPE, stderr=None)
        return self

    def __exit__(self, *_: object) -> None:
        self.observer.communicate(timeout=30)

    def look(self) -> dict[str, Any]:
        self.observer.stdin.write("look\n")
        self.observer.stdin.flush()
        return json.loads(self.observer.stdout.readline())


@pytest.fixture(params=["sqlite", "postgres"])
def host(request: pytest.FixtureRequest, tmp_path: Path, sandbox: Sandbox) -> Iterator[Host]:
    """A host with its tables, whose tasks are in its own database."""
    variables = {
        "DJANGO_SETTINGS_MODULE": "tests.dispatch.tasks_settings",
        "STRIKE_A_SWEEP": str(tmp_path / "strike"),
    }
    with postgres() if request.param == "postgres" else _no_server() as name:
        if name:
            variables["TASKS_POSTGRES"] = name
        with Host(tmp_path / "host.sqlite3", sandbox.url, **variables) as host:
            yield host


@contextmanager
def _no_server() -> Iterator[str]:
    yield ""


@contextmanager
def worker(host: Shell) -> Iterator[subprocess.Popen[str]]:
    process = host.start(*WORKER, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
        process.wait(30)


def methods(sandbox: Sandbox) -> list[str]:
    return [call["method"] for call in sandbox.calls()]


def is_on_the_phone(sandbox: Sandbox) -> bool:
    return bool(sandbox.phone()["alive"])


def test_a_card_is_shown_and_its_end_is_tried_until_it_arrives(host, sandbox):
    sandbox.faults = "DELETE:500@1"
    with worker(host):
        host.execute(SHOW)
        wait_until(lambda: is_on_the_phone(sandbox))
        host.execute(END)
        wait_until(lambda: methods(sandbox) == ["PUT", "DELETE", "DELETE"])
        wait_until(lambda: host.look()["states"] == ["done", "done"])
    assert not is_on_the_phone(sandbox)
    assert host.look()["failed"] == []


def test_a_scheduled_end_is_sent_in_time(host, sandbox):
    with worker(host):
        host.execute(SHOW)
        host.execute(END_LATER)
        wait_until(lambda: host.look()["states"] == ["done", "done"])
    assert methods(sandbox) == ["PUT", "DELETE"]


def test_what_was_committed_while_no_worker_ran_is_sent_when_one_does(host, sandbox):
    host.execute(SHOW)
    with worker(host):
        wait_until(lambda: is_on_the_phone(sandbox))
    host.execute(END)
    assert is_on_the_phone(sandbox)
    with worker(host):
        wait_until(lambda: host.look()["states"] == ["done", "done"])
    assert methods(sandbox) == ["PUT", "DELETE"]


def has_two_sweeps(found: dict[str, Any]) -> bool:
    """Tell whether two sweeps are scheduled that may go on, and not more; older ones may not."""
    last = found["scheduled_until"]
    return found["sweeps"][-2:] == [last - PAUSE, last]


def wait_for_sweeps(host: Host, since: int) -> None:
    """Wait until some sweeps have run after that moment, and two are scheduled."""
    wait_until(lambda: host.look()["beat_at"] > since + 4 * PAUSE)
    wait_until(lambda: has_two_sweeps(host.look()))


def test_two_workers_keep_two_sweeps_scheduled(host, sandbox):
    with worker(host), worker(host):
        host.execute(SHOW)
        wait_until(lambda: host.look()["beat_at"])
        first = host.look()
        wait_for_sweeps(host, first["beat_at"])
    assert host.look()["scheduled_until"] > first["scheduled_until"]


def test_a_sweep_that_is_lost_with_its_worker_ends_nothing(host, sandbox):
    with worker(host):
        host.execute(SHOW)
        wait_until(lambda: host.look()["states"] == ["done"] and host.look()["sweeps"])
    drains = host.look()["drains"]
    for _ in range(2):
        before = host.look()
        Path(host.environment["STRIKE_A_SWEEP"]).touch()
        with worker(host) as struck:
            assert struck.wait(30) == -signal.SIGKILL
        lost = host.look()
        assert lost["running"] > before["running"]  # for good: django-tasks-db never repeats it
        assert lost["scheduled_until"] == before["scheduled_until"]
        with worker(host):
            wait_for_sweeps(host, lost["beat_at"])
    assert host.look()["drains"] == drains  # no commit and no drain began them again


def test_the_work_of_a_worker_that_was_killed_during_a_call_goes_on(host, sandbox):
    with worker(host):
        host.execute(SHOW)
        wait_until(lambda: host.look()["sweeps"])  # so nothing but it brings the work back
    sandbox.latency = 3.0
    calls = len(sandbox.calls())
    host.execute(END)
    with worker(host) as killed:
        wait_until(lambda: host.look()["is_sending"])
        killed.send_signal(signal.SIGKILL)
        killed.wait(30)
    sandbox.latency = 0.0
    assert host.look()["states"] == ["done", "pending"]
    with worker(host):
        wait_until(lambda: host.look()["states"] == ["done", "done"])
    assert set(methods(sandbox)[calls:]) == {"DELETE"}
    assert not is_on_the_phone(sandbox)
