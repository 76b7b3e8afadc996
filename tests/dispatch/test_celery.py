"""Wake-ups through Celery: to the caller's broker, none lost at an exit, whatever the host sets."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from celery.utils.time import rate

from django_liveactivity import Progress, conf, services, tasks
from django_liveactivity.backends.locmem import LocmemBackend, outbox
from django_liveactivity.conf import Timing
from django_liveactivity.dispatch import celery
from django_liveactivity.dispatch.celery import wake
from django_liveactivity.models import Operation
from tests.celery_apps import celery_app, celery_apps, needs_redis, publishing_ends
from tests.commands.running import wait_until

from .test_dispatch import broker_that_refuses

ROOT = Path(__file__).parents[2]
CONTENT = Progress(title="Deployment 42", percentage=40)
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
TASKS = ["drain", "sweep", "reconcile"]


class Broker:
    """A database of the Redis of this machine, and a queue of its own in it."""

    def __init__(self, database: int) -> None:
        self.url = f"redis://127.0.0.1:6379/{database}"
        self.queue = f"liveactivity-test-{os.getpid()}-{time.time_ns()}"
        self.client = redis.Redis(db=database)

    def app(self, name: str):
        return celery_app(name, broker_url=self.url, task_default_queue=self.queue)

    def messages(self) -> int:
        return self.client.llen(self.queue)

    def close(self) -> None:
        self.client.delete(self.queue)
        self.client.close()


@pytest.fixture
def brokers() -> Iterator[tuple[Broker, Broker]]:
    both = Broker(6), Broker(7)
    yield both
    for broker in both:
        broker.close()


def use(settings, **account: object) -> None:
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, "DISPATCHER": "celery", **account}}


@needs_redis
class TestAHostWithTwoApps:
    """The wake-up goes where ``delay()`` of a shared task in the same thread would go."""

    @pytest.fixture(autouse=True)
    def _celery(self, settings, transactional_db):
        use(settings)

    def test_the_app_of_the_committing_thread_is_asked(self, brokers):
        mine, other = brokers
        with celery_apps(here=mine.app("host"), elsewhere=other.app("other-system")):
            services.stream_activity("deploy-42", CONTENT)
            publishing_ends()
        assert (mine.messages(), other.messages()) == (1, 0)

    def test_each_app_gets_its_own_wake_up_for_the_same_account(self, brokers):
        first, second = (broker.app(name) for broker, name in zip(brokers, "ab", strict=True))
        with celery_apps(here=first, elsewhere=second):
            services.stream_activity("deploy-1", CONTENT)
            with celery_apps(here=second, elsewhere=second):
                services.stream_activity("deploy-2", CONTENT)
            publishing_ends()
        assert [broker.messages() for broker in brokers] == [1, 1]

    def test_a_broker_that_fails_is_left_alone_for_a_while(self, brokers, caplog, monkeypatch):
        gone, well = celery_app("gone", broker_url=broker_that_refuses()), brokers[0].app("well")
        monkeypatch.setattr(celery, "PAUSE_SECONDS", 600.0)
        monkeypatch.setattr(celery, "EXIT_SECONDS", 50.0)
        with celery_apps(here=gone, elsewhere=gone):
            wake("first")
            publishing_ends()
            for _ in range(50):
                wake("second")
        with celery_apps(here=well, elsewhere=well):
            wake("another")
        wait_until(brokers[0].messages)
        assert [record.args[0] for record in caplog.records] == ["first"]
        celery._publisher().flush()
        assert [record.args[0] for record in caplog.records] == ["first", "second"]

    def test_what_is_for_now_leaves_redis_before_what_is_for_later(self, brokers):
        app = brokers[0].app("host")
        with celery_apps(here=app, elsewhere=app), app.connection_for_read() as connection:
            wake("later", 5.0, alarm=1234)
            publishing_ends()
            wake("now")
            publishing_ends()
            queue = connection.SimpleQueue(brokers[0].queue)
            messages = [queue.get(timeout=5) for _ in range(2)]
            for message in messages:
                message.ack()
            queue.close()
        assert [message.payload[0] for message in messages] == [["now"], ["later", 1234]]


def short_process(broker: str, queue: str, **environment: str) -> dict[str, str]:
    """Return the environment of a process that has no Django settings module."""
    env = {key: value for key, value in os.environ.items() if key != "DJANGO_SETTINGS_MODULE"}
    return env | {
        "BROKER": broker,
        "CELERY_QUEUE": queue,
        "PYTHONPATH": str(ROOT),
        **environment,
    }


def run_short_process(how: str, broker: str, queue: str = "none", **environment: str) -> str:
    """Run a process that wakes a drain and ends; return what it wrote to its standard error."""
    command = [sys.executable, "-m", "tests.dispatch.short_process", how]
    env = short_process(broker, queue, **environment)
    done = subprocess.run(command, env=env, timeout=60, check=True, capture_output=True)
    return done.stderr.decode()


@needs_redis
@pytest.mark.long
class TestAShortProcess:
    """What it has committed wakes the worker although it exits at once.

    It is configured by ``settings.configure()``, so its app is that of its main thread alone.
    """

    @pytest.mark.parametrize(
        ("how", "wake_ups"),
        [("itself", 1), ("child_of_multiprocessing", 1), ("fork_of_a_server", 2)],
    )
    def test_publishes_before_it_ends(self, how, wake_ups, brokers):
        broker = brokers[0]
        # Longer than the second it has: this machine may be busy, and no test should depend on it.
        run_short_process(how, broker.url, broker.queue, EXIT_SECONDS="50")
        assert broker.messages() == wake_ups

    def test_of_a_prefork_pool_publishes_before_it_is_replaced(self, brokers):
        broker, work = brokers[0], f"{brokers[0].queue}-work"
        command = [sys.executable, "-m", "celery", "-A", "tests.dispatch.short_process", "worker"]
        options = ["-P", "prefork", "-c", "1", "--max-tasks-per-child", "1", "-Q", work]
        slow = {"BROKER_LATENCY": "0.5", "EXIT_SECONDS": "50"}
        env = short_process(broker.url, broker.queue, **slow)
        with subprocess.Popen([*command, *options], env=env, stdout=subprocess.DEVNULL) as worker:
            try:
                broker.app("client").send_task("host.commit", queue=work, ignore_result=True)
                wait_until(broker.messages)
            finally:
                worker.terminate()
                worker.wait(timeout=90)
        assert broker.messages() == 1

    def test_ends_although_the_broker_never_answers(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            broker = f"redis://127.0.0.1:{silent.getsockname()[1]}/0"
            run_short_process("itself", broker, EXIT_SECONDS="5")
            silent.settimeout(10)
            silent.accept()[0].close()  # it had tried

    def test_ends_at_once_when_the_broker_refuses(self):
        said = run_short_process("itself", broker_that_refuses(), EXIT_SECONDS="50")
        assert "the next sweep will do" in said


class BrokenBackend(LocmemBackend):
    """A backend that no drain can begin with."""

    @property
    def rate_limit(self):
        raise RuntimeError("no rate today")

    @rate_limit.setter
    def rate_limit(self, value):
        pass


class TestAlwaysEager:
    """The host's setting for tests: what others send to a worker happens here and now."""

    @pytest.fixture(autouse=True)
    def _celery(self, settings, transactional_db):
        use(settings)
        outbox.clear()
        app = celery_app(broker_url="memory://", task_always_eager=True, task_eager_propagates=True)
        with celery_apps(here=app, elsewhere=app):
            yield

    def test_a_commit_delivers_before_the_call_returns(self):
        services.stream_activity("deploy-42", CONTENT)
        assert len(outbox) == 1
        services.end_activity(stream_key="deploy-42")
        assert Operation.objects.filter(state="done").count() == 2

    def test_a_drain_that_fails_does_not_reach_the_caller(self, settings, caplog):
        use(settings, BACKEND=f"{__name__}.BrokenBackend")
        services.stream_activity("deploy-42", CONTENT)
        assert "no rate today" in caplog.text
        assert Operation.objects.get().state == "pending"

    @pytest.mark.parametrize("run", [tasks.sweep, tasks.drain], ids=["sweep", "drain"])
    def test_the_tasks_deliver_in_place_too(self, run, settings):
        use(settings, DISPATCHER="none")
        services.stream_activity("deploy-42", CONTENT)
        run.delay(*(["default"] if run is tasks.drain else []))
        assert len(outbox) == 1


