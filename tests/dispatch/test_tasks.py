"""Wake-ups through Django's task framework: one for now or for later, and one scheduled sweep."""

from __future__ import annotations

import datetime as dt
import threading

import pytest
from django.db import connection, transaction
from django.utils import timezone

from django_liveactivity import Progress, services
from django_liveactivity.delivery import schedule_sweep
from django_liveactivity.dispatch import tasks
from django_liveactivity.models import Heartbeat, Operation
from tests.checks.finding import found
from tests.clock import advance

from .task_backends import BROKEN, DUMMY, IMMEDIATE, backends, enqueued

CONTENT = Progress(title="Order 42", percentage=40)
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
DATABASE_BACKEND = "django_tasks_db.DatabaseBackend"


@pytest.fixture(autouse=True)
def _tasks(settings, transactional_db, liveactivity_outbox):
    settings.TASKS = {"default": {"BACKEND": DUMMY}}
    use(settings)


def use(settings, **account: object) -> None:
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, "DISPATCHER": "tasks", **account}}


def show(key: str = "order-42") -> None:
    services.stream_activity(key, CONTENT)


def states() -> list[str]:
    return list(Operation.objects.order_by("pk").values_list("state", flat=True))


def number_of_sweep() -> int:
    return Heartbeat.objects.get().next_sweep_at


def last(alias: str = "default"):
    return backends[alias].results[-1]


class TestAWakeUp:
    def test_is_enqueued_once_after_the_commit(self):
        with transaction.atomic():
            show("order-1")
            show("order-2")
            assert enqueued() == []
        assert enqueued() == [("drain", ["default", 0])]
        assert last().task.run_after is None

    def test_is_none_after_a_rollback(self):
        with pytest.raises(KeyError), transaction.atomic():
            show()
            raise KeyError
        assert enqueued() == []

    def test_for_later_runs_after_its_alarm(self):
        tasks.wake("default", 5.0, alarm=1234)
        assert enqueued() == [("drain", ["default", 1234])]
        pause = last().task.run_after - timezone.now()
        assert dt.timedelta(seconds=4) < pause <= dt.timedelta(seconds=5)

    def test_for_later_is_aware_only_with_time_zones(self, settings):
        settings.USE_TZ = False
        tasks.wake("default", 5.0, alarm=1234)
        assert timezone.is_naive(last().task.run_after)

    def test_of_a_queue_that_is_down_breaks_no_commit(self, settings, caplog):
        settings.TASKS = {"default": {"BACKEND": BROKEN}}
        show()
        assert states() == ["pending"]
        assert "The wake-up for account 'default' failed; the next sweep will do." in caplog.text

    @pytest.mark.parametrize(
        ("configured", "backend", "queue"),
        [
            ({"default": {}}, "default", "default"),
            ({"default": {"QUEUES": []}}, "default", "default"),
            ({"default": {"QUEUES": ["mails", "default"]}}, "default", "default"),
            ({"default": {"QUEUES": ["mails", "liveactivity"]}}, "default", "liveactivity"),
            ({"default": {"QUEUES": ["reports", "mails"]}}, "default", "mails"),
            ({"liveactivity": {}}, "liveactivity", "default"),
            ({"default": {}, "liveactivity": {}}, "liveactivity", "default"),
            ({"default": {}, "liveactivity": {"QUEUES": ["cards"]}}, "liveactivity", "cards"),
        ],
    )
    def test_goes_to_the_backend_and_the_queue_of_its_own_name(
        self, configured, backend, queue, settings
    ):
        settings.TASKS = {
            alias: {"BACKEND": DUMMY, **options} for alias, options in configured.items()
        }
        show()
        assert enqueued(backend) == [("drain", ["default", 0])]
        assert last(backend).task.queue_name == queue

    def test_that_names_the_function_itself_is_the_same(self, settings):
        use(settings, DISPATCHER="django_liveactivity.dispatch.tasks.wake")
        show()
        assert enqueued() == [("drain", ["default", 0])]


class TestADrain:
    def test_delivers(self):
        show()
        assert tasks.drain.call("default") == 1
        assert states() == ["done"]

    def test_that_has_to_wait_comes_back_by_an_alarm(self, settings):
        use(settings, OPTIONS={"rate_limit": (1, 30)})
        show("order-1")
        show("order-2")
        Heartbeat.objects.update_or_create(pk=1, defaults={"beat_at": 2**60})  # no sweep is due
        before = len(enqueued())
        tasks.drain.call("default")
        ((name, (alias, alarm)),) = enqueued()[before:]
        assert (name, alias) == ("drain", "default")
        assert alarm > 0
        pause = last().task.run_after - timezone.now()
        assert dt.timedelta(seconds=25) < pause < dt.timedelta(seconds=32)

    def test_delivers_although_the_queue_is_down(self, settings, caplog):
        settings.TASKS = {"default": {"BACKEND": BROKEN}}
        use(settings, OPTIONS={"rate_limit": (1, 30)})
        show("order-1")
        show("order-2")
        assert tasks.drain.call("default") == 1
        assert "The next sweep of 'default' is not scheduled" in caplog.text
        assert number_of_sweep() == 0  # so that the next drain begins it
        assert Heartbeat.objects.get().beat_at is not None  # and this one has swept


