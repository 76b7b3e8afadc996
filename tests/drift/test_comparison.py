"""The job fails, and names the field, when a model of an SDK and ours part."""

from __future__ import annotations

import pytest

from tests.content.strategies import COLORS

from . import ours
from .__main__ import report
from .comparison import differences
from .fields import Source
from .known_differences import reason_for
from .stored import NODE, PYTHON, changed

OURS = ours.read()
both = pytest.mark.parametrize("sdk", [PYTHON, NODE], ids=["Python", "Node"])


def new(sdk: Source, newer: Source) -> list[str]:
    """Return what a newer SDK brings, in words; none of it has a reason."""
    before = differences(sdk, OURS)
    found = [each for each in differences(newer, OURS) if each not in before]
    assert [reason_for(each) for each in found] == [None] * len(found)
    return [str(each).replace(sdk.name, "the SDK") for each in found]


@both
def test_a_field_that_an_sdk_gains_is_named(sdk):
    newer = changed(sdk, "StreamContentState", priority={"type": "number"})

    assert new(sdk, newer) == [
        "content_state.priority (stream, end_stream): this package lacks the field, the SDK has it"
    ]


@both
def test_a_field_that_an_sdk_renames_is_named_with_both_names(sdk):
    newer = changed(sdk, "ActivityMetric", unit=None, suffix={"type": "string"})

    calls = "(start, update, end, stream, end_stream)"
    assert new(sdk, newer) == [
        f"content_state.metrics.*.suffix {calls}: this package lacks the field, the SDK has it",
        f"content_state.metrics.*.unit {calls}: the SDK lacks the field, this package has it",
    ]


@both
def test_a_value_that_an_sdk_gains_or_loses_is_named(sdk):
    colors = {"type": "string", "enum": ["teal", *COLORS[1:]]}

    assert new(sdk, changed(sdk, "ContentStateEnd", step_color=colors)) == [
        "content_state.step_color (end): this package lacks the value 'teal', the SDK has it",
        "content_state.step_color (end): the SDK lacks the value 'lime', this package has it",
    ]


def test_a_limit_that_an_sdk_moves_is_named():
    def metrics(most):
        entries = {"$ref": "#/$defs/ActivityMetric"}
        return {"type": "array", "items": entries, "minItems": 1, "maxItems": most}

    assert new(PYTHON, changed(PYTHON, "ContentStateUpdate", metrics=metrics(6))) == [
        "content_state.metrics (update): the SDK has the maxItems 6, this package 8"
    ]
    assert new(PYTHON, changed(PYTHON, "ContentStateUpdate", metrics=metrics(12))) == [
        "content_state.metrics (update): this package has the maxItems 8, the SDK 12"
    ]


def test_what_has_no_reason_is_marked_and_counted(capsys):
    newer = changed(PYTHON, "ContentStateStart", haptic={"type": "boolean"})

    known = report("before", differences(PYTHON, OURS))
    assert report("after", differences(newer, OURS)) == known + 1
    assert (
        "NEW: content_state.haptic (start): this package lacks the field" in capsys.readouterr().out
    )
