"""The managed lifecycle: PUT and DELETE of a stream."""

from __future__ import annotations

import pytest

from .api import CONTENT, PROGRESS

ALERT, TIMER = CONTENT["alert"], CONTENT["timer"]


def test_the_first_put_starts_a_card(api, card):
    reply = api.put("order-42", PROGRESS)

    assert reply.status == 200
    assert reply.body["operation"] == "started"
    assert reply.body["activity_id"] == card()["activity_id"]
    assert card()["stream_key"] == "order-42"
    assert card()["content"] == PROGRESS


def test_a_changed_put_updates_the_card(api, card):
    first = api.put("order-42", PROGRESS).body
    second = api.put("order-42", {"title": "Import", "percentage": 90}).body

    assert (second["operation"], second["activity_id"]) == ("updated", first["activity_id"])
    assert card()["content"] == {**PROGRESS, "percentage": 90}
    assert card()["updates"] == 1


@pytest.mark.parametrize("content", CONTENT.values(), ids=CONTENT)
def test_the_same_put_again_is_a_noop(api, card, content):
    api.put("order-42", content)

    assert api.put("order-42", content).body["operation"] == "noop"
    assert card()["updates"] == 0


def test_a_changed_button_is_no_noop(api, card):
    button = {"title": "Open", "type": "open_url", "url": "https://example.com"}
    api.put("order-42", PROGRESS)

    assert api.put("order-42", PROGRESS, action=button).body["operation"] == "updated"
    assert card()["action"] == button


def test_what_is_not_sent_again_is_no_longer_shown(api, card):
    api.put("order-42", {**PROGRESS, "subtitle": "half way"})
    api.put("order-42", PROGRESS)

    assert "subtitle" not in card()["content"]


def test_a_timer_keeps_its_window_until_a_new_one_is_sent(api, card):
    api.put("run-7", {**TIMER, "counts_down": False})
    api.put("run-7", {"title": "Sampling"})
    assert card()["content"]["duration_seconds"] == 300
    assert card()["content"]["counts_down"] is False

    api.put("run-7", {"title": "Sampling", "duration_seconds": 60})
    assert card()["content"]["duration_seconds"] == 60


def test_steps_keep_their_count_until_a_new_one_is_sent(api, card):
    api.put("deploy", CONTENT["segmented_progress"])
    api.put("deploy", {"title": "Deploy", "current_step": 2})

    assert card()["content"]["number_of_steps"] == 4


def test_a_card_of_eight_hours_is_rotated(api, card, clock):
    first = api.put("order-42", PROGRESS).body["activity_id"]
    clock.advance(hours=8)
    reply = api.put("order-42", {"title": "Import", "percentage": 90}).body

    assert (reply["operation"], reply["previous_activity_id"]) == ("rotated", first)
    assert reply["activity_id"] == card()["activity_id"] != first
    assert card()["type"] == "progress"


def test_ios_ends_a_card_after_eight_hours(api, sandbox, clock):
    api.put("order-42", PROGRESS)
    clock.advance(hours=7.9)
    assert not sandbox.phone()["empty"]

    clock.advance(hours=0.1)
    assert sandbox.phone()["empty"]


def test_another_type_rotates_the_card(api, card):
    first = api.put("order-42", PROGRESS).body["activity_id"]
    reply = api.put("order-42", ALERT).body

    assert (reply["operation"], reply["previous_activity_id"]) == ("rotated", first)
    assert card()["content"] == ALERT
    assert api.end(first, PROGRESS).body["end_reason"] == "rotated"


def test_another_type_brings_all_that_a_start_needs(api):
    api.put("order-42", PROGRESS)
    reply = api.put(
        "order-42", {"title": "Deploy", "type": "segmented_progress", "current_step": 1}
    )

    assert reply.status == 400
    assert "number_of_steps" in reply.body["message"]


def test_a_paused_stream_shows_nothing_until_it_is_resumed(api, sandbox):
    api.put("order-42", PROGRESS)
    assert sandbox.pause("order-42") == 1
    reply = api.put("order-42", {**PROGRESS, "percentage": 50}).body
    assert (reply["operation"], reply["activity_id"]) == ("paused", None)
    assert sandbox.phone() == {"empty": True, "alive": [], "ended": []}

    assert sandbox.resume("order-42") == 1
    assert api.put("order-42", PROGRESS).body["operation"] == "rotated"


def test_a_paused_stream_ends_as_one_without_a_card(api, sandbox):
    api.put("order-42", PROGRESS)
    sandbox.pause("order-42")

    assert api.delete("order-42").body["activity_id"] is None
    assert api.put("order-42", PROGRESS).body["operation"] == "started"


def test_a_card_swiped_away_comes_back_with_the_next_put(api, sandbox, card):
    api.put("order-42", PROGRESS)
    assert sandbox.dismiss("order-42") == 1
    assert sandbox.phone()["empty"]

    assert api.put("order-42", PROGRESS).body["operation"] == "rotated"
    assert card()["stream_key"] == "order-42"


def test_frequent_updates_are_warned_of(api, clock):
    api.put("order-42", {**PROGRESS, "percentage": 0})
    replies = []
    for percentage in range(1, 14):
        clock.advance(minutes=1)
        replies.append(api.put("order-42", {**PROGRESS, "percentage": percentage}).body)

    assert ["warning" in reply for reply in replies] == [False] * 12 + [True]


def test_updates_two_minutes_apart_are_not_warned_of(api, clock):
    api.put("order-42", {**PROGRESS, "percentage": 0})
    for percentage in range(1, 20):
        clock.advance(minutes=2)
        assert "warning" not in api.put("order-42", {**PROGRESS, "percentage": percentage}).body


