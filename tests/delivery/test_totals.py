"""What all processes did, as totals that never fall and outlive the rows they were counted from."""

from __future__ import annotations

import pytest
from django.db import DatabaseError
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.delivery import totals
from django_liveactivity.models import Attempt, Heartbeat, LiveActivity, MetricTotal, Operation
from tests.clock import advance
from tests.reads import statements

from .vocabulary import beat, deliver, progress

DAY = 24 * 3600
SETTLED = 151
"""Seconds after which nothing can change an attempt: twice a call and its lease."""


def told(metric: str = "call") -> dict[str, int]:
    """Return how many there were, by operation and outcome."""
    found: dict[str, int] = {}
    for total in MetricTotal.objects.filter(metric=metric):
        name = f"{total.operation} {total.outcome}".strip()
        found[name] = found.get(name, 0) + total.count
    return found


def bounds(metric: str) -> dict[int, int]:
    rows = MetricTotal.objects.filter(metric=metric).order_by("bound")
    return dict(rows.values_list("bound", "count"))


def settle() -> None:
    """Let so much time pass that the sweep settles all there is."""
    advance(SETTLED)
    beat()
    assert Heartbeat.objects.get().counted_through == Attempt.objects.latest("pk").pk


class TestWhatIsCounted:
    def test_each_call_by_its_operation_and_outcome(self, vendor):
        vendor.faults = "PUT:500@1,DELETE:429@1"
        card = services.stream_activity("order-42", progress(1))
        for _ in range(2):
            deliver()
            advance(90)
        services.end_activity(card)
        services.end_activity(stream_key="theirs")
        for _ in range(3):
            deliver()
            advance(90)
        beat()
        assert told() == {
            "stream ambiguous": 1,
            "stream delivered": 1,
            "end rate_limited": 1,
            "end delivered": 1,
            "end not_found": 1,
        }
        before = told()
        settle()
        beat()
        assert told() == before

    @pytest.mark.parametrize(
        ("duration", "bound"),
        [(0, 25), (25, 25), (26, 50), (15_000, 15_000), (15_001, MetricTotal.ABOVE), (None, -1)],
    )
    def test_a_call_by_its_duration(self, vendor, duration, bound):
        services.stream_activity("order-42", progress(1))
        deliver()
        Attempt.objects.update(duration_ms=duration)
        beat()
        assert bounds("call") == {bound: 1}
        assert MetricTotal.objects.get().duration == (duration or 0)

    @pytest.mark.parametrize(("waited", "bound"), [(0.2, 1_000), (200, 300_000), (400, 1_800_000)])
    def test_an_end_by_the_time_since_it_was_asked_for(self, vendor, waited, bound):
        services.end_activity(stream_key="theirs")
        advance(waited)
        deliver()
        Attempt.objects.update(duration_ms=500)
        beat()
        assert bounds("end") == {bound: 1}
        total = MetricTotal.objects.get(metric="end").duration
        assert waited * 1000 + 500 <= total < waited * 1000 + 60_000

    def test_an_end_that_was_answered_before_it_was_due_by_a_clock_that_was_set_back(self, vendor):
        services.end_activity(stream_key="theirs")
        deliver()
        Operation.objects.update(due_at=F("due_at") + 3_600_000)
        beat()
        assert bounds("end") == {250: 1}
        assert MetricTotal.objects.get(metric="end").duration == 0

    def test_an_end_once_though_a_second_call_confirms_it(self, vendor):
        vendor.faults = "PUT:500@1"  # it may still be applied, later than the end
        services.stream_activity("order-42", progress(1))
        deliver()
        services.end_activity(stream_key="order-42")
        deliver()
        beat()
        assert told("end") == {"end": 1}
        advance(61)
        deliver()
        assert Attempt.objects.filter(endpoint="end_stream").count() == 2
        settle()
        assert told("end") == {"end": 1}

    @pytest.mark.parametrize(("fault", "count"), [("DELETE:404@1", 1), ("DELETE:403@1", 0)])
    def test_an_end_that_a_refusal_finishes(self, vendor, fault, count):
        services.stream_activity("order-42", progress(1))
        deliver()  # so that the address is known to be the vendor's
        vendor.faults = fault
        services.end_activity(stream_key="order-42")
        deliver()
        beat()
        assert sum(told("end").values()) == count

    def test_a_call_without_an_answer_once_no_worker_can_have_one(self, vendor):
        services.stream_activity("order-42", progress(1))
        deliver()
        Attempt.objects.update(outcome="", duration_ms=None)
        advance(140)
        beat()
        assert told() == {}
        settle()
        assert told() == {"stream ambiguous": 1}


