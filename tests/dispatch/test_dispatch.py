"""How a wake-up travels, and that it costs the host nothing."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from django_liveactivity import Progress, conf, services
from django_liveactivity.dispatch import dispatcher_of
from django_liveactivity.models import Operation
from tests.celery_apps import celery_apps, needs_redis, publishing_ends
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
CONTENT = Progress(title="Order 42", percentage=40)
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"


DRAINED = re.compile(r"drain\[.*succeeded in .*: 1$|ime limit", re.MULTILINE)
"""A drain that made a call, or was stopped by a time limit, in the log of a worker."""


def connections_of_this_thread(port: int) -> list[object]:
    """Collect the addresses that this thread connects to from now on, at one port."""
    here, found = threading.current_thread(), []

    def note(event, arguments):
        if event == "socket.connect" and threading.current_thread() is here:
            address = arguments[1]
            if isinstance(address, tuple) and address[1] == port:
                found.append(address)

    sys.addaudithook(note)
    return found


def use(settings, dispatcher: str) -> None:
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, "DISPATCHER": dispatcher}}


def test_an_unknown_dispatcher_is_refused_by_name(settings):
    use(settings, "pigeon")
    with pytest.raises(
        ImproperlyConfigured, match="'pigeon'; give one of none, celery, tasks, immediate"
    ):
        dispatcher_of(conf.account())


def test_a_path_that_leads_nowhere_is_refused(settings):
    use(settings, "nowhere.at_all")
    with pytest.raises(ImproperlyConfigured, match="cannot import 'nowhere.at_all'"):
        dispatcher_of(conf.account())


class TestCelery:
    """The broker is reached from a thread of its own, so the host never waits for it."""

    @pytest.fixture(autouse=True)
    def _celery(self, settings, transactional_db):
        use(settings, "celery")

    def broker(self, address: str):
        from celery import Celery

        app = Celery("host", broker=address, set_as_current=False)
        app.set_current()
        return app

    @pytest.fixture(autouse=True)
    def _restore_apps(self):
        with celery_apps(here=None, elsewhere=None):
            yield

    def use_app(self, address: str) -> None:
        from celery import _state

        _state.default_app = self.broker(address)

    def test_a_broker_that_never_answers_is_not_waited_for(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            port = silent.getsockname()[1]
            self.use_app(f"redis://127.0.0.1:{port}/0")
            main_thread_sockets = connections_of_this_thread(port)
            services.stream_activity("order-42", CONTENT)
            assert Operation.objects.get().state == "pending"
            connection, _ = silent.accept()  # the publisher's own thread is there
            assert main_thread_sockets == []
            connection.close()
        publishing_ends()

    def test_a_broker_that_refuses_is_logged_and_no_more(self, caplog):
        self.use_app(broker_that_refuses())
        begun = time.monotonic()
        services.stream_activity("order-42", CONTENT)
        publishing_ends()
        assert time.monotonic() - begun < 5, "Kombu by itself tries for 6 s"
        assert "the next sweep will do" in caplog.text
        assert Operation.objects.get().state == "pending"

    def test_a_wake_up_for_later_tells_its_alarm(self):
        from celery import Celery, _state

        from django_liveactivity.dispatch.celery import wake

        app = Celery("host", broker="memory://", set_as_current=False)
        _state.default_app = app
        wake("default", 5.0, 1234)
        publishing_ends()
        with app.connection_for_read() as connection:
            message = connection.SimpleQueue("celery").get(timeout=1)
        assert message.payload[0] == ["default", 1234]
        assert message.headers["eta"]

    def test_many_wake_ups_at_once_become_few_messages(self):
        from celery import Celery, _state

        app = Celery("host", broker="memory://", set_as_current=False)
        _state.default_app = app
        for number in range(50):
            services.stream_activity(f"order-{number}", CONTENT)
        publishing_ends()
        with app.connection_for_read() as connection:
            queue = connection.SimpleQueue("celery")
            assert 1 <= queue.qsize() <= 50
            message = queue.get(timeout=1)
        assert message.headers["task"] == "django_liveactivity.drain"
        assert message.payload[:2] == [["default"], {}]


def broker_that_refuses() -> str:
    """Return the address of a Redis on whose port nothing listens."""
    return f"redis://127.0.0.1:{free_port()}/0"


@pytest.mark.long
@needs_redis
@pytest.mark.parametrize(
    ("pool", "latency", "host"),
    [("solo", 0.0, {}), ("prefork", 3.0, {"task_time_limit": 1, "task_soft_time_limit": 1})],
    ids=["solo", "prefork with a global time limit shorter than the call"],
)
def test_a_worker_and_beat_deliver_through_redis(tmp_path, sandbox, pool, latency, host):
    sandbox.latency = latency
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.dispatch.celery_settings",
        "LOOP_DATABASE": str(tmp_path / "celery.sqlite3"),
        "LOOP_BASE_URL": sandbox.url,
        "CELERY_QUEUE": f"liveactivity-test-{os.getpid()}-{time.time_ns()}",
        "CELERY_CONF": json.dumps(host),
        "PYTHONPATH": str(ROOT),
    }
    python = [sys.executable, "-m"]
    subprocess.run([*python, "django", "migrate", "-v0"], env=environment, check=True, timeout=60)
    command = [*python, "celery", "-A", "tests.dispatch.celery_app", "worker"]
    log = tmp_path / "worker.log"
    # Beat's own scheduler keeps a file, on Python 3.13 in SQLite, which fails now and then
    # ("locking protocol") after beat's fork: a schedule in memory will do.
    options = ["--pool", pool, "-c", "1", "--beat", "--scheduler", "celery.beat:Scheduler"]
    options += ["-l", "INFO", "-f", str(log)]
    with subprocess.Popen([*command, *options], env=environment) as worker:
        try:
            subprocess.run(
                [*python, "django", "liveactivity_end", "order-42"],
                env=environment,
                check=True,
                timeout=60,
            )
            limit = time.monotonic() + 60
            while not DRAINED.search(log.read_text() if log.exists() else ""):
                assert time.monotonic() < limit, log.read_text()
                time.sleep(0.05)
        finally:
            worker.terminate()
            # A child of billiard's pool may wait 30 s for the parent to read its last result.
            worker.wait(timeout=90)
    assert [call["method"] for call in sandbox.calls()] == ["DELETE"], log.read_text()
    assert "ime limit" not in log.read_text()