def test_delete_ends_the_card_with_the_content_sent(api, sandbox, ended_card):
    started = api.put("order-42", PROGRESS).body["activity_id"]
    reply = api.delete("order-42", {**PROGRESS, "percentage": 100})

    assert (reply.body["operation"], reply.body["activity_id"]) == ("ended", started)
    assert sandbox.phone()["empty"]
    assert ended_card()["content"]["percentage"] == 100


def test_delete_without_a_body_keeps_the_latest_known_state(api, ended_card):
    button = {"title": "Open", "type": "open_url", "url": "https://example.com"}
    api.put("order-42", PROGRESS, action=button)
    api.delete("order-42")

    assert ended_card()["content"] == PROGRESS
    assert ended_card()["action"] == button


def test_an_end_with_content_keeps_a_button_only_if_it_is_sent(api, ended_card):
    button = {"title": "Open", "type": "open_url", "url": "https://example.com"}
    api.put("order-42", PROGRESS, action=button)
    api.delete("order-42", PROGRESS)

    assert ended_card()["action"] is None


def test_an_end_of_only_a_title_keeps_what_the_card_showed(api, ended_card):
    api.put("order-42", PROGRESS)
    api.delete("order-42", {"title": "Done"})

    assert ended_card()["content"] == {**PROGRESS, "title": "Done"}


def test_a_final_value_is_not_hidden_by_an_older_percentage(api, ended_card):
    api.put("order-42", PROGRESS)
    api.delete("order-42", {"title": "Done", "value": 5, "upper_limit": 5})

    assert "percentage" not in ended_card()["content"]


@pytest.mark.parametrize(
    ("dismissal", "seconds"),
    [
        ({}, 120),
        ({"auto_dismiss_minutes": 1}, 60),
        ({"auto_dismiss_seconds": 5}, 5),
        ({"auto_dismiss_minutes": 9, "auto_dismiss_seconds": 5}, 5),
        ({"auto_dismiss_minutes": 1000}, 4 * 3600),
        ({"auto_dismiss_seconds": 10**30}, 4 * 3600),
    ],
    ids=str,
)
def test_an_ended_card_stays_for_a_while(api, sandbox, clock, dismissal, seconds):
    api.put("order-42", PROGRESS)
    api.delete("order-42", {**PROGRESS, **dismissal})

    clock.advance(seconds - 1)
    assert sandbox.phone()["ended"]
    assert "auto_dismiss_seconds" not in sandbox.phone()["ended"][0]["content"]
    clock.advance(1)
    assert not sandbox.phone()["ended"]


def test_a_dismissal_at_once_leaves_nothing(api, sandbox):
    api.put("order-42", PROGRESS)
    api.delete("order-42", {**PROGRESS, "auto_dismiss_seconds": 0})

    assert sandbox.phone() == {"empty": True, "alive": [], "ended": []}


def test_deleting_again_finds_the_stream_inactive(api):
    api.put("order-42", PROGRESS)
    api.delete("order-42")
    reply = api.delete("order-42")

    assert reply.status == 200
    assert (reply.body["operation"], reply.body["activity_id"]) == ("ended", None)


def test_deleting_a_stream_never_seen_is_not_found(api):
    reply = api.delete("order-42")

    assert reply.status == 404
    assert reply.body == {
        "error": "Live Activity stream not found",
        "message": "No Live Activity stream found for stream_key: order-42",
    }


def test_a_put_after_the_end_starts_a_new_card(api, card):
    first = api.put("order-42", PROGRESS).body["activity_id"]
    api.delete("order-42")
    reply = api.put("order-42", PROGRESS).body

    assert reply["operation"] == "started"
    assert card()["activity_id"] == reply["activity_id"] != first


def test_a_put_after_the_end_names_its_type(api):
    api.put("order-42", PROGRESS)
    api.delete("order-42")

    assert api.put("order-42", {"title": "Import", "percentage": 1}).status == 400


def test_a_streams_card_ended_by_its_id_is_revived_by_a_put(api, card):
    activity_id = api.put("order-42", PROGRESS).body["activity_id"]
    assert api.end(activity_id, PROGRESS).status == 200
    reply = api.put("order-42", PROGRESS).body

    assert reply["previous_activity_id"] == activity_id
    assert card()["activity_id"] == reply["activity_id"]


@pytest.mark.parametrize(
    ("sent", "kept"),
    [({}, (["a"], {"k": 1})), ({"tags": [], "metadata": {}}, ([], {}))],
    ids=["omitted", "empty"],
)
def test_tags_and_metadata_are_kept_if_omitted_and_cleared_if_empty(api, card, sent, kept):
    api.put("order-42", PROGRESS, tags=["a"], metadata={"k": 1})
    api.put("order-42", {**PROGRESS, "percentage": 50}, **sent)

    assert (card()["tags"], card()["metadata"]) == kept


@pytest.mark.parametrize(
    "key", ["a%20b", "a%2Fb", "..%2Fx", "a%0A", "a.b", "%C3%A9", "%FF", "x" * 256], ids=str
)
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_a_key_outside_the_pattern_is_refused(api, method, key):
    reply = api.call(method, f"/live-activity/stream/{key}", {"content_state": PROGRESS})

    assert reply.status == 400
    assert reply.body["error"] == "Invalid stream_key"


def test_a_key_may_be_percent_encoded(api, card):
    api.call("PUT", "/live-activity/stream/order%2D42", {"content_state": PROGRESS})

    assert card()["stream_key"] == "order-42"


def test_a_key_may_have_255_characters(api):
    assert api.put("x" * 255, PROGRESS).status == 200
