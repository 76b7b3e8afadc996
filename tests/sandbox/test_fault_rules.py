"""The grammar of `--faults`, and which calls a rule strikes."""

from __future__ import annotations

import pytest

from django_liveactivity.sandbox import Fault, parse_faults
from django_liveactivity.sandbox.calls import Route
from django_liveactivity.sandbox.faults import FaultPlan

PUT = Route("PUT", "stream", "stream", "a")
DELETE = Route("DELETE", "stream", "end_stream", "a")
END = Route("POST", "end", "end")
START = Route("POST", "start", "start")


def struck(text, *routes, seed=None):
    plan = FaultPlan(parse_faults(text), seed)
    return [plan.kind_for(route) for route in routes]


def test_the_rules_are_read_one_by_one():
    assert parse_faults("PUT:500@3, DELETE:hang@1-2,POST/end:reset-after@5+,*:late@2.5%") == (
        Fault("PUT", "", "500", 3, 3),
        Fault("DELETE", "", "hang", 1, 2),
        Fault("POST", "end", "reset-after", 5, None),
        Fault("*", "", "late", percent=2.5),
    )


@pytest.mark.parametrize("text", ["", "  "])
def test_no_text_has_no_rules(text):
    assert parse_faults(text) == ()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("PUT", "cannot read the fault 'PUT'"),
        ("PUT:500", "cannot read the fault"),
        ("PUT@1", "cannot read the fault"),
        ("PUT:500@1,", "cannot read the fault ''"),
        ("PUT:500@1,,PUT:500@2", "cannot read the fault ''"),
        (":500@1", "cannot read the fault"),
        ("put:500@1", "unknown method 'put'"),
        ("GET:500@1", "unknown method 'GET'"),
        ("PUT/:500@1", "unknown endpoint ''"),
        ("POST/stop:500@1", "unknown endpoint 'stop'"),
        ("PUT/end:500@1", "matches no call: end takes POST"),
        ("POST/stream:500@1", "matches no call: stream takes PUT and DELETE"),
        ("DELETE:paused@1", "matches no call: paused is an answer to PUT"),
        ("*:paused@1", "matches no call"),
        ("PUT:@1", "unknown kind ''"),
        ("PUT:boom@1", "unknown kind 'boom'"),
        ("PUT:200@1", "unknown kind '200'"),
        ("PUT:600@1", "unknown kind '600'"),
        ("PUT:5000@1", "unknown kind '5000'"),
        ("PUT:500@", "cannot read when ''"),
        ("PUT:500@x", "cannot read when 'x'"),
        ("PUT:500@-1", "cannot read when '-1'"),
        ("PUT:500@1-", "cannot read when '1-'"),
        ("PUT:500@1.5", "cannot read when '1.5'"),
        ("PUT:500@0", "counted from 1"),
        ("PUT:500@3-2", "is empty"),
        ("PUT:500@0%", "percentage"),
        ("PUT:500@101%", "percentage"),
        ("PUT:500@%", "percentage"),
        ("PUT:500@nan%", "percentage"),
        ("PUT:500@٣", "cannot read when"),
    ],
)
def test_a_rule_that_cannot_be_read_says_why(text, message):
    with pytest.raises(ValueError, match=message.replace("(", r"\(")):
        parse_faults(text)


def test_one_call_is_struck_and_others_are_not_counted():
    assert struck("PUT:500@2", PUT, DELETE, END, PUT, PUT) == ["", "", "", "500", ""]


def test_a_range_of_calls_is_struck():
    assert struck("DELETE:hang@2-3", *[DELETE] * 4) == ["", "hang", "hang", ""]


def test_all_calls_from_one_on_are_struck():
    assert struck("*:503@2+", PUT, DELETE, END) == ["", "503", "503"]


def test_an_endpoint_can_be_meant_alone():
    assert struck("POST/end:400@1", START, END, END) == ["", "400", ""]
    assert struck("*/stream:400@1+", START, PUT, DELETE) == ["", "400", "400"]


def test_the_first_rule_that_strikes_counts_while_all_count_the_call():
    assert struck("PUT:500@1,*:reset@1-2", PUT, PUT, PUT) == ["500", "reset", ""]


def test_chances_repeat_with_the_seed():
    first, second, other = (struck("*:reset@10%", *[PUT] * 500, seed=seed) for seed in (1, 1, 2))

    assert first == second != other
    assert 25 < first.count("reset") < 80


def test_a_hundred_percent_strikes_always():
    assert struck("*:reset@100%", *[PUT] * 50) == ["reset"] * 50


@pytest.mark.parametrize(
    "rule",
    ["PUT:500@3", "DELETE:hang@1-2", "POST/end:reset@5+", "*:late@2.5%", "PUT/stream:paused@1"],
)
def test_a_rule_is_written_as_it_is_read(rule):
    (fault,) = parse_faults(rule)

    assert str(fault) == rule


def test_a_plan_tells_what_is_to_come():
    plan = FaultPlan(parse_faults("PUT:500@1,PUT:429@2-4,DELETE:500@1+,*:reset@10%"), 1)
    plan.kind_for(PUT)
    plan.kind_for(PUT)

    left = [(str(fault), calls) for fault, calls in plan.in_force()]
    assert left == [("PUT:429@2-4", 2), ("DELETE:500@1+", None), ("*:reset@10%", None)]
