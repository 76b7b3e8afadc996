"""How each answer is read, by endpoint."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest
from hypothesis import example, given, strategies as st

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.client.answer import Received, read_answer
from django_liveactivity.content.endpoints import Endpoint

START, UPDATE, END = Endpoint.START, Endpoint.UPDATE, Endpoint.END
STREAM, END_STREAM = Endpoint.STREAM, Endpoint.END_STREAM
EVERY = list(Endpoint)
ENDS = [END, END_STREAM]
SHOWS = [START, UPDATE, STREAM]

NO = {"error": "No", "message": "Because"}
NOBODY = {"error": "No recipients found", "message": "No devices matched"}
GONE = {"error": "Not found", "message": "Live Activity not found"}
FULL = {**NO, "limit": 4, "active": 4}
OK = {"success": True}


def read(endpoint: Endpoint, status: int, body: Any, **headers: str) -> Answer:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_answer(endpoint, Received(status, headers, content), 0.5)


TABLE = [
    (EVERY, 200, OK, "delivered"),
    (EVERY, 201, {**OK, "surprise": [1]}, "delivered"),
    (EVERY, 200, {}, "ambiguous"),
    (EVERY, 200, {"success": False}, "ambiguous"),
    (EVERY, 200, {"success": "true"}, "ambiguous"),
    (EVERY, 200, {"success": 1}, "ambiguous"),
    (EVERY, 200, [OK], "ambiguous"),
    (EVERY, 200, b"<html>Sign in</html>", "ambiguous"),
    (EVERY, 200, b"", "ambiguous"),
    (EVERY, 204, b"", "ambiguous"),
    (EVERY, 200, b'{"success": true', "ambiguous"),
    (EVERY, 200, b'{"success": true, "x": NaN}', "ambiguous"),
    (EVERY, 200, b'{"success": true, "x": 1e999}', "ambiguous"),
    (EVERY, 200, b'{"success": true, "x": "\xff"}', "ambiguous"),
    (EVERY, 200, b'{"success": false, "success": true}', "delivered"),
    (EVERY, 200, {**OK, "x": "y" * 65_536}, "ambiguous"),
    (EVERY, 301, b"", "unauthorized"),
    (EVERY, 307, NO, "unauthorized"),
    (EVERY, 401, b"", "unauthorized"),
    (EVERY, 401, NO, "unauthorized"),
    (EVERY, 402, {**NO, "error": "trial_expired"}, "billing_blocked"),
    (EVERY, 402, b"", "billing_blocked"),
    (EVERY, 403, NO, "forbidden"),
    (EVERY, 403, b"<html>WAF</html>", "unauthorized"),
    (EVERY, 403, {"detail": "no"}, "unauthorized"),
    (EVERY, 403, {"error": "x", "message": 5}, "unauthorized"),
    (EVERY, 404, GONE, "not_found"),
    (EVERY, 404, {**NO, "message": "No stream_key: live"}, "not_found"),
    (EVERY, 404, {**NO, "message": "Unknown 'activity_id'."}, "not_found"),
    (EVERY, 404, {**NO, "stream_key": "order-42"}, "not_found"),
    (EVERY, 404, NO, "unauthorized"),
    (EVERY, 404, b"nginx", "unauthorized"),
    (EVERY, 404, {"error": "Not Found"}, "unauthorized"),
    (EVERY, 404, {"error": "No activity"}, "unauthorized"),
    (EVERY, 422, GONE, "rejected"),
    (EVERY, 404, NOBODY, "no_recipients"),
    (EVERY, 404, {**NO, "effective_channel_slugs": None}, "no_recipients"),
    (EVERY, 405, NO, "unauthorized"),
    (EVERY, 405, b"", "unauthorized"),
    (EVERY, 400, NO, "rejected"),
    (EVERY, 400, b"", "ambiguous"),
    (EVERY, 400, {"error": "x"}, "ambiguous"),
    (EVERY, 409, NO, "rejected"),
    (EVERY, 413, NO, "rejected"),
    (EVERY, 413, b"<html>", "ambiguous"),
    (EVERY, 422, NO, "rejected"),
    (EVERY, 422, NOBODY, "no_recipients"),
    (EVERY, 422, {**NO, "message": "There are NO RECIPIENTS."}, "no_recipients"),
    (EVERY, 422, b"", "ambiguous"),
    (EVERY, 408, NO, "ambiguous"),
    (EVERY, 429, {**NO, "code": "rate_limited"}, "rate_limited"),
    (EVERY, 429, b"<html>", "rate_limited"),
    (EVERY, 429, FULL, "limit_reached"),
    (EVERY, 500, NO, "ambiguous"),
    (EVERY, 502, b"<html>", "ambiguous"),
    (EVERY, 503, OK, "ambiguous"),
    (EVERY, 101, b"", "ambiguous"),
    (EVERY, 999, OK, "ambiguous"),
    ([STREAM], 200, {**OK, "operation": "started", "activity_id": "a"}, "delivered"),
    ([STREAM], 200, {**OK, "operation": "noop"}, "noop"),
    ([STREAM], 200, {**OK, "operation": "paused", "activity_id": None}, "paused"),
    ([STREAM], 200, {**OK, "operation": "merged"}, "delivered"),
    ([STREAM], 200, {**OK, "operation": ["noop"]}, "delivered"),
    ([START, UPDATE, *ENDS], 200, {**OK, "operation": "noop"}, "delivered"),
    (SHOWS, 200, {**OK, "errors": ["device 2: gone"]}, "partial"),
    (SHOWS, 200, {**OK, "errors": []}, "delivered"),
    (SHOWS, 200, {**OK, "errors": ["x"], "ignored": True}, "noop"),
    (SHOWS, 200, {**OK, "ignored": False, "remote_push_sent": False}, "delivered"),
    ([STREAM], 200, {**OK, "operation": "paused", "ignored": True}, "paused"),
    (SHOWS, 200, {**OK, "activity_id": None, "devices_queued": 2}, "delivered"),
    (ENDS, 200, {**OK, "activity_id": "a", "devices_queued": 0}, "delivered"),
    (ENDS, 200, {**OK, "activity_id": None, "devices_queued": 1}, "already_ended"),
    (ENDS, 200, {**OK, "ignored": True, "forced_completion": True}, "already_ended"),
    (ENDS, 200, {**OK, "ignored": False}, "delivered"),
    (ENDS, 200, {**OK, "forced_completion": True, "errors": ["x"]}, "forced"),
    (ENDS, 200, {**OK, "errors": [{"x": 1}], "devices_queued": 1}, "partial"),
    (ENDS, 200, {**OK, "errors": [], "devices_queued": 1}, "queued"),
    (ENDS, 200, {**OK, "devices_queued": "many"}, "delivered"),
]


@pytest.mark.parametrize(
    ("endpoint", "status", "body", "outcome"),
    [(endpoint, *rest) for endpoints, *rest in TABLE for endpoint in endpoints],
)
def test_an_answer_is_read_as(endpoint, status, body, outcome) -> None:
    reply = read(endpoint, status, body)
    assert reply.outcome == outcome
    assert (reply.status, reply.duration) == (status, 0.5)


ACKNOWLEDGING = {"delivered", "already_ended", "forced", "partial", "queued", "noop", "paused"}


@pytest.mark.parametrize("outcome", list(Outcome))
def test_seven_outcomes_acknowledge_and_two_need_attention(outcome) -> None:
    reply = Answer(outcome)
    assert reply.acknowledged == (outcome in ACKNOWLEDGING)
    assert reply.needs_attention == (outcome in {"forced", "partial"})


def test_an_answer_hands_out_the_ids_it_names() -> None:
    body = {
        **OK,
        "operation": "rotated",
        "activity_id": "new",
        "previous_activity_id": "old",
        "ended_activity_id": "evicted",
    }
    reply = read(STREAM, 200, body)
    assert (reply.operation, reply.activity_id) == ("rotated", "new")
    assert (reply.previous_activity_id, reply.ended_activity_id) == ("old", "evicted")


@pytest.mark.parametrize("value", [None, 5, "", ["a"], {}])
def test_an_id_that_is_no_string_is_no_id(value) -> None:
    assert read(STREAM, 200, {**OK, "activity_id": value}).activity_id is None
    assert read(STREAM, 500, b"").activity_id is None


def test_the_vendors_answer_is_kept() -> None:
    body = {**OK, "activity_id": "a", "new_field": {"deep": [1, None, 2.5, True]}}
    reply = read(START, 200, body)
    assert reply.body == body
    assert json.loads(reply.text) == body
    assert reply.error == ""


def test_an_error_is_summed_up_for_people() -> None:
    assert read(END, 403, NO).error == "HTTP 403: No: Because"
    assert read(END, 502, b"<html>").error == "HTTP 502"
    assert read(END, 200, b"<html>").error == "HTTP 200: no JSON object with success: true"


STRANGERS = {
    "express": "Cannot DELETE /live-activity/stream/order-42",
    "short": "Cannot GET /stream",
    "fastify": "Route DELETE:/live-activity/stream/stream_key not found",
    "spring": "No static resource live-activity/stream/activity.",
    "escaped": "Cannot DELETE &#x2F;live-activity&#x2F;stream&#x2F;order-42",
    "boom": "Not Found",
    "named": "ActivitySmith: no such page",
    "hyphened": "live-activity is unknown here",
}


@pytest.mark.parametrize("message", STRANGERS.values(), ids=STRANGERS)
@pytest.mark.parametrize("endpoint", EVERY)
def test_a_404_that_names_a_path_may_be_another_servers(endpoint, message) -> None:
    reply = read(endpoint, 404, {"statusCode": 404, "error": "Not Found", "message": message})
    assert (reply.outcome, reply.is_vague) == (Outcome.UNAUTHORIZED, True)


@pytest.mark.parametrize(
    ("status", "body"),
    [(404, GONE), (404, b"nginx"), (404, {"detail": "x"}), (403, b""), (401, NO), (405, NO)],
)
def test_other_refusals_are_not_vague(status, body) -> None:
    assert not read(END_STREAM, status, body).is_vague


@pytest.mark.parametrize(
    ("endpoints", "fields", "error"),
    [
        (EVERY, {}, ""),
        (EVERY, {"message": "Stream reconciled", "remote_push_sent": True}, ""),
        (EVERY, {"warning": "Too often"}, "Too often"),
        (EVERY, {"errors": ["one", {"device": 2}]}, 'one; {"device": 2}'),
        (EVERY, {"errors": "all"}, "all"),
        (EVERY, {"remote_push_sent": False}, "no push was sent"),
        (EVERY, {"warning": 5, "errors": {}}, ""),
        (SHOWS, {"ignored": True, "message": "Gone"}, "ignored by the vendor; Gone"),
        ([STREAM], {"operation": "noop", "ignored": True, "message": "Same"}, ""),
        ([STREAM], {"operation": "paused", "ignored": True, "remote_push_sent": False}, ""),
        (ENDS, {"ignored": True, "message": "Already ended", "errors": ["x"]}, ""),
        (ENDS, {"forced_completion": True, "warning": "Unconfirmed"}, "Unconfirmed"),
    ],
)
def test_what_an_accepted_answer_says_against_itself_is_summed_up(endpoints, fields, error) -> None:
    assert {read(endpoint, 200, {**OK, **fields}).error for endpoint in endpoints} == {error}


@pytest.mark.parametrize(
    ("endpoint", "fields", "ignored"),
    [
        (STREAM, {"operation": "updated", "ignored": True}, True),
        (STREAM, {"operation": "noop", "ignored": True}, False),
        (UPDATE, {"ignored": True}, True),
        (END, {"ignored": True}, False),
        (STREAM, {"operation": "updated"}, False),
    ],
)
def test_content_without_effect_is_told_from_content_that_is_shown(
    endpoint, fields, ignored
) -> None:
    assert read(endpoint, 200, {**OK, **fields}).is_ignored == ignored


def test_a_long_text_is_cut_between_characters() -> None:
    text = read(END, 500, "é".encode() * 3000 + b"\xff").text
    assert text == "é" * 2048
    assert len(read(END, 400, {"error": "é" * 9000, "message": "x"}).error.encode()) <= 4096


def test_what_databases_cannot_store_is_replaced() -> None:
    body = b'{"success": true, "a\\u0000": ["\\ud800b", {"c": "\\u0000"}]}'
    reply = read(STREAM, 200, body)
    assert reply.outcome is Outcome.DELIVERED
    assert reply.body == {"success": True, "a\ufffd": ["?b", {"c": "\ufffd"}]}
    assert "\0" not in read(STREAM, 500, b"a\0b").text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        ("30", 30),
        (" 30 ", 30),
        ("1.5", 1.5),
        ("99999", 3600),
        ("-1", None),
        ("soon", None),
        ("", None),
        ("1e3", None),
        ("٣", None),
        ("30, 30", None),
        ("9" * 400, None),
        ("Wed, 99 Foo 2026 99:99:99 GMT", None),
    ],
)
def test_retry_after_in_seconds_is_read_capped_or_ignored(value, seconds) -> None:
    assert read(STREAM, 429, NO, **{"Retry-After": value}).retry_after == seconds


@pytest.mark.parametrize(("ahead", "seconds"), [(90, 90.0), (-90, 0.0), (0, 0.0), (10_000, 3600.0)])
def test_retry_after_as_a_date_is_counted_on_the_vendors_clock(ahead, seconds) -> None:
    vendor = datetime(2001, 2, 3, 4, 5, 6, tzinfo=UTC)
    headers = {
        "date": format_datetime(vendor, usegmt=True),
        "RETRY-AFTER": format_datetime(vendor + timedelta(seconds=ahead), usegmt=True),
    }
    assert read(STREAM, 503, NO, **headers).retry_after == seconds


def test_retry_after_as_a_date_is_counted_on_our_clock_if_there_is_no_other() -> None:
    until = datetime.now(UTC) + timedelta(seconds=600)
    reply = read(STREAM, 503, NO, **{"Retry-After": format_datetime(until, usegmt=True)})
    assert reply.retry_after == pytest.approx(600, abs=30)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
bodies = st.binary() | json_values.map(lambda value: json.dumps(value).encode())
fields = st.sampled_from(
    ["success", "error", "message", "operation", "activity_id", "errors", "ignored", "limit"]
)
objects = st.dictionaries(fields, json_values | st.just(value=True))


@given(
    st.sampled_from(EVERY),
    st.integers(0, 1000),
    st.dictionaries(st.sampled_from(["Retry-After", "Date", "x"]), st.text()),
    bodies | objects.map(lambda value: json.dumps(value).encode()),
)
@example(STREAM, 200, {}, b"[" * 60_000)
@example(STREAM, 200, {}, b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
@example(STREAM, 200, {}, b'{"a":' * 500 + b"1" + b"}" * 500)
@example(STREAM, 200, {}, b'{"success": ' + b"9" * 5000 + b"}")
@example(STREAM, 200, {}, b"\xef\xbb\xbf{}")
@example(STREAM, 429, {"Retry-After": "Mon, 01 Jan 0001 00:00:00 +2359"}, b"{}")
@example(STREAM, 429, {"Retry-After": "31 Dec 9999 23:59:59 -2359"}, b"{}")
def test_anything_at_all_has_an_outcome(endpoint, status, headers, content) -> None:
    reply = read_answer(endpoint, Received(status, headers, content), 0.0)
    assert isinstance(reply.outcome, Outcome)
    assert reply.retry_after is None or 0 <= reply.retry_after <= 3600
    kept = json.dumps([reply.body, reply.text, reply.error], allow_nan=False, ensure_ascii=False)
    assert "\\u0000" not in kept.replace("\\\\", "")
    assert kept.encode()
    assert reply.acknowledged or reply.error