class TestTheHostsGlobalSettings:
    """They are made for the host's own tasks; ours bring what could break them."""

    @pytest.fixture
    def app(self):
        from celery import Task

        class Retried(Task):
            autoretry_for = (Exception,)
            retry_kwargs = {"countdown": 600}

        app = celery_app(
            task_time_limit=8,
            task_soft_time_limit=4,
            task_acks_late=True,
            task_reject_on_worker_lost=True,
            task_ignore_result=False,
            task_default_rate_limit="1/h",
        )
        app.Task = Retried
        return app

    @pytest.mark.parametrize("name", TASKS)
    def test_no_limit_no_rate_and_no_retry_of_theirs(self, app, name):
        task = app.tasks[f"django_liveactivity.{name}"]
        assert 60 < task.soft_time_limit < task.time_limit
        assert not rate(task.rate_limit)
        assert not hasattr(task, "_orig_run"), "Celery has wrapped it to retry"
        assert task.ignore_result
        assert not task.reject_on_worker_lost
        assert task.acks_late is (name == "drain")

    def test_the_limit_follows_from_timing(self):
        timing = Timing()
        last = timing.drain + timing.call_deadline
        assert last + timing.lease <= tasks.DRAIN_LIMIT * 1000
        assert tasks._longest(lambda timing: timing.drain) == 5

    def test_the_slowest_account_counts(self, settings):
        slow = {"BACKEND": LOCMEM, "TIMING": {"drain": 500_001}}
        settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM}, "slow": slow}
        assert tasks._longest(lambda timing: timing.drain) == 501

    def test_a_wrong_setting_is_left_to_the_checks(self, settings):
        settings.LIVEACTIVITY = ["default"]
        with pytest.raises(Exception, match="must be a dict"):
            conf.accounts()
        assert tasks._longest(lambda timing: timing.drain) == 5
