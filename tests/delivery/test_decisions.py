"""The pure decisions: verdicts, pauses and plans, over every value that they can meet."""

from __future__ import annotations

import itertools
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.rules.plan import LaneRows, Plan, closes, plan
from django_liveactivity.delivery.rules.verdicts import (
    COLUMNS,
    AccountEffect,
    Retry,
    freeze_delay,
    judge,
    probe_delay,
    resolve,
    retry_delay,
)
from django_liveactivity.models import Lane, LiveActivity, Operation

from .oracle import moved

TIMING = Timing()
Kind, State = Operation.Kind, Operation.State


class TestVerdicts:
    def test_every_outcome_of_an_answer_has_one_on_every_endpoint(self):
        outcomes = set(Outcome) - {Outcome.NEVER_STARTED}
        for endpoint, outcome, stripped in itertools.product(COLUMNS, outcomes, (True, False)):
            assert judge(endpoint, outcome, stripped=stripped).state in State

    @pytest.mark.parametrize("endpoint", [Endpoint.END, Endpoint.END_STREAM])
    def test_no_answer_makes_an_end_fail(self, endpoint):
        for outcome in set(Outcome) - {Outcome.NEVER_STARTED}:
            verdict = judge(endpoint, outcome, stripped=True)
            assert verdict.state in {State.DONE, State.PENDING, State.NEEDS_OPERATOR}
            assert verdict.state == State.DONE or verdict.retry is not None

    def test_an_end_is_stripped_once(self):
        assert judge(Endpoint.END, Outcome.REJECTED, stripped=False).strips
        assert judge(Endpoint.END, Outcome.REJECTED, stripped=True).retry == Retry.HOURLY

    def test_only_calls_by_key_quarantine(self):
        verdicts = {e: judge(e, Outcome.AMBIGUOUS, stripped=False) for e in COLUMNS}
        quarantining = [e for e in COLUMNS if verdicts[e].quarantines]
        assert quarantining == [Endpoint.STREAM, Endpoint.END_STREAM]

    def test_an_end_whose_404_may_be_a_strangers_lets_content_probe(self):
        for endpoint in (Endpoint.END, Endpoint.END_STREAM):
            verdict = judge(endpoint, Outcome.UNAUTHORIZED, stripped=False, vague=True)
            assert (verdict.state, verdict.effect) == (State.PENDING, AccountEffect.BLOCK)
            assert verdict.retry == Retry.PROBE_CAP

    @pytest.mark.parametrize(
        ("address", "known", "outcome"),
        [
            ("a" * 64, "a" * 64, Outcome.NOT_FOUND),
            ("a" * 64, "b" * 64, Outcome.UNAUTHORIZED),
            ("a" * 64, "", Outcome.UNAUTHORIZED),
            ("", "", Outcome.UNAUTHORIZED),
        ],
    )
    def test_a_vague_404_is_the_vendors_only_from_a_known_address(self, address, known, outcome):
        body = {"error": "Not found", "message": "No such record"}
        answer = Answer(Outcome.UNAUTHORIZED, status=404, body=body, address=address)
        assert resolve(answer, known).outcome == outcome
        for other in (replace(answer, status=401), replace(answer, body={"detail": "x"})):
            assert resolve(other, known) is other

    def test_a_429_of_an_end_is_always_about_the_rate(self):
        assert (
            judge(Endpoint.END, Outcome.LIMIT_REACHED, stripped=False).effect
            == AccountEffect.FREEZE
        )


class TestPauses:
    @given(tries=st.integers(1, 10_000), age=st.integers(0, 10**9), chance=st.floats(0, 1))
    def test_a_retry_waits_between_a_second_and_its_cap(self, tries, age, chance):
        cap = 900_000 if age >= 600_000 else 60_000
        assert 1_000 <= retry_delay(tries, age, chance, TIMING) <= cap

    def test_the_ceiling_doubles(self):
        ceilings = [retry_delay(n, 0, 1.0, TIMING) for n in range(1, 8)]
        assert ceilings == [2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]

    @given(
        retry_after=st.none() | st.floats(0, 3600),
        freezes=st.integers(0, 1000),
        window=st.integers(0, 60_000),
    )
    def test_a_freeze_is_bounded(self, retry_after, freezes, window):
        assert 1_000 <= freeze_delay(retry_after, freezes, window, TIMING) <= 300_000

    def test_a_freeze_lasts_as_long_as_the_window_that_is_full(self):
        assert freeze_delay(None, 0, 60_000, TIMING) == 60_000
        assert freeze_delay(5.0, 0, 60_000, TIMING) == 5_000

    def test_a_probe_waits_ever_longer(self):
        assert [probe_delay(n, 30_000, 300_000) for n in range(5)] == [
            30_000,
            60_000,
            120_000,
            240_000,
            300_000,
        ]

    def test_a_timing_can_be_divided(self):
        fast = TIMING.divided_by(20)
        assert (fast.lease, fast.quarantine, fast.backoff_first) == (3_000, 3_000, 50)