class TestTheSweep:
    """Each schedules its successor; the row of the heartbeat says which one may."""

    def begin(self) -> int:
        tasks.drain.call("default")
        return number_of_sweep()

    def test_is_begun_by_the_first_drain(self):
        number = self.begin()
        assert enqueued() == [("sweep", ["default", number])]
        pause = last().task.run_after - timezone.now()
        assert dt.timedelta(seconds=14) < pause <= dt.timedelta(seconds=15)
        assert Heartbeat.objects.get().beat_at is not None

    def test_is_begun_once_by_many_drains(self):
        for _ in range(3):
            self.begin()
        assert len(enqueued()) == 1

    def test_schedules_the_next_one_and_wakes_what_is_due(self):
        number = self.begin()
        show()
        tasks.sweep.call("default", number)
        assert number_of_sweep() > number
        assert enqueued()[2:] == [
            ("sweep", ["default", number_of_sweep()]),
            ("drain", ["default", 0]),
        ]

    def test_that_was_doubled_does_nothing(self):
        number = self.begin()
        tasks.sweep.call("default", number)
        after = number_of_sweep()
        assert tasks.sweep.call("default", number) == []
        assert number_of_sweep() == after
        assert len(enqueued()) == 2

    def test_that_was_lost_is_begun_again_by_the_next_drain(self):
        self.begin()
        lost = number_of_sweep() - 31_000
        advance(31)
        assert self.begin() > lost
        assert len(enqueued()) == 2
        assert tasks.sweep.call("default", lost) == []  # it was only late
        assert len(enqueued()) == 2

    def test_that_is_late_by_less_than_a_pause_is_not_begun_again(self):
        self.begin()
        advance(29)
        self.begin()
        assert len(enqueued()) == 1

    def test_is_scheduled_by_the_first_of_two_that_find_it_late(self):
        published: list[int] = []
        for _ in range(2):
            schedule_sweep("default", lambda _, upcoming: published.append(upcoming))
        assert published == [number_of_sweep()]

    def test_is_begun_by_no_drain_while_something_else_sweeps(self):
        self.begin()
        advance(100)
        Heartbeat.objects.update(beat_at=2**60)
        self.begin()
        assert len(enqueued()) == 1

    def test_follows_the_shortest_pause_of_its_database(self, settings):
        account = {"BACKEND": LOCMEM, "DISPATCHER": "tasks"}
        settings.LIVEACTIVITY = {
            "default": account,
            "quick": account | {"TIMING": {"sweep": 3_000}},
            "elsewhere": account | {"TIMING": {"sweep": 1_000}, "DATABASE": "other"},
        }
        self.begin()
        pause = last().task.run_after - timezone.now()
        assert dt.timedelta(seconds=2) < pause <= dt.timedelta(seconds=3)

    def test_goes_on_although_the_queue_is_down(self, settings, caplog):
        number = self.begin()
        show()
        settings.TASKS = {"default": {"BACKEND": BROKEN}}
        assert tasks.sweep.call("default", number) == ["default"]
        assert number_of_sweep() == number
        assert "The next sweep of 'default' is not scheduled" in caplog.text

    @pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one connection in memory")
    @pytest.mark.parametrize("numbered", [True, False])
    def test_is_scheduled_by_one_of_many_at_once(self, numbered):
        number = self.begin() if numbered else None
        published: list[int] = []
        together = threading.Barrier(8)

        def schedule() -> None:
            together.wait()
            try:
                schedule_sweep("default", lambda _, upcoming: published.append(upcoming), number)
            finally:
                connection.close()

        threads = [threading.Thread(target=schedule) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert number_of_sweep() in published
        assert len(set(published)) == 1


class TestABackendThatCannotRunATaskLater:
    @pytest.fixture(autouse=True)
    def _immediate(self, settings, _tasks):
        settings.TASKS = {"default": {"BACKEND": IMMEDIATE}}

    def test_delivers_within_the_commit(self):
        show()
        assert states() == ["done"]
        services.end_activity(stream_key="order-42")
        assert states() == ["done", "done"]

    def test_gets_no_task_for_later(self):
        tasks.wake("default", 5.0, alarm=1234)
        assert not Heartbeat.objects.exists()

    def test_is_found_by_the_check(self):
        messages = found()
        assert list(messages) == ["liveactivity.W013"]
        assert messages["liveactivity.W013"].startswith("TASKS['default'] cannot run a task later")


class TestTheCheck:
    def test_finds_nothing_with_a_backend_that_can(self, settings):
        settings.TASKS = {"default": {"BACKEND": DATABASE_BACKEND}}
        assert found() == {}

    def test_does_not_ask_where_no_account_needs_it(self, settings):
        settings.TASKS = {"default": {"BACKEND": IMMEDIATE}}
        use(settings, DISPATCHER="none")
        assert found() == {}

    def test_names_a_backend_that_there_is_not(self, settings):
        settings.TASKS = {"default": {"BACKEND": "nowhere.Backend"}}
        assert "nowhere" in found()["liveactivity.E003"]
