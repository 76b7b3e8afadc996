"""Which ends are in force is told twice, in SQL for reads and in Python for plans: they agree."""

from __future__ import annotations

import time

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from django_liveactivity.delivery.rules.plan import LaneRows, is_due, plan
from django_liveactivity.models import Lane, Operation
from django_liveactivity.selectors.ends import in_force as ends_in_force

from .oracle import is_moved, moved

Kind, State = Operation.Kind, Operation.State
SECOND = 1_000
OVER = (State.SUPERSEDED, State.GIVEN_UP)

created = st.integers(-9, -1).map(lambda tens: tens * 10 * SECOND)
delays = st.sampled_from([0, 0, 15, 35, 55, 200]).map(lambda seconds: seconds * SECOND)
histories = st.lists(
    st.tuples(st.sampled_from(Kind), created, delays, st.sampled_from(State)), max_size=8
)
on_rows = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def insert(history: list[tuple[Kind, int, int, State]], now: int) -> list[Operation]:
    """INSERT the operations of one lane, in the order of their ids; ends alone are scheduled."""
    Operation.objects.all()._raw_delete("default")
    rows = []
    for kind, age, delay, state in history:
        row = Operation(account="default", lane_digest="k", activity_id=1, kind=kind, state=state)
        row.created_at = now + age
        row.due_at = row.created_at + (delay if kind == Kind.END else 0)
        row.rank = Operation.Rank.END if kind == Kind.END else Operation.Rank.CONTENT
        row.content = {"title": "Card"} if kind in Operation.CONTENT_KINDS else None
        row.save(force_insert=True)
        rows.append(row)
    return rows


def in_force() -> list[int]:
    return list(ends_in_force(Operation.objects.order_by("pk")).values_list("pk", flat=True))


@pytest.mark.django_db
@on_rows
@given(histories)
def test_a_scheduled_end_is_moved_in_sql_as_it_is_in_python(history):
    now = round(time.time() * SECOND)
    rows = insert(history, now)
    expected = [
        end.pk
        for end in rows
        if end.kind == Kind.END and end.state not in OVER and is_due(end, now)
        if not is_moved(end, rows)
    ]
    assert in_force() == expected


@pytest.mark.django_db
@on_rows
@given(histories)
def test_a_plan_answers_the_ends_that_sql_finds_in_force(history):
    now = round(time.time() * SECOND)
    rows = insert([(*values, State.PENDING) for *values, _ in history], now)
    decided = plan(Lane(stream_key="k", ever_called=True), LaneRows(rows, moved(rows)), now)
    assert in_force() == [end.pk for end in decided.ends]
