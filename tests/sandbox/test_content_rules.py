"""The sandbox's own reading of what a body may hold, rule by rule."""

from __future__ import annotations

import json

import pytest

from .api import CONTENT, PROGRESS

STEPS, METRICS, STATS = CONTENT["segmented_progress"], CONTENT["metrics"], CONTENT["stats"]
ALERT, TIMER, VALUE = CONTENT["alert"], CONTENT["timer"], CONTENT["value"]
BADGE, ICON = {"title": "New", "color": "red"}, {"symbol": "bolt.fill", "color": "lime"}
OPEN = {"title": "Open", "type": "open_url", "url": "https://example.com/x?y=1"}
HOOK = {"title": "Stop", "type": "webhook", "url": "https://example.com/hook"}
ENDPOINTS = ("start", "update", "end", "stream", "end_stream")


def without(content, *names):
    return {name: value for name, value in content.items() if name not in names}


def send(api, endpoint, content, **fields):
    """Send content to an endpoint, where it must be known to a card of the same type."""
    known = CONTENT[content.get("type", "progress")]
    match endpoint:
        case "start":
            return api.start(content, **fields)
        case "stream":
            return api.put("fresh", content, **fields)
        case "end_stream":
            api.put("known", known)
            return api.delete("known", content, **fields)
    return getattr(api, endpoint)(api.started(known), content, **fields)


def metric(**fields):
    return {**METRICS, "metrics": [{"label": "CPU", "value": 1, **fields}]}


