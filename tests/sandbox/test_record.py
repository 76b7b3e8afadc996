"""What `/calls.json` and `/phone.json` show, and what a user's gestures do."""

from __future__ import annotations

import json
import threading

import pytest

from django_liveactivity.sandbox import Sandbox

from .api import PROGRESS


@pytest.fixture
def page(api, sandbox):
    """Read a page beside the API, or make a control request."""

    def read(path, method="GET"):
        answer = api.http.request(method, sandbox.base + path)
        return answer.status_code, answer.json()

    return read


def test_every_call_is_recorded_with_its_answer(api, sandbox, page, clock):
    answer = api.put("order-42", PROGRESS).body
    clock.advance(5)
    api.delete("order-43")
    status, calls = page("/calls.json")

    assert status == 200
    assert calls == sandbox.calls()
    first, second = calls
    assert 0 < first.pop("monotonic") < second["monotonic"]
    assert first == {
        "number": 1,
        "at": "2027-01-15T08:00:00.000Z",
        "account": 1,
        "authorized": True,
        "method": "PUT",
        "path": "/api/live-activity/stream/order-42",
        "body": {"content_state": PROGRESS},
        "status": 200,
        "answer": answer,
        "fault": None,
        "applied": True,
    }
    assert (second["number"], second["at"]) == (2, "2027-01-15T08:00:05.000Z")
    assert (second["body"], second["status"]) == (None, 404)


def test_the_phone_shows_alive_and_ended_cards(api, sandbox, page):
    assert page("/phone.json") == (200, {"empty": True, "alive": [], "ended": []})
    button = {"title": "Open", "type": "open_url", "url": "https://example.com"}
    activity_id = api.put("order-42", PROGRESS, action=button, channels=["ops"]).body["activity_id"]
    shown = {
        "activity_id": activity_id,
        "account": 1,
        "stream_key": "order-42",
        "type": "progress",
        "content": PROGRESS,
        "action": button,
        "secondary_action": None,
        "alert": None,
        "channels": ["ops"],
        "tags": None,
        "metadata": None,
        "started_at": "2027-01-15T08:00:00.000Z",
        "updates": 0,
    }
    assert page("/phone.json") == (200, {"empty": False, "alive": [shown], "ended": []})

    api.delete("order-42")
    dismissal = {
        "ended_at": "2027-01-15T08:00:00.000Z",
        "dismiss_at": "2027-01-15T08:02:00.000Z",
        "end_reason": "ended",
    }
    assert sandbox.phone() == {"empty": True, "alive": [], "ended": [shown | dismissal]}


def test_a_user_pauses_resumes_and_dismisses_over_http(api, page):
    api.put("order-42", PROGRESS)

    assert page("/phone/pause/order-42", "POST")[0] == 200
    assert api.put("order-42", PROGRESS).body["operation"] == "paused"
    assert page("/phone/resume/order-42", "POST")[0] == 200
    assert api.put("order-42", PROGRESS).body["operation"] == "rotated"
    assert page("/phone/dismiss/order-42", "POST")[0] == 200
    assert page("/phone.json")[1]["empty"]


def test_a_card_that_was_started_elsewhere_is_put_on_the_phone_over_http(api, page, ended_card):
    assert page("/phone/start/pLAr-Hnq9", "POST") == (200, {"success": True})
    assert page("/phone/start/Zx_9/progress", "POST")[0] == 200

    assert api.end("pLAr-Hnq9", {"title": "Backup", "current_step": 3}).status == 200
    assert ended_card()["type"] == "segmented_progress"
    (other,) = page("/phone.json")[1]["alive"]
    assert (other["activity_id"], other["type"]) == ("Zx_9", "progress")


@pytest.mark.parametrize("path", ["pLAr/pie", "taken", ""])
def test_a_card_that_cannot_be_started_elsewhere_says_why(page, sandbox, path):
    sandbox.start_elsewhere("taken")

    status, body = page(f"/phone/start/{path}", "POST")

    assert status in (400, 404)
    assert body["message"]
    assert [card["activity_id"] for card in sandbox.phone()["alive"]] == ["taken"]


@pytest.mark.parametrize("gesture", ["pause", "resume", "dismiss"])
def test_a_gesture_needs_something_to_touch(page, gesture):
    assert page(f"/phone/{gesture}/order-42", "POST")[0] == 404


def test_reset_forgets_everything(api, sandbox, page):
    api.put("order-42", PROGRESS)

    assert page("/reset", "POST")[0] == 200
    assert sandbox.calls() == []
    assert sandbox.phone()["empty"]
    assert api.delete("order-42").status == 404


def test_activity_ids_repeat_with_the_seed(run, call_as):
    ids = [call_as(run(seed=seed)).started() for seed in (7, 7, 8)]

    assert ids[0] == ids[1] != ids[2]


def test_callers_at_once_lose_nothing(run, call_as):
    sandbox = run(concurrent=1000)
    apis = [call_as(sandbox) for _ in range(8)]

    def work(number):
        for step in range(10):
            apis[number].put(f"stream-{number}-{step}", PROGRESS)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(sandbox.phone()["alive"]) == 80
    assert [call["number"] for call in sandbox.calls()] == list(range(1, 81))


def test_a_body_over_one_mebibyte_is_too_large(api, sandbox):
    body = json.dumps({"content_state": {"title": "x" * 1024 * 1024}}).encode()
    answer = api.http.put("/live-activity/stream/order-42", content=body)

    assert answer.status_code == 413
    assert [(call["status"], call["body"]) for call in sandbox.calls()] == [(413, None)]
    assert api.delete("order-42").status == 404


def test_a_chunked_body_is_asked_for_its_length(api):
    answer = api.http.put("/live-activity/stream/order-42", content=iter([b"{}"]))

    assert answer.status_code == 411


def test_a_closed_sandbox_frees_its_port():
    with Sandbox() as first:
        port = int(first.base.rpartition(":")[2])

    with Sandbox(port) as second:
        assert second.url == f"http://127.0.0.1:{port}/api"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rate_limit": (0, 60)}, "rate_limit"),
        ({"rate_limit": (60, 0)}, "rate_limit"),
        ({"concurrent": 0}, "concurrent"),
        ({"window": "leaky"}, "window must be one of 'fixed', 'sliding', not 'leaky'"),
        ({"billing": "broke"}, "billing"),
        ({"delivery": "none"}, "delivery"),
        ({"unknown_activity": 200}, "unknown_activity"),
        ({"no_recipients": 400}, "no_recipients"),
        ({"faults": "PUT"}, "cannot read the fault 'PUT'"),
    ],
    ids=str,
)
def test_options_that_make_no_sense_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        Sandbox(**options)
