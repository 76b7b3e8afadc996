"""The replay names each field that is not taken, is lost or made up, and no other one."""

from __future__ import annotations

import copy

import pytest

from .bodies import generated
from .known_differences import reason_for
from .replay import replay
from .stored import NODE, PYTHON, changed

both = pytest.mark.parametrize("sdk", [PYTHON, NODE], ids=["Python", "Node"])


def findings(sdk, write=lambda body: body):
    """Return what the replay finds that has no reason, without the calls."""
    bodies = generated(sdk, 60)
    written = [write(copy.deepcopy(each.body)) for each in bodies]
    result = replay(sdk.name, zip(bodies, written, strict=True))
    assert result.taken
    return {f"{each.field}: {each.what}" for each in result.findings if reason_for(each) is None}


def test_an_sdk_that_has_not_changed_agrees():
    assert findings(NODE) == set()


@both
def test_a_field_that_an_sdk_gains_is_named(sdk):
    gained = {"priority": {"type": "number"}}
    newer = changed(sdk, "ContentStateUpdate", required=("priority",), **gained)

    what = "this package lacks it, and the sandbox refuses it"
    assert findings(newer) == {f"content_state.priority: {what}"}


def test_a_field_that_an_sdk_does_not_send_is_named():
    def without_title(body):
        body.get("content_state", {}).pop("title", None)
        return body

    assert findings(NODE, without_title) == {
        "content_state.title: Node SDK 1.10.0 does not send it",
        "content_state.title: the sandbox refuses what Node SDK 1.10.0 sends: is required",
    }


def test_a_field_that_an_sdk_makes_up_is_named():
    what = "the sandbox refuses what Node SDK 1.10.0 sends: is not a known field"
    assert findings(NODE, lambda body: body | {"haptic": True}) == {f"haptic: {what}"}
