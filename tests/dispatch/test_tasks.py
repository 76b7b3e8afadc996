"""Wake-ups through Django's task framework: for now or for later, and two scheduled sweeps."""

from __future__ import annotations

import datetime as dt
import random
import threading

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from django_liveactivity import Progress, services
from django_liveactivity.delivery import schedule_sweep
from django_liveactivity.delivery.sweep import missing_sweeps
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


PAUSE = 15_000
"""Milliseconds between two sweeps."""


def last_sweep() -> int:
    return Heartbeat.objects.get().scheduled_until


def sweeps() -> list[int]:
    """Return the number of each sweep that was ever enqueued."""
    return [arguments[1] for name, arguments in enqueued() if name == "sweep"]


def delays() -> list[dt.timedelta]:
    """Return in how much time from now each sweep runs."""
    now = timezone.now()
    return [
        result.task.run_after - now
        for result in backends["default"].results
        if result.task.name == "sweep"
    ]


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
        assert "No later sweep of 'default' is scheduled" in caplog.text
        assert last_sweep() == 0  # so that the next drain begins it
        assert Heartbeat.objects.get().beat_at is not None  # and this one has swept


class TestTheSweep:
    """Two are scheduled; the row of the heartbeat says which ones may schedule another."""

    def begin(self) -> list[int]:
        tasks.drain.call("default")
        return sweeps()[-2:]

    def test_is_begun_by_the_first_drain(self):
        first, second = self.begin()
        assert [arguments[0] for _, arguments in enqueued()] == ["default", "default"]
        assert second - first == PAUSE
        assert last_sweep() == second
        for delay, seconds in zip(delays(), (15, 30), strict=True):
            assert dt.timedelta(seconds=seconds - 2) < delay <= dt.timedelta(seconds=seconds)
        assert Heartbeat.objects.get().beat_at is not None

    def test_is_begun_once_by_many_drains(self):
        for _ in range(3):
            self.begin()
        assert len(sweeps()) == 2

    def test_schedules_a_third_one_and_wakes_what_is_due(self):
        first, second = self.begin()
        show()
        before = len(enqueued())
        tasks.sweep.call("default", first)
        assert enqueued()[before:] == [
            ("sweep", ["default", second + PAUSE]),
            ("drain", ["default", 0]),
        ]
        assert last_sweep() == second + PAUSE

    def test_costs_three_statements_to_schedule(self):
        first, _ = self.begin()
        with CaptureQueriesContext(connection) as queries:
            assert schedule_sweep("default", lambda *_: None, first)
        statements = [query["sql"].split()[0] for query in queries]
        assert [each for each in statements if each not in ("BEGIN", "COMMIT")] == [
            "INSERT",
            "SELECT",
            "UPDATE",
        ]

    def test_that_was_doubled_does_nothing(self):
        first, second = self.begin()
        tasks.sweep.call("default", first)
        assert tasks.sweep.call("default", first) == []
        assert sweeps() == [first, second, second + PAUSE]

    @pytest.mark.parametrize("lost", [0, 1])
    def test_that_was_lost_leaves_the_other_one_which_schedules_two(self, lost):
        begun = self.begin()
        left = begun[1 - lost]
        if lost:
            tasks.sweep.call("default", left)
            left = sweeps()[-1]
        tasks.sweep.call("default", left)
        assert sweeps()[-2:] == [left + PAUSE, left + 2 * PAUSE]
        assert tasks.sweep.call("default", begun[lost]) == []  # it was only late
        assert sweeps()[-2:] == [left + PAUSE, left + 2 * PAUSE]

    def test_is_begun_again_by_the_next_drain_if_both_were_lost(self):
        lost = [number - 31_000 for number in self.begin()]
        advance(31)
        assert self.begin()[0] > lost[1]
        assert len(sweeps()) == 4
        assert [tasks.sweep.call("default", number) for number in lost] == [[], []]  # only late
        assert len(sweeps()) == 4

    def test_that_is_late_by_less_than_a_pause_is_not_begun_again(self):
        self.begin()
        advance(29)
        Heartbeat.objects.update(beat_at=0)
        self.begin()
        assert len(sweeps()) == 2

    def test_is_scheduled_by_the_first_of_two_that_find_it_late(self):
        published: list[int] = []
        for _ in range(2):
            schedule_sweep("default", lambda _, upcoming: published.append(upcoming))
        assert len(published) == 2
        assert published[1] == last_sweep()

    def test_is_begun_by_no_drain_while_something_else_sweeps(self):
        self.begin()
        advance(100)
        Heartbeat.objects.update(beat_at=2**60)
        self.begin()
        assert len(sweeps()) == 2

    def test_follows_the_shortest_pause_of_its_database(self, settings):
        account = {"BACKEND": LOCMEM, "DISPATCHER": "tasks"}
        settings.LIVEACTIVITY = {
            "default": account,
            "quick": account | {"TIMING": {"sweep": 3_000}},
            "elsewhere": account | {"TIMING": {"sweep": 1_000}, "DATABASE": "other"},
        }
        first, second = self.begin()
        assert second - first == 3_000

    def test_goes_on_although_the_queue_is_down(self, settings, caplog):
        first, second = self.begin()
        show()
        settings.TASKS = {"default": {"BACKEND": BROKEN}}
        assert tasks.sweep.call("default", first) == ["default"]
        assert last_sweep() == second
        assert "No later sweep of 'default' is scheduled" in caplog.text
        settings.TASKS = {"default": {"BACKEND": DUMMY}}
        tasks.sweep.call("default", second)
        assert sweeps() == [second + PAUSE, second + 2 * PAUSE]

    @pytest.mark.skipif("connection.vendor == 'sqlite'", reason="one connection in memory")
    @pytest.mark.parametrize("numbered", [True, False])
    def test_is_scheduled_by_one_of_many_at_once(self, numbered):
        number = self.begin()[0] if numbered else None
        published: set[int] = set()
        ours: list[bool] = []
        together = threading.Barrier(8)

        def schedule() -> None:
            together.wait()
            try:
                publish = published.add  # which a lock conflict calls again
                ours.append(schedule_sweep("default", lambda _, each: publish(each), number))
            finally:
                connection.close()

        threads = [threading.Thread(target=schedule) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(30)
        assert sorted(ours) == [False] * 7 + [True]
        assert last_sweep() in published


class TestMissingSweeps:
    """So many that two are scheduled; times are milliseconds, and the pause is 10."""

    @pytest.mark.parametrize(
        ("last", "now", "number", "missing"),
        [
            pytest.param(110, 100, 100, [(20, 120)], id="in time"),
            pytest.param(110, 109, 100, [(11, 120)], id="late"),
            pytest.param(110, 115, 100, [(10, 125), (20, 135)], id="both overdue"),
            pytest.param(100, 100, 100, [(10, 110), (20, 120)], id="the other one was lost"),
            pytest.param(100, 60, 100, [(10, 110), (20, 120)], id="lost; clock set back"),
            pytest.param(110, 60, 100, [(20, 120)], id="clock set back"),
            pytest.param(80, 100, 100, [(10, 110), (20, 120)], id="stored number was lost"),
            pytest.param(120, 100, 100, [], id="doubled"),
            pytest.param(111, 100, 100, [], id="begun again by a drain"),
            pytest.param(0, 100, None, [(10, 110), (20, 120)], id="a drain, never begun"),
            pytest.param(99, 100, None, [(10, 110), (20, 120)], id="a drain, both overdue"),
            pytest.param(100, 100, None, [], id="a drain, one is not overdue"),
        ],
    )
    def test_are_as_many_as(self, last, now, number, missing):
        assert missing_sweeps(last, now, 10, number) == missing

    def test_keep_two_scheduled_whichever_is_lost_late_or_doubled(self):
        dice = random.Random(7)
        scheduled, last, now = [10, 20], 20, 10
        for _ in range(10_000):
            number = dice.choice(scheduled)  # the second one: the first is lost
            now = max(now, number) + dice.choice([0, 3, 9, 14, 40])
            for _ in range(dice.choice([1, 2])):
                for _, upcoming in missing_sweeps(last, now, 10, number):
                    scheduled.append(upcoming)
                    last = upcoming
            scheduled = [each for each in scheduled if missing_sweeps(last, each, 10, each)]
            assert len(scheduled) == 2
            assert number < scheduled[0]


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
