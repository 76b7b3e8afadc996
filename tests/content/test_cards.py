"""Each rule of the contract about content, one by one."""

from __future__ import annotations

import pytest

from django_liveactivity.content import (
    Alert,
    Badge,
    Content,
    Icon,
    Metric,
    Metrics,
    Progress,
    SegmentedProgress,
    Stats,
    Timer,
    Value,
)
from django_liveactivity.exceptions import InvalidInputError

ONE = {"label": "CPU", "value": 1}
COLORS = "'lime', 'green', 'cyan'"

REFUSED = [
    (Content, {}, "title", "required"),
    (Content, {"title": None}, "title", "string"),
    (Content, {"title": ""}, "title", "empty"),
    (Content, {"title": 5}, "title", "string"),
    (Content, {"title": b"x"}, "title", "string"),
    (Content, {"title": "a\0b"}, "title", "NUL"),
    (Content, {"title": "a\ud800b"}, "title", "surrogate"),
    (Content, {"title": "x", "subtitle": 1}, "subtitle", "string"),
    (Content, {"title": "x", "subtitle": "\0"}, "subtitle", "NUL"),
    (Content, {"title": "x", "color": "pink"}, "color", COLORS),
    (Content, {"title": "x", "icon": "star"}, "icon", "Icon"),
    (Content, {"title": "x", "icon": {}}, "icon.symbol", "required"),
    (Content, {"title": "x", "icon": {"symbol": ""}}, "icon.symbol", "empty"),
    (Content, {"title": "x", "icon": {"symbol": "a", "color": 1}}, "icon.color", COLORS),
    (Content, {"title": "x", "icon": {"symbol": "a", "size": 1}}, "icon.size", "symbol, color"),
    (Content, {"title": "x", "type": "progress"}, "type", "class"),
    (Content, {"title": "x", "badge": {"title": "b"}}, "badge", "type; each type has more"),
    (
        Content,
        {"title": "x", "auto_dismiss_minutes": 3},
        "auto_dismiss_minutes",
        "as dismiss_after",
    ),
    (Progress, {"title": "x"}, "percentage", "value with upper_limit"),
    (Progress, {"title": "x", "percentage": -0.1}, "percentage", "0 or more"),
    (Progress, {"title": "x", "percentage": 100.1}, "percentage", "100 or less"),
    (Progress, {"title": "x", "percentage": True}, "percentage", "number"),
    (Progress, {"title": "x", "percentage": "50"}, "percentage", "number"),
    (Progress, {"title": "x", "percentage": float("nan")}, "percentage", "finite"),
    (Progress, {"title": "x", "value": 5}, "upper_limit", "go together"),
    (Progress, {"title": "x", "upper_limit": 5}, "value", "go together"),
    (Progress, {"title": "x", "percentage": 5, "value": 5}, "upper_limit", "go together"),
    (Progress, {"title": "x", "value": "5", "upper_limit": 9}, "value", "number"),
    (Progress, {"title": "x", "value": 5, "upper_limit": 0}, "upper_limit", "greater than 0"),
    (Progress, {"title": "x", "value": 2**53 + 1, "upper_limit": 9}, "value", "2**53"),
    (Progress, {"title": "x", "percentage": 5, "type": "timer"}, "type", "progress"),
    (Progress, {"title": "x", "percentage": 5, "badge": {"title": ""}}, "badge.title", "empty"),
    (SegmentedProgress, {"title": "x"}, "current_step", "required"),
    (SegmentedProgress, {"title": "x", "current_step": -1}, "current_step", "0 or more"),
    (SegmentedProgress, {"title": "x", "current_step": 1.0}, "current_step", "whole number"),
    (SegmentedProgress, {"title": "x", "current_step": True}, "current_step", "whole number"),
    (SegmentedProgress, {"title": "x", "current_step": 2**60}, "current_step", "or less"),
    (
        SegmentedProgress,
        {"title": "x", "current_step": 0, "number_of_steps": 0},
        "number_of_steps",
        "1 or more",
    ),
    (
        SegmentedProgress,
        {"title": "x", "current_step": 4, "number_of_steps": 3},
        "current_step",
        "number_of_steps",
    ),
    (
        SegmentedProgress,
        {"title": "x", "current_step": 1, "step_colors": ["red", "pink"]},
        "step_colors.1",
        COLORS,
    ),
    (
        SegmentedProgress,
        {"title": "x", "current_step": 1, "step_colors": "red"},
        "step_colors",
        "list",
    ),
    (Metrics, {"title": "x"}, "metrics", "required"),
    (Metrics, {"title": "x", "metrics": []}, "metrics", "at least 1"),
    (Metrics, {"title": "x", "metrics": [ONE] * 9}, "metrics", "at most 8"),
    (Metrics, {"title": "x", "metrics": ONE}, "metrics", "list"),
    (
        Metrics,
        {"title": "x", "metrics": {Metric(label="a", value=1), Metric(label="b", value=2)}},
        "metrics",
        "list",
    ),
    (Metrics, {"title": "x", "metrics": [{"value": 1}]}, "metrics.0.label", "required"),
    (Metrics, {"title": "x", "metrics": [ONE, {"label": "", "value": 1}]}, "metrics.1.label", "e"),
    (Metrics, {"title": "x", "metrics": [{**ONE, "value": -1}]}, "metrics.0.value", "0 or more"),
    (Metrics, {"title": "x", "metrics": [{**ONE, "value": ""}]}, "metrics.0.value", "1 to 64"),
    (
        Metrics,
        {"title": "x", "metrics": [{**ONE, "value": "9" * 65}]},
        "metrics.0.value",
        "1 to 64",
    ),
    (Metrics, {"title": "x", "metrics": [{**ONE, "value": None}]}, "metrics.0.value", "number"),
    (Metrics, {"title": "x", "metrics": [{**ONE, "unit": 1}]}, "metrics.0.unit", "string"),
    (Metrics, {"title": "x", "metrics": [ONE], "badge": {"title": "b"}}, "badge", "type, metrics"),
    (Stats, {"title": "x"}, "metrics", "required"),
    (Stats, {"title": "x", "metrics": [{**ONE, "color": "x"}]}, "metrics.0.color", COLORS),
    (Alert, {"title": "x"}, "message", "required"),
    (Alert, {"title": "x", "message": ""}, "message", "empty"),
    (Timer, {"title": "x", "duration_seconds": 0}, "duration_seconds", "greater than 0"),
    (Timer, {"title": "x", "duration_seconds": float("inf")}, "duration_seconds", "finite"),
    (Timer, {"title": "x", "counts_down": 1}, "counts_down", "True or False"),
    (Timer, {"title": "x", "is_running": "no"}, "is_running", "True or False"),
    (Timer, {"title": "x", "badge": {"title": "b"}}, "badge", "counts_down"),
    (Value, {"title": "x"}, "value", "required"),
    (Value, {"title": "x", "value": True}, "value", "string or a number"),
    (Value, {"title": "x", "value": float("-inf")}, "value", "finite"),
    (Value, {"title": "x", "value": "a\0"}, "value", "NUL"),
]