class TestNoTotalFalls:
    @pytest.fixture
    def counted(self, vendor):
        """Two calls that a sweep has counted and not yet settled."""
        for number in range(2):
            services.stream_activity(f"card-{number}", progress(number))
            deliver()
        beat()
        assert told() == {"stream delivered": 2}

    def test_when_an_attempt_is_deleted_before_it_is_settled(self, counted):
        Attempt.objects.order_by("pk").first().delete()
        beat()
        settle()
        assert told() == {"stream delivered": 2}

    def test_when_an_overtaken_worker_stores_its_answer_late(self, counted):
        Attempt.objects.update(outcome="ambiguous")
        beat()
        Attempt.objects.update(outcome="delivered")
        settle()
        assert told() == {"stream delivered": 2, "stream ambiguous": 2}

    def test_when_the_cards_are_pruned(self, counted):
        services.end_activity(stream_key="card-0")
        services.end_activity(stream_key="card-1")
        deliver()
        beat()
        before = told()
        assert before == {"stream delivered": 2, "end delivered": 2}
        advance(31 * DAY)
        beat()
        assert not Attempt.objects.exists()
        assert told() == before

    def test_and_what_commits_late_is_counted(self, counted):
        """Ids are given before the commit, so that a lower one may appear later."""
        last = Attempt.objects.latest("pk")
        Attempt.objects.filter(pk=last.pk).update(id=last.pk + 2)
        beat()
        Attempt.objects.create(
            pk=last.pk + 1, operation=last.operation, number=2, endpoint="stream",
            started_at=last.started_at, outcome="noop", duration_ms=7,
        )  # fmt: skip
        beat()
        settle()
        assert told() == {"stream delivered": 2, "stream noop": 1}


class TestEachStep:
    @pytest.fixture
    def calls(self, vendor):
        """Five calls that nobody has counted, of cards that are to be pruned."""
        for number in range(5):
            services.end_activity(stream_key=f"theirs-{number}")
        deliver()
        assert Attempt.objects.count() == 5
        advance(31 * DAY)

    def test_nothing_is_pruned_before_it_is_counted(self, calls, monkeypatch):
        monkeypatch.setattr(totals, "ROWS", 2)
        monkeypatch.setattr(totals, "SECONDS", -1.0)
        for counted in (2, 4):
            beat()
            assert sum(told().values()) == counted
            assert (LiveActivity.objects.count(), Attempt.objects.count()) == (5, 5)
        beat()
        assert told() == {"end not_found": 5}
        assert not Attempt.objects.exists()

    def test_a_long_backlog_is_counted_in_steps(self, calls, monkeypatch):
        monkeypatch.setattr(totals, "ROWS", 2)
        Attempt.objects.filter(pk__gt=Attempt.objects.earliest("pk").pk).update(id=F("id") + 10**9)
        beat()
        assert told() == {"end not_found": 5}

    def test_a_step_that_fails_counts_nothing_and_the_next_all(self, calls, monkeypatch):
        def fail(*_: object) -> None:
            raise DatabaseError("killed")

        with monkeypatch.context() as patch:
            patch.setattr(totals, "_add", fail)
            beat()
        assert Heartbeat.objects.get().counted_through == 0
        assert (told(), Attempt.objects.count()) == ({}, 5)
        beat()
        assert told() == {"end not_found": 5}

    def test_of_two_sweeps_at_once_one_counts(self, calls):
        Heartbeat.objects.create(pk=1)
        window = totals._window("default", 1)
        found = totals._count("default", window)
        assert totals._store("default", window, *found)
        assert not totals._store("default", window, *found)
        assert told() == {"end not_found": 5}

    @pytest.mark.parametrize("number", [1, 10])
    def test_takes_few_statements_and_only_one_when_nothing_was_done(self, vendor, number):
        beat()
        accounts = conf.databases()["default"]
        for each in range(number):
            services.end_activity(stream_key=f"theirs-{each}")
        deliver()
        for most in (7, 7, 1):  # new totals, the same ones once more, and none
            assert len(statements(lambda: totals.count_calls("default", accounts))) <= most
            advance(SETTLED)