NOW = 1_000_000
ACTIVITY = LiveActivity(pk=1, stream_key="k")


def operation(pk: int, kind: Kind, **values) -> Operation:
    values = {"created_at": NOW - 1_000 + pk, "next_try_at": NOW - 1_000 + pk} | values
    values.setdefault("due_at", values["created_at"])
    content = {"title": str(pk)} if kind in (Kind.STREAM, Kind.UPDATE) else None
    return Operation(pk=pk, kind=kind, content=content, activity=ACTIVITY, **values)


def lane(**values) -> Lane:
    return Lane(stream_key="k", **values)


def ids(operations) -> list[int]:
    return [o.pk for o in operations]


@st.composite
def histories(draw) -> list[Operation]:
    """Pending operations of one lane, in the order of their ids."""
    rows = []
    for pk in range(1, draw(st.integers(1, 9))):
        kind = draw(st.sampled_from([Kind.STREAM, Kind.STREAM, Kind.END, Kind.KEEP]))
        due = draw(st.sampled_from([0, 0, 5, 10_000])) if kind == Kind.END else 0
        row = operation(pk, kind)
        row.due_at = row.created_at + due
        row.next_try_at = draw(st.sampled_from([row.due_at, NOW + 500]))
        rows.append(row)
    return rows


@st.composite
def lanes(draw) -> Lane:
    ever_called = draw(st.booleans())
    return lane(
        ever_called=ever_called,
        generation=draw(st.integers(1, 2)),
        ended_through_id=draw(st.integers(0, 4)),
        displayed_id=draw(st.integers(0, 4)) if ever_called else 0,
        ambiguous_until=draw(st.sampled_from([0, NOW + 300])),
        hidden_because=draw(st.sampled_from(["", "paused", "evicted"])),
    )


class TestPlans:
    @given(lanes(), histories())
    def test_every_operation_is_settled_sent_or_waits(self, lane, history):
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        accounted = [
            *decided.superseded,
            *decided.cancelled_schedules,
            *decided.already_covered,
            *decided.ends,
            *decided.deferred,
            *([decided.send] if decided.send and decided.send not in decided.ends else []),
        ]
        scheduled = [
            o for o in history if o.kind == Kind.END and o.due_at > NOW and o not in accounted
        ]
        assert sorted(ids([*accounted, *scheduled])) == ids(history)

    @given(lanes(), histories())
    def test_no_due_end_is_ever_superseded(self, lane, history):
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        for operation in decided.superseded:
            if operation.kind == Kind.END:
                assert operation.due_at > operation.created_at
                newer = [o for o in history if o.pk > operation.pk and o.kind != Kind.STREAM]
                assert any(o.created_at < operation.due_at for o in newer)

    @given(lanes(), histories())
    def test_content_is_never_sent_while_an_end_is_due(self, lane, history):
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        if decided.ends:
            assert decided.send is None or decided.send.kind == Kind.END

    @given(lanes(), histories())
    def test_what_an_end_closes_is_never_sent_and_never_waits(self, lane, history):
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        left = [*decided.deferred, *([decided.send] if decided.send else [])]
        for content in (o for o in left if o.kind == Kind.STREAM):
            assert not closes(decided.ends, content)
            assert content.pk >= max(lane.ended_through_id, lane.displayed_id)

    @given(lanes(), histories())
    def test_only_the_newest_content_is_sent(self, lane, history):
        send = plan(lane, LaneRows(history, moved(history)), NOW).send
        if send is not None and send.kind == Kind.STREAM:
            assert send.pk == max(o.pk for o in history if o.kind == Kind.STREAM)

    @given(lanes(), histories())
    def test_a_call_is_spared_only_if_none_was_ever_made(self, lane, history):
        if plan(lane, LaneRows(history, moved(history)), NOW).never_started:
            assert not lane.ever_called

    @given(lanes(), histories())
    def test_a_first_put_waits_for_what_may_still_arrive(self, lane, history):
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        if decided.send and not lane.displayed_id and lane.generation > 1 and not decided.ends:
            assert lane.ambiguous_until <= NOW

    @given(lanes(), histories())
    def test_a_row_is_over_only_if_nothing_of_it_is_left(self, lane, history):
        for number, each in enumerate(history):
            each.activity_id = number % 2
        decided = plan(lane, LaneRows(history, moved(history)), NOW)
        finished = {
            *ids(decided.superseded),
            *ids(decided.cancelled_schedules),
            *ids(decided.already_covered),
        }
        for row in decided.ended_cards:
            mine = [o for o in history if o.activity_id == row]
            assert all(o.pk in finished for o in mine)
            assert any(o.pk < lane.ended_through_id for o in mine)

    def test_nothing_to_do_is_a_plan_too(self):
        assert plan(lane(), LaneRows([]), NOW) == Plan()

    def test_several_ends_are_one_call(self):
        first, second = operation(1, Kind.END), operation(2, Kind.END)
        decided = plan(lane(ever_called=True), LaneRows([first, second]), NOW)
        assert (ids(decided.ends), decided.send) == ([1, 2], second)