# At every endpoint, in content that is otherwise right: the field, and what its refusal names.
WRONG_EVERYWHERE = [
    (without(PROGRESS, "title"), "content_state.title is required"),
    ({**PROGRESS, "title": 1}, "content_state.title"),
    ({**PROGRESS, "title": None}, "content_state.title"),
    ({**PROGRESS, "subtitle": None}, "content_state.subtitle"),
    ({**PROGRESS, "colour": "red"}, "content_state.colour is not a known field"),
    ({**PROGRESS, "color": "pink"}, "content_state.color"),
    ({**PROGRESS, "percentage": 101}, "content_state.percentage"),
    ({**PROGRESS, "percentage": -1}, "content_state.percentage"),
    ({**PROGRESS, "percentage": "5"}, "content_state.percentage"),
    ({**PROGRESS, "percentage": True}, "content_state.percentage"),
    ({**PROGRESS, "value": 1}, "content_state.value needs upper_limit"),
    ({**PROGRESS, "upper_limit": 1}, "content_state.upper_limit needs value"),
    ({**PROGRESS, "value": 1, "upper_limit": 0}, "content_state.upper_limit"),
    ({**PROGRESS, "value": "1", "upper_limit": 2}, "content_state.value must be a number"),
    (without(PROGRESS, "percentage"), "percentage, or value and upper_limit"),
    (without(STEPS, "current_step"), "current_step"),
    ({**STEPS, "current_step": -1}, "content_state.current_step"),
    ({**STEPS, "current_step": 1.5}, "content_state.current_step"),
    ({**STEPS, "current_step": 5}, "must not exceed number_of_steps"),
    ({**STEPS, "number_of_steps": 0}, "content_state.number_of_steps"),
    ({**STEPS, "step_color": "pink"}, "content_state.step_color"),
    ({**STEPS, "step_colors": ["red", "pink"]}, "content_state.step_colors.1"),
    ({**STEPS, "step_colors": "red"}, "content_state.step_colors"),
    (without(METRICS, "metrics"), "metrics"),
    ({**METRICS, "metrics": []}, "content_state.metrics"),
    ({**METRICS, "metrics": METRICS["metrics"] * 9}, "content_state.metrics"),
    ({**METRICS, "metrics": [{"value": 1}]}, "content_state.metrics.0.label"),
    ({**METRICS, "metrics": [{"label": "CPU"}]}, "content_state.metrics.0.value"),
    (metric(label=""), "content_state.metrics.0.label"),
    (metric(value=-1), "content_state.metrics.0.value"),
    (metric(value=""), "content_state.metrics.0.value"),
    (metric(value="x" * 65), "content_state.metrics.0.value"),
    (metric(unit=1), "content_state.metrics.0.unit"),
    (metric(color="pink"), "content_state.metrics.0.color"),
    (metric(hint="x"), "content_state.metrics.0.hint"),
    (without(STATS, "metrics"), "metrics"),
    ({**STATS, "badge": BADGE}, "content_state.badge is not supported for type stats"),
    ({**METRICS, "badge": BADGE}, "content_state.badge is not supported for type metrics"),
    ({**TIMER, "badge": BADGE}, "content_state.badge is not supported for type timer"),
    (without(ALERT, "message"), "message"),
    ({**ALERT, "message": ""}, "content_state.message"),
    ({**ALERT, "icon": {}}, "content_state.icon.symbol"),
    ({**ALERT, "icon": {"symbol": ""}}, "content_state.icon.symbol"),
    ({**ALERT, "icon": "bolt"}, "content_state.icon must be an object"),
    ({**ALERT, "badge": {"title": ""}}, "content_state.badge.title"),
    ({**ALERT, "badge": {"title": "x", "size": 1}}, "content_state.badge.size"),
    ({**TIMER, "duration_seconds": 0}, "content_state.duration_seconds"),
    ({**TIMER, "counts_down": 1}, "content_state.counts_down"),
    ({**TIMER, "is_running": "yes"}, "content_state.is_running"),
    (without(VALUE, "value"), "value"),
    ({**VALUE, "value": True}, "content_state.value"),
    ({**VALUE, "value": [1]}, "content_state.value"),
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(("content", "message"), WRONG_EVERYWHERE, ids=str)
def test_wrong_content_is_refused_at_every_endpoint(api, endpoint, content, message):
    reply = send(api, endpoint, content)

    assert reply.status == 400
    assert message in reply.body["message"]


RIGHT_EVERYWHERE = [
    *CONTENT.values(),
    *({**content, "icon": ICON} for content in CONTENT.values()),
    *({**content, "badge": BADGE} for content in (PROGRESS, STEPS, ALERT, VALUE)),
    # What the SDK adds to every content, whatever its type.
    *({**content, "counts_down": True, "is_running": True} for content in CONTENT.values()),
    {**PROGRESS, "percentage": 0},
    {**PROGRESS, "percentage": 99.5, "value": 1, "upper_limit": 2},
    {"title": "", "type": "progress", "value": -1, "upper_limit": 0.5},
    {**STEPS, "current_step": 0, "step_color": "red", "step_colors": ["red", "blue"]},
    {**STEPS, "current_step": 1.0},
    {**METRICS, "metrics": METRICS["metrics"] * 8},
    metric(value=0),
    metric(value="x" * 64, unit="", color="gray"),
    {**TIMER, "duration_seconds": 0.5, "is_running": False},
    {**VALUE, "value": ""},
    {**VALUE, "value": -12.5, "color": "magenta"},
]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("content", RIGHT_EVERYWHERE, ids=str)
def test_right_content_is_accepted_at_every_endpoint(api, endpoint, content):
    assert send(api, endpoint, content).status == 200


PER_ENDPOINT = [
    # endpoint, content, accepted
    ("start", without(PROGRESS, "type"), False),
    ("stream", without(PROGRESS, "type"), False),
    ("update", without(PROGRESS, "type"), True),
    ("end", without(PROGRESS, "type"), True),
    ("end_stream", without(PROGRESS, "type"), True),
    ("start", without(STEPS, "number_of_steps"), False),
    ("stream", without(STEPS, "number_of_steps"), False),
    ("update", without(STEPS, "number_of_steps"), True),
    ("end", without(STEPS, "number_of_steps"), True),
    ("end_stream", without(STEPS, "number_of_steps"), True),
    ("start", without(TIMER, "duration_seconds"), False),
    ("start", {**without(TIMER, "duration_seconds"), "counts_down": True}, False),
    ("start", {**without(TIMER, "duration_seconds"), "counts_down": False}, True),
    ("stream", without(TIMER, "duration_seconds"), False),
    ("stream", {**without(TIMER, "duration_seconds"), "counts_down": False}, True),
    ("update", without(TIMER, "duration_seconds"), True),
    ("end", without(TIMER, "duration_seconds"), True),
    ("end_stream", without(TIMER, "duration_seconds"), True),
    ("update", {"title": "only a title"}, False),
    ("end", {"title": "only a title"}, True),
    ("end_stream", {"title": "only a title"}, True),
    ("start", {**PROGRESS, "auto_dismiss_minutes": 1}, False),
    ("update", {**PROGRESS, "auto_dismiss_minutes": 1}, False),
    ("end", {**PROGRESS, "auto_dismiss_minutes": 1}, True),
    ("stream", {**PROGRESS, "auto_dismiss_minutes": 1}, True),
    ("end_stream", {**PROGRESS, "auto_dismiss_minutes": 1}, True),
    ("start", {**PROGRESS, "auto_dismiss_seconds": 1}, False),
    ("update", {**PROGRESS, "auto_dismiss_seconds": 1}, False),
    ("end", {**PROGRESS, "auto_dismiss_seconds": 1}, False),
    ("stream", {**PROGRESS, "auto_dismiss_seconds": 1}, True),
    ("end_stream", {**PROGRESS, "auto_dismiss_seconds": 0}, True),
    ("end", {**PROGRESS, "auto_dismiss_minutes": -1}, False),
    ("end_stream", {**PROGRESS, "auto_dismiss_seconds": 1.5}, False),
]


@pytest.mark.parametrize(("endpoint", "content", "accepted"), PER_ENDPOINT, ids=str)
def test_endpoints_differ_in_what_they_need_and_take(api, endpoint, content, accepted):
    assert send(api, endpoint, content).status == (200 if accepted else 400)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("name", CONTENT)
def test_a_second_button_is_for_four_types(api, endpoint, name):
    reply = send(api, endpoint, CONTENT[name], secondary_action=OPEN)

    allowed = name in ("value", "alert", "segmented_progress", "progress")
    assert reply.status == (200 if allowed else 400)


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    "action",
    [
        OPEN,
        HOOK,
        {**OPEN, "url": "http://example.com"},
        {**OPEN, "url": "shortcuts://run-shortcut?name=Lights%20off"},
        {**OPEN, "method": "POST"},
        {**HOOK, "method": "GET"},
        {**HOOK, "method": "POST", "body": {"deep": [{"x": None}]}},
    ],
    ids=str,
)
def test_a_button_opens_a_page_runs_a_shortcut_or_calls_a_hook(api, endpoint, action):
    assert send(api, endpoint, PROGRESS, action=action).status == 200


