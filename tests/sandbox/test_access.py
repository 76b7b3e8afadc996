"""API keys and accounts; the key itself is never shown."""

from __future__ import annotations

import httpx
import pytest

from .api import PROGRESS

PATH = "/live-activity/stream/order-42"


@pytest.mark.parametrize(
    "authorization",
    [None, "", "Bearer", "Basic ask_test", "ask_test", "Bearer ask_wrong"],
)
def test_a_call_without_a_key_that_exists_is_unauthorized(run, call_as, authorization):
    api = call_as(run(api_keys=["ask_test", "ask_second"]))
    headers = {} if authorization is None else {"Authorization": authorization}
    api.http.headers.pop("Authorization")
    reply = api.call("PUT", PATH, {"content_state": PROGRESS}, headers=headers)

    assert reply.status == 401
    assert sorted(reply.body) == ["error", "message"]


def test_any_key_exists_unless_some_are_named(sandbox, call_as):
    assert call_as(sandbox, "ask_whatever").put("order-42", PROGRESS).status == 200


def test_each_key_is_an_account_with_streams_of_its_own(sandbox, call_as):
    call_as(sandbox, "ask_one").put("order-42", PROGRESS)

    assert call_as(sandbox, "ask_two").delete("order-42").status == 404
    assert call_as(sandbox, "ask_two").put("order-42", PROGRESS).body["operation"] == "started"
    assert [shown["account"] for shown in sandbox.phone()["alive"]] == [1, 2]


def test_the_key_is_shown_nowhere(run, call_as):
    sandbox = run(api_keys=["ask_canary"])
    good, bad = call_as(sandbox, "ask_canary"), call_as(sandbox, "ask_canary_wrong")
    shown = [good.put("order-42", PROGRESS).body, bad.put("order-42", PROGRESS).body]
    shown += [good.http.get(f"{sandbox.base}/{n}").text for n in ("", "phone.json", "calls.json")]

    assert "canary" not in repr(shown)
    assert [call["authorized"] for call in sandbox.calls()] == [True, False]


def test_the_key_is_not_printed(run, call_as):
    lines = []
    sandbox = run(api_keys=["ask_canary"], echo=lines.append)
    for key, host in [("ask_canary", "localhost"), ("ask_canary_wrong", "evil.example")]:
        call_as(sandbox, key).http.delete(PATH, headers={"Host": host})

    assert len(lines) == 2
    assert "canary" not in repr(lines)


def test_unauthorized_calls_use_up_no_limit(run, call_as):
    sandbox = run(api_keys=["ask_test"], rate_limit=(1, 60.0))
    call_as(sandbox, "ask_wrong").delete("order-42")

    assert call_as(sandbox).delete("order-42").status == 404


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/live-activity/stream/order-42"),
        ("POST", "/live-activity/stream/order-42"),
        ("PUT", "/live-activity/stream/"),
        ("PUT", "/live-activity/stream/a/b"),
        ("PUT", "/live-activity/stream/%2e%2e/x"),
        ("PUT", "/live-activity/start"),
        ("POST", "/live-activity/pause"),
        ("POST", "/start"),
        ("PATCH", "/live-activity/stream/order-42"),
    ],
)
def test_what_the_vendor_does_not_offer_is_not_found(api, sandbox, method, path):
    answer = api.http.request(method, path)

    assert answer.status_code == 404
    assert sorted(answer.json()) == ["error", "message"]
    assert [call["status"] for call in sandbox.calls()] == [404]


@pytest.mark.parametrize(
    "path",
    ["/index.html", "/phone", "/phone/swim/order-42", "/static/", "/apis/live-activity/start"],
)
def test_unknown_addresses_beside_the_api_are_not_found(sandbox, path):
    for method in ("GET", "POST"):
        reply = httpx.request(method, sandbox.base + path, trust_env=False)
        assert reply.status_code == 404
        assert list(reply.json()) == ["message"]  # not of the form of the vendor's refusals
    assert sandbox.calls() == []
