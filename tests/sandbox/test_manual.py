"""The manual lifecycle: start, update and end by `activity_id`."""

from __future__ import annotations

import pytest

from .api import CONTENT, PROGRESS


def test_start_shows_a_card_and_tells_its_id(api, card):
    reply = api.start(PROGRESS, tags=["import"], metadata={"job": 7})

    assert reply.status == 200
    assert card()["activity_id"] == reply.body["activity_id"]
    assert card()["stream_key"] is None
    assert (card()["tags"], card()["metadata"]) == (["import"], {"job": 7})


def test_update_changes_the_card(api, card):
    activity_id = api.started()
    reply = api.update(activity_id, {"title": "Import", "percentage": 90})

    assert reply.body["activity_id"] == activity_id
    assert card()["content"] == {**PROGRESS, "percentage": 90}


def test_an_update_to_another_type_brings_all_that_a_start_needs(api, card):
    activity_id = api.started()
    steps = CONTENT["segmented_progress"]
    one_short = {name: steps[name] for name in steps if name != "number_of_steps"}

    assert api.update(activity_id, one_short).status == 400
    assert api.update(activity_id, steps).status == 200
    assert card()["content"] == steps


def test_end_keeps_the_card_for_three_minutes(api, sandbox, clock, ended_card):
    activity_id = api.started()
    reply = api.end(activity_id, {**PROGRESS, "percentage": 100})

    assert reply.body["devices_notified"] == 2
    assert reply.body["devices_queued"] == 0
    assert sandbox.phone()["empty"]
    assert ended_card()["content"]["percentage"] == 100
    clock.advance(minutes=2.9)
    assert sandbox.phone()["ended"]
    clock.advance(minutes=0.1)
    assert sandbox.phone()["ended"] == []


def test_end_takes_minutes_of_dismissal(api, sandbox, clock):
    api.end(api.started(), {**PROGRESS, "auto_dismiss_minutes": 10})

    clock.advance(minutes=9)
    assert sandbox.phone()["ended"]
    clock.advance(minutes=1)
    assert not sandbox.phone()["ended"]


def test_ending_again_is_ignored(api, ended_card):
    activity_id = api.started()
    api.end(activity_id, PROGRESS)
    reply = api.end(activity_id, {**PROGRESS, "percentage": 100})

    assert reply.status == 200
    assert reply.body["ignored"] is True
    assert reply.body["end_reason"] == "ended"
    assert reply.body["message"]
    assert ended_card()["content"] == PROGRESS


def test_ending_a_card_swiped_away_is_ignored_and_says_why(api, sandbox):
    activity_id = api.started()
    sandbox.dismiss(activity_id)

    assert api.end(activity_id, PROGRESS).body["end_reason"] == "dismissed"


def test_a_timer_that_ends_without_duration_keeps_its_window(api, ended_card):
    activity_id = api.started(CONTENT["timer"])
    api.end(activity_id, {"title": "Done", "type": "timer"})

    assert ended_card()["content"]["duration_seconds"] == 300


def test_an_ended_card_is_not_updated(api):
    activity_id = api.started()
    api.end(activity_id, PROGRESS)

    assert api.update(activity_id, PROGRESS).status == 404


def test_an_update_brings_a_streams_card_back_under_a_new_id(api, sandbox, card):
    first = api.put("order-42", PROGRESS).body["activity_id"]
    sandbox.dismiss("order-42")
    reply = api.update(first, {**PROGRESS, "percentage": 50})

    assert (reply.body["operation"], reply.body["stream_key"]) == ("rotated", "order-42")
    assert reply.body["previous_activity_id"] == first != reply.body["activity_id"]
    assert card()["activity_id"] == reply.body["activity_id"]
    assert api.put("order-42", {**PROGRESS, "percentage": 60}).body["operation"] == "updated"


@pytest.mark.parametrize("gone", ["deleted", "paused", "rotated"])
def test_an_update_brings_no_other_card_back(api, sandbox, gone):
    first = api.put("order-42", PROGRESS).body["activity_id"]
    if gone == "deleted":
        api.delete("order-42")
    elif gone == "paused":
        sandbox.pause("order-42")
    else:
        api.put("order-42", CONTENT["alert"])

    assert api.update(first, PROGRESS).status == 404


@pytest.mark.parametrize("status", [403, 404])
@pytest.mark.parametrize("verb", ["update", "end"])
def test_an_unknown_id_is_answered_as_chosen(run, call_as, verb, status):
    api = call_as(run(unknown_activity=status))

    assert getattr(api, verb)("nobody-has-this", PROGRESS).status == status


@pytest.mark.parametrize("verb", ["update", "end"])
def test_an_id_of_another_account_is_forbidden(sandbox, call_as, verb, card):
    activity_id = call_as(sandbox, "ask_owner").started()
    reply = getattr(call_as(sandbox, "ask_other"), verb)(activity_id, PROGRESS)

    assert reply.status == 403
    assert reply.body == {
        "error": "Forbidden",
        "message": f"This API key cannot {verb} this Live Activity",
    }
    assert card()["activity_id"] == activity_id


@pytest.mark.parametrize(
    ("delivery", "expected"),
    [
        ("all", {"devices_notified": 2, "devices_queued": 0}),
        ("queued", {"devices_notified": 1, "devices_queued": 1}),
        ("partial", {"devices_notified": 1, "errors": ["device 2: BadDeviceToken"]}),
        ("forced", {"devices_notified": 0, "forced_completion": True}),
    ],
)
def test_ends_tell_how_far_they_came(run, call_as, delivery, expected):
    api = call_as(run(delivery=delivery))
    activity_id = api.started()
    api.put("order-42", PROGRESS)

    for reply in (api.end(activity_id, PROGRESS), api.delete("order-42")):
        assert expected.items() <= reply.body.items()


def test_a_card_that_was_started_elsewhere_belongs_to_the_first_account(run, call_as, card):
    sandbox = run(started_elsewhere={"pLAr-Hnq9": "progress"})
    owner, other = call_as(sandbox, "ask_owner"), call_as(sandbox, "ask_other")

    assert owner.update("pLAr-Hnq9", {"title": "Import", "percentage": 90}).status == 200
    assert other.end("pLAr-Hnq9", PROGRESS).status == 403
    sandbox.reset()
    (shown,) = sandbox.phone()["alive"]
    assert shown["content"] == {"title": "Started elsewhere", "type": "progress"}


def test_a_sandbox_with_an_impossible_card_does_not_start(run):
    with pytest.raises(ValueError, match="type must be one of"):
        run(started_elsewhere={"pLAr-Hnq9": "pie"})