@pytest.mark.parametrize(("cls", "fields", "path", "words"), REFUSED)
def test_a_broken_rule_is_named_by_its_path(cls, fields, path, words) -> None:
    with pytest.raises(InvalidInputError) as caught:
        cls(**fields)
    assert [error.path for error in caught.value.errors] == [path]
    assert words in caught.value.errors[0].message


@pytest.mark.parametrize(("cls", "fields", "path", "words"), REFUSED)
def test_model_validate_refuses_the_same(cls, fields, path, words) -> None:
    with pytest.raises(InvalidInputError) as caught:
        cls.model_validate(fields)
    assert caught.value.errors[0].path == path


def test_every_broken_field_is_reported_at_once() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Metrics(title="", color="pink", metrics=[{"label": "", "value": -1}])
    paths = {error.path for error in caught.value.errors}
    assert paths == {"title", "color", "metrics.0.label", "metrics.0.value"}


def test_an_error_does_not_repeat_what_was_given() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Progress(title="x", percentage="private-4711")
    assert "4711" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    ("content", "wire"),
    [
        (Content(title="x"), {"title": "x"}),
        (Progress(title="x", percentage=0), {"title": "x", "type": "progress", "percentage": 0}),
        (Progress(title="x", percentage=99.5, type=None), {"title": "x", "percentage": 99.5}),
        (
            Progress(title="x", value=-1, upper_limit=0.5),
            {"title": "x", "type": "progress", "value": -1, "upper_limit": 0.5},
        ),
        (
            SegmentedProgress(title="x", current_step=0, number_of_steps=3, step_colors=[]),
            {
                "title": "x",
                "type": "segmented_progress",
                "current_step": 0,
                "number_of_steps": 3,
                "step_colors": [],
            },
        ),
        (
            Metrics(title="x", metrics=[Metric(label="CPU", value=0), ONE]),
            {"title": "x", "type": "metrics", "metrics": [{"label": "CPU", "value": 0}, ONE]},
        ),
        (
            Stats(title="x", metrics=({"label": "Up", "value": "-3", "unit": ""},)),
            {
                "title": "x",
                "type": "stats",
                "metrics": [{"label": "Up", "value": "-3", "unit": ""}],
            },
        ),
        (
            Alert(title="x", message="m", badge=Badge(title="b")),
            {"title": "x", "type": "alert", "message": "m", "badge": {"title": "b"}},
        ),
        (
            Timer(title="x", counts_down=False, is_running=False),
            {"title": "x", "type": "timer", "counts_down": False, "is_running": False},
        ),
        (Value(title="x", value=""), {"title": "x", "type": "value", "value": ""}),
        (Value(title="x", value=-2.5), {"title": "x", "type": "value", "value": -2.5}),
    ],
)
def test_only_what_was_set_is_sent_and_zero_false_and_empty_are_values(content, wire) -> None:
    assert content.to_json() == wire


