"""The job fails, and names the field, when a model of an SDK and ours part."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest

from tests.content.strategies import COLORS

from . import node_sdk, ours, python_sdk
from .__main__ import report
from .comparison import differences
from .fields import Document, Source
from .known import reason_for

NODE = Path(__file__).with_name("node_sdk_1.10.0.json")
SDKS = {
    "Python": python_sdk.read(),
    "Node": node_sdk.source(json.loads(NODE.read_text()), "1.10.0"),
}
OURS = ours.read()


def changed(sdk: Source, model: str, **properties: object) -> Source:
    """Return a copy of what an SDK declares, with other properties in a model (None: without)."""
    bodies = {}
    for endpoint, document in sdk.bodies.items():
        schema = copy.deepcopy(document.schema)
        models = schema.get("$defs") or schema["definitions"]
        if model in models:
            merged = models[model]["properties"] | properties
            models[model]["properties"] = {k: v for k, v in merged.items() if v is not None}
        bodies[endpoint] = Document(schema)
    return Source(sdk.name, bodies, sdk.says_ranges)


def new(sdk: Source, newer: Source) -> list[str]:
    """Return what a newer SDK brings, in words; none of it has a reason."""
    before = differences(sdk, OURS)
    found = [each for each in differences(newer, OURS) if each not in before]
    assert [reason_for(each) for each in found] == [None] * len(found)
    return [str(each).replace(sdk.name, "the SDK") for each in found]


@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
def test_a_field_that_an_sdk_gains_is_named(sdk):
    newer = changed(sdk, "StreamContentState", priority={"type": "number"})

    assert new(sdk, newer) == [
        "content_state.priority (stream, end_stream): this package lacks the field, the SDK has it"
    ]


@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
def test_a_field_that_an_sdk_renames_is_named_with_both_names(sdk):
    newer = changed(sdk, "ActivityMetric", unit=None, suffix={"type": "string"})

    calls = "(start, update, end, stream, end_stream)"
    assert new(sdk, newer) == [
        f"content_state.metrics.*.suffix {calls}: this package lacks the field, the SDK has it",
        f"content_state.metrics.*.unit {calls}: the SDK lacks the field, this package has it",
    ]


@pytest.mark.parametrize("sdk", SDKS.values(), ids=SDKS)
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

    sdk = SDKS["Python"]
    assert new(sdk, changed(sdk, "ContentStateUpdate", metrics=metrics(6))) == [
        "content_state.metrics (update): the SDK has the maxItems 6, this package 8"
    ]
    assert new(sdk, changed(sdk, "ContentStateUpdate", metrics=metrics(12))) == [
        "content_state.metrics (update): this package has the maxItems 8, the SDK 12"
    ]


def test_what_has_no_reason_is_marked_and_counted(capsys):
    newer = changed(SDKS["Python"], "ContentStateStart", haptic={"type": "boolean"})

    known = report("before", differences(SDKS["Python"], OURS))
    assert report("after", differences(newer, OURS)) == known + 1
    assert (
        "NEW: content_state.haptic (start): this package lacks the field" in capsys.readouterr().out
    )