@pytest.mark.parametrize("button", ["action", "secondary_action"])
@pytest.mark.parametrize(
    ("action", "path"),
    [
        ("open", ""),
        (without(OPEN, "title"), ".title"),
        (without(OPEN, "type"), ".type"),
        (without(OPEN, "url"), ".url"),
        ({**OPEN, "type": "call"}, ".type"),
        ({**OPEN, "icon": "x"}, ".icon"),
        ({**OPEN, "url": "ftp://example.com"}, ".url"),
        ({**OPEN, "url": "https://"}, ".url"),
        ({**OPEN, "url": "https://exa mple.com"}, ".url"),
        ({**OPEN, "url": "https://example.com\n"}, ".url"),
        ({**OPEN, "url": "https://[::1"}, ".url"),
        ({**OPEN, "url": "shortcuts://run-shortcut"}, ".url"),
        ({**OPEN, "url": "shortcuts://open-shortcut?name=x"}, ".url"),
        ({**HOOK, "url": "http://example.com"}, ".url"),
        ({**HOOK, "url": "shortcuts://run-shortcut?name=x"}, ".url"),
        ({**HOOK, "method": "PUT"}, ".method"),
        ({**HOOK, "body": [1]}, ".body"),
    ],
    ids=str,
)
def test_a_wrong_button_is_refused(api, button, action, path):
    reply = api.put("order-42", PROGRESS, **{button: action})

    assert reply.status == 400
    assert f"{button}{path}" in reply.body["message"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize(
    ("fields", "path"),
    [
        ({"tags": "a"}, "tags"),
        ({"tags": ["x"] * 21}, "tags"),
        ({"tags": ["a", ""]}, "tags.1"),
        ({"tags": ["x" * 65]}, "tags.0"),
        ({"metadata": [1]}, "metadata"),
        ({"metadata": {str(number): 1 for number in range(51)}}, "metadata"),
        ({"metadata": {"k" * 101: 1}}, "metadata"),
        ({"metadata": {"k": "x" * 4001}}, "metadata.k"),
        ({"metadata": {"k": None}}, "metadata.k"),
        ({"metadata": {"k": {}}}, "metadata.k"),
        ({"metadata": {str(number): "x" * 4000 for number in range(5)}}, "16 KB"),
        ({"metadata": {str(number): "é" * 2000 for number in range(5)}}, "16 KB"),
        ({"priority": 1}, "priority is not a known field"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_wrong_fields_beside_the_content_are_refused(api, endpoint, fields, path):
    reply = send(api, endpoint, PROGRESS, **fields)

    assert reply.status == 400
    assert path in reply.body["message"]


@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_tags_and_metadata_may_be_as_large_as_the_contract_says(api, endpoint):
    fields = {
        "tags": ["x" * 64] * 20,
        "metadata": {"k" * 100: "x" * 4000} | {str(number): True for number in range(49)},
    }

    assert send(api, endpoint, PROGRESS, **fields).status == 200


@pytest.mark.parametrize(
    ("field", "value", "takers"),
    [
        ("alert", {"title": "Hi", "body": "there"}, ("start", "stream", "end_stream")),
        ("target", {"channels": ["ops"]}, ("start", "stream")),
        ("channels", ["ops"], ("stream",)),
        ("stream_key", "x", ()),
    ],
)
@pytest.mark.parametrize("endpoint", ENDPOINTS)
def test_endpoints_differ_in_what_they_take_beside_the_content(api, endpoint, field, value, takers):
    reply = send(api, endpoint, PROGRESS, **{field: value})

    assert reply.status == (200 if endpoint in takers else 400)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"channels": []}, "channels must contain at least one channel"),
        ({"channels": "ops"}, "channels must be an array of channel slugs"),
        ({"channels": [1]}, "channels must be an array of channel slugs"),
        ({"target": {"channels": []}}, "target.channels must contain at least one channel"),
        ({"target": {}}, "target.channels is required"),
        ({"channels": ["a"], "target": {"channels": ["b"]}}, "must match"),
        ({"alert": {"title": 1}}, "alert.title"),
        ({"alert": {"sound": "x"}}, "alert.sound"),
    ],
    ids=str,
)
def test_wrong_targets_and_alerts_are_refused(api, fields, message):
    reply = api.put("order-42", PROGRESS, **fields)

    assert reply.status == 400
    assert message in reply.body["message"]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("PUT", "/live-activity/stream/a"),
        ("DELETE", "/live-activity/stream/a"),
        ("POST", "/live-activity/start"),
        ("POST", "/live-activity/update"),
        ("POST", "/live-activity/end"),
    ],
)
@pytest.mark.parametrize(
    "raw",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff",
        b'{"content_state": 5}',
        b'{"content_state": null}',
        b'{"\\ud800": 1}',
        b'{"a":' * 50_000,
    ],
    ids=lambda raw: repr(raw[:30]),
)
def test_a_body_that_is_no_json_object_is_refused(api, sandbox, method, path, raw):
    assert api.http.request(method, path, content=raw).status_code == 400
    assert len(sandbox.calls()) == 1
    assert api.http.get(f"{sandbox.base}/calls.json").status_code == 200


