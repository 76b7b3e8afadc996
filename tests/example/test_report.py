"""The verdict reads the phone, the calls and the rows, each by itself."""

from __future__ import annotations

import dataclasses

import pytest
from django.core.management.base import CommandError

from django_liveactivity import Alert, services
from example_project.demo.report import Card, end_call, problems, table
from example_project.demo.rows import describe, refuse_a_database_in_use

STREAM = Card("service call", "alert", "Disk", "disk", "", "ended", "done", "delivered")
MANUAL = dataclasses.replace(STREAM, scenario="activity id", stream_key="", activity_id="pLAr-1")
EMPTY = {"alive": [], "ended": []}


def call(method="DELETE", path="stream/disk", status=200, body=None):
    return {
        "method": method,
        "path": f"/api/live-activity/{path}",
        "status": status,
        "body": body,
    }


ENDED = [call(), call("POST", "end", body={"activity_id": "pLAr-1"})]


def test_nothing_is_wrong_when_all_three_agree():
    assert problems([STREAM, MANUAL], EMPTY, ENDED) == []


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param([], id="no call at all"),
        pytest.param([call(path="stream/disk-2")], id="the end of another stream"),
        pytest.param([call(method="PUT")], id="content"),
        pytest.param([call(status=500)], id="an error"),
        pytest.param([call(status=None)], id="no answer"),
        pytest.param(ENDED[1:], id="the end of another card"),
    ],
)
def test_an_end_counts_only_by_its_own_acknowledged_call(calls):
    (problem,) = problems([STREAM], EMPTY, calls)

    assert problem.startswith("service call: no acknowledged end")


def test_a_card_known_by_its_id_needs_the_end_of_that_id():
    other = call("POST", "end", body={"activity_id": "another"})

    assert end_call(MANUAL, [other]) is None
    assert end_call(MANUAL, [other, ENDED[1], other]) is ENDED[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"status": "live"},
        {"end_state": "pending"},
        {"end_outcome": "ambiguous"},
        {"end_outcome": "never_started"},
        {"end_state": "", "end_outcome": ""},
    ],
)
def test_a_row_counts_only_with_an_acknowledged_end(changes):
    (problem,) = problems([dataclasses.replace(STREAM, **changes)], EMPTY, ENDED)

    assert problem.startswith("service call: the row says")


def test_a_failed_try_before_the_acknowledgement_does_no_harm():
    assert problems([STREAM], EMPTY, [call(status=500), call(), call(status=404)]) == []


def test_the_table_shows_the_call_of_each_card():
    lines = table([STREAM, MANUAL], ENDED)

    assert [line.split("  ")[0] for line in lines[2:]] == [STREAM.scenario, MANUAL.scenario]
    assert "DELETE /stream/disk 200 " in lines[2]
    assert "POST /end pLAr-1… 200 " in lines[3]
    assert lines[3].endswith("ended  done, delivered")


def test_a_card_without_an_end_is_described_as_such(db):
    row = services.stream_activity("disk", Alert(title="Disk", message="It is full."))

    assert describe("a scenario", row) == Card(
        "a scenario", "alert", "Disk", "disk", "", "pending", "", ""
    )


def test_a_database_in_use_is_refused(db):
    refuse_a_database_in_use()
    services.stream_activity("disk", Alert(title="Disk", message="It is full."))

    with pytest.raises(CommandError, match="a database of its own"):
        refuse_a_database_in_use()