def test_none_means_not_set() -> None:
    content = Alert(title="x", message="m", subtitle=None, icon=None, badge=None, color=None)
    assert content.to_json() == {"title": "x", "type": "alert", "message": "m"}


def test_a_whole_number_stays_one_and_a_float_stays_one() -> None:
    assert isinstance(Progress(title="x", percentage=40).to_json()["percentage"], int)
    assert isinstance(Progress(title="x", percentage=40.0).to_json()["percentage"], float)


def test_every_type_takes_an_icon() -> None:
    icon = Icon(symbol="star", color="red")
    cards = [
        Content(title="x", icon=icon),
        Progress(title="x", percentage=1, icon=icon),
        SegmentedProgress(title="x", current_step=1, icon=icon),
        Metrics(title="x", metrics=[ONE], icon=icon),
        Stats(title="x", metrics=[ONE], icon=icon),
        Alert(title="x", message="m", icon=icon),
        Timer(title="x", icon=icon),
        Value(title="x", value=1, icon=icon),
    ]
    assert all(card.to_json()["icon"] == {"symbol": "star", "color": "red"} for card in cards)


def test_four_types_take_a_badge() -> None:
    badge = {"title": "New", "color": "green"}
    cards = [
        Progress(title="x", percentage=1, badge=badge),
        SegmentedProgress(title="x", current_step=1, badge=badge),
        Alert(title="x", message="m", badge=badge),
        Value(title="x", value=1, badge=badge),
    ]
    assert all(card.to_json()["badge"] == badge for card in cards)


def test_step_colors_need_not_match_the_steps_as_the_contract_only_says_should() -> None:
    content = SegmentedProgress(title="x", current_step=3, step_colors=["red"])
    assert content.to_json()["step_colors"] == ["red"]


def test_content_cannot_be_changed_after_it_was_checked() -> None:
    given = [Metric(label="CPU", value=1)]
    content = Metrics(title="x", metrics=given)
    given.append("nonsense")
    assert len(content.to_json()["metrics"]) == 1
    with pytest.raises(ValueError, match="frozen"):
        content.title = ""