@pytest.mark.parametrize(
    ("number", "status"),
    [
        ("1.5", 200),
        ("[" * 50 + "]" * 50, 200),
        ("NaN", 400),
        ("-Infinity", 400),
        ("1e999", 400),
        ("[" * 200 + "]" * 200, 400),
    ],
    ids=lambda value: str(value)[:10],
)
def test_what_could_not_be_shown_again_is_refused(api, sandbox, number, status):
    body = json.dumps({"content_state": PROGRESS, "action": {**HOOK, "body": {"n": "N"}}})
    answer = api.http.put("/live-activity/stream/a", content=body.replace('"N"', number))

    assert answer.status_code == status
    assert api.http.get(f"{sandbox.base}/calls.json").json() == sandbox.calls()


def test_metadata_counts_in_bytes_of_json(api):
    metadata = {"a": "x" * 4000, "b": "x" * 4000, "c": "x" * 4000, "d": "x" * 4000}
    metadata["e"] = "x" * (16 * 1024 - len(json.dumps(metadata, separators=(",", ":"))) - 7)

    assert api.put("a", PROGRESS, metadata=metadata).status == 200
    metadata["e"] += "x"
    assert api.put("a", PROGRESS, metadata=metadata).status == 400


@pytest.mark.parametrize("path", ["start", "update", "end", "stream/a"])
def test_a_call_without_a_body_is_refused_but_for_the_end_of_a_stream(api, path):
    method = "PUT" if "/" in path else "POST"

    assert api.call(method, f"/live-activity/{path}").status == 400
    assert api.call("DELETE", "/live-activity/stream/a").status == 404
