"""The five calls over real HTTP: what is sent, and what is refused before."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from datetime import timedelta
from typing import Any

import httpx
import pytest

from django_liveactivity.client import DEFAULT_BASE_URL, Answer, Call, Client, Outcome
from django_liveactivity.content import Action, Content, Progress, SegmentedProgress, Timer
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError

from .server import answer

CARD = Progress(title="Order 42", percentage=0)
SENT = {"title": "Order 42", "type": "progress", "percentage": 0}
LINK = Action(title="Öffnen", type="open_url", url="https://example.com")


def test_stream_puts_the_content(client, server) -> None:
    reply = client.stream("order-42", CARD, alert={"title": "New"}, channels=["ops"], tags=[])
    assert reply.outcome is Outcome.DELIVERED
    assert (server.last.method, server.last.path) == ("PUT", "/api/live-activity/stream/order-42")
    assert server.last.json == {
        "content_state": SENT,
        "alert": {"title": "New"},
        "channels": ["ops"],
        "tags": [],
    }


def test_end_stream_deletes_with_the_final_content(client, server) -> None:
    final = Timer(title="Run", duration_seconds=60)
    client.end_stream("run", final, dismiss_after=timedelta(seconds=90), metadata={"ok": True})
    assert (server.last.method, server.last.path) == ("DELETE", "/api/live-activity/stream/run")
    assert server.last.json == {
        "content_state": {"title": "Run", "type": "timer", "auto_dismiss_seconds": 90},
        "metadata": {"ok": True},
    }


def test_end_stream_without_content_has_no_body(client, server) -> None:
    client.end_stream("run")
    assert server.last.body == b""
    assert "content-type" not in server.last.headers


def test_start_posts_the_content(client, server) -> None:
    client.start(CARD, channels=["ops"], action=LINK)
    assert (server.last.method, server.last.path) == ("POST", "/api/live-activity/start")
    assert server.last.json == {
        "content_state": SENT,
        "target": {"channels": ["ops"]},
        "action": LINK.to_json(),
    }


def test_update_posts_the_activity_id(client, server) -> None:
    client.update("pLAr", SegmentedProgress(title="x", current_step=2, type=None))
    assert (server.last.method, server.last.path) == ("POST", "/api/live-activity/update")
    assert server.last.json == {
        "activity_id": "pLAr",
        "content_state": {"title": "x", "current_step": 2},
    }


def test_end_posts_the_activity_id_and_whole_minutes(client, server) -> None:
    client.end("pLAr", {"title": "Done"}, dismiss_after=timedelta(seconds=61))
    assert (server.last.method, server.last.path) == ("POST", "/api/live-activity/end")
    assert server.last.json == {
        "activity_id": "pLAr",
        "content_state": {"title": "Done", "auto_dismiss_minutes": 2},
    }


def test_a_call_from_stored_json_is_sent_as_it_is(client, server) -> None:
    client.send(Call(Endpoint.END, "pLAr", {"content_state": {"title": "Ende ✓"}}))
    assert server.last.json == {"activity_id": "pLAr", "content_state": {"title": "Ende ✓"}}
    assert "Ende ✓".encode() in server.last.body


def test_the_headers_are_json_and_name_this_package(client, server) -> None:
    client.stream("a", CARD)
    headers = server.last.headers
    assert headers["authorization"] == "Bearer ask_test"
    assert headers["content-type"] == "application/json"
    assert headers["accept-encoding"] == "identity"
    assert headers["user-agent"].startswith("django-liveactivity/")


@pytest.mark.parametrize("key", ["a/b", "../x", "a\n", "", "x" * 256, "ä", "a?b", "a#b", "a%2e"])
def test_a_key_that_could_reach_another_endpoint_is_never_sent(client, server, key) -> None:
    for make in (
        lambda: client.stream(key, CARD),
        lambda: client.end_stream(key),
        lambda: client.send(Call(Endpoint.END_STREAM, key, {})),
    ):
        with pytest.raises(InvalidInputError) as caught:
            make()
        assert [error.path for error in caught.value.errors] == ["stream_key"]
    assert server.requests == []


@pytest.mark.parametrize("activity_id", ["", "a b", "a\n", "x" * 256])
def test_an_activity_id_that_cannot_be_one_is_never_sent(client, server, activity_id) -> None:
    for make in (
        lambda: client.update(activity_id, CARD),
        lambda: client.end(activity_id, CARD),
    ):
        with pytest.raises(InvalidInputError) as caught:
            make()
        assert [error.path for error in caught.value.errors] == ["activity_id"]
    assert server.requests == []


def test_bad_input_is_refused_before_anything_is_sent(client, server) -> None:
    refused = {
        "percentage": lambda: client.stream("a", {"title": "x", "type": "progress"}),
        "type": lambda: client.start(Content(title="x")),
        "number_of_steps": lambda: client.stream("a", SegmentedProgress(title="x", current_step=1)),
        "alert": lambda: client.end("id", CARD, alert={"title": "x"}),
        "channels": lambda: client.end_stream("a", channels=["ops"]),
        "tags": lambda: client.stream("a", CARD, tags="ops"),
        "tag": lambda: client.stream("a", CARD, tag="ops"),
        "dismiss_after": lambda: client.end("id", CARD, dismiss_after=timedelta(hours=5)),
        "target": lambda: client.send(Call(Endpoint.START, "id", {})),
        "body": lambda: client.send(Call(Endpoint.START, "", {"x": float("nan")})),
    }
    for path, make in refused.items():
        with pytest.raises(InvalidInputError) as caught:
            make()
        assert [error.path for error in caught.value.errors] == [path]
    assert server.requests == []


def test_a_dismissal_needs_content(client) -> None:
    with pytest.raises(ContentRequiredError):
        client.end_stream("a", dismiss_after=timedelta(0))


@pytest.mark.parametrize("make", [lambda c: c.end("id", None), lambda c: c.stream("a", None)])
def test_only_the_end_of_a_stream_does_without_content(client, make) -> None:
    with pytest.raises(ContentRequiredError):
        make(client)


def test_a_body_that_is_not_json_is_refused(client) -> None:
    loop: dict[str, object] = {}
    loop["loop"] = loop
    for body in ({"x": {1, 2}}, {"x": "\ud800"}, {"x": float("inf")}, loop):
        with pytest.raises(InvalidInputError) as caught:
            client.send(Call(Endpoint.STREAM, "a", body))
        assert [error.path for error in caught.value.errors] == ["body"]


@pytest.mark.parametrize(
    "base_url",
    [
        "",
        None,
        "activitysmith.com/api",
        "ftp://activitysmith.com",
        "https://",
        "http://activitysmith.com/api",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com",
        "http://10.0.0.1",
        "http://[::2]",
        "https://user:pass@activitysmith.com",
        "https://@activitysmith.com",
        "https://activitysmith.com/api?x=1",
        "https://activitysmith.com/api?",
        "https://activitysmith.com/api#x",
        "https://activitysmith.com:port",
        "https://activitysmith.com:99999",
        "https://activitysmith.com/a b",
        "https://activitysmith.com/api\n",
        "https://äpi.example",
    ],
)
def test_the_key_goes_nowhere_but_to_https_or_loopback(base_url) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client("ask_test", base_url=base_url)
    assert [error.path for error in caught.value.errors] == ["base_url"]
    assert "pass" not in caught.value.errors[0].message.replace("password", "")


@pytest.mark.parametrize(
    "base_url",
    [
        DEFAULT_BASE_URL,
        "https://example.com",
        "http://localhost:8765/api/",
        "http://127.0.0.1/api",
        "http://127.8.9.1:1",
        "http://[::1]:8765/api",
    ],
)
def test_a_base_url_may_be(base_url) -> None:
    with Client("ask_test", base_url=base_url) as client:
        assert base_url.rstrip("/") in repr(client)


@pytest.mark.parametrize("name", ["deadline", "connect_timeout"])
@pytest.mark.parametrize("value", [0, -1, True, "5", None, float("nan"), float("inf")])
def test_times_are_positive_seconds(name, value) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client("ask_test", **{name: value})
    assert [error.path for error in caught.value.errors] == [name]


def test_redirects_are_not_followed(client, server) -> None:
    server.respond = answer(status=307, headers={"Location": f"{server.url}/elsewhere"})
    assert client.stream("a", CARD).outcome is Outcome.UNAUTHORIZED
    assert len(server.requests) == 1


def test_the_environment_does_not_decide_where_the_key_goes(server, monkeypatch, tmp_path) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login other password other\n")
    monkeypatch.setenv("NETRC", str(netrc))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    with Client("ask_test", base_url=server.url) as client:
        assert client.stream("a", CARD).acknowledged
    assert server.last.headers["authorization"] == "Bearer ask_test"


def test_cookies_are_not_kept(client, server) -> None:
    server.respond = answer(headers={"Set-Cookie": "session=1; Path=/"})
    client.stream("a", CARD)
    client.stream("a", CARD)
    assert "cookie" not in server.last.headers


def test_a_connection_is_used_again(client, server) -> None:
    client.stream("a", CARD)
    client.stream("b", CARD)
    assert {request.connection for request in server.requests} == {1}


def test_threads_share_a_client(client, server) -> None:
    def echo(request, connection) -> None:
        answer({"success": True, "activity_id": request.path[-2:]})(request, connection)

    server.respond = echo
    answers: dict[int, Answer] = {}

    def call(number: int) -> None:
        answers[number] = client.stream(f"k{number:02}", CARD)

    threads = [threading.Thread(target=call, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {n: reply.activity_id for n, reply in answers.items()} == {
        n: f"{n:02}" for n in range(16)
    }


def test_another_transport_may_carry_the_calls() -> None:
    seen = []

    def handle(request: httpx.Request) -> httpx.Response:
        seen.append((request.method, str(request.url), json.loads(request.content)))
        return httpx.Response(200, json={"success": True, "operation": "started"})

    with Client("ask_test", transport=httpx.MockTransport(handle)) as client:
        assert client.stream("a", CARD).operation == "started"
    url = "https://activitysmith.com/api/live-activity/stream/a"
    assert seen == [("PUT", url, {"content_state": SENT})]


class Recorder(httpx.BaseTransport):
    """A transport around another, as a tracer's: it keeps what it sees, and adds a header."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner
        self.seen: list[Any] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.seen.append((request.method, request.url, request.headers.raw))
        request.headers["traceparent"] = "00-1-2-01"
        response = self._inner.handle_request(request)
        self.seen.append(response.status_code)
        return response

    def close(self) -> None:
        self._inner.close()
        self.seen.append("closed")


def test_a_transport_around_ours_sees_the_calls_and_not_the_key(server) -> None:
    made: list[Recorder] = []

    def wrap(inner: httpx.BaseTransport) -> Recorder:
        made.append(Recorder(inner))
        return made[-1]

    with Client("ask_canary", base_url=server.url, transport_wrapper=wrap) as client:
        assert client.stream("a_b-c", CARD).acknowledged
        assert server.last.json == {"content_state": SENT}
        assert client.end_stream("a_b-c").acknowledged
    [recorder] = made
    assert [request.connection for request in server.requests] == [1, 1]
    for request in server.requests:
        assert request.path == "/api/live-activity/stream/a_b-c"
        assert request.headers["authorization"] == "Bearer ask_canary"
        assert request.headers["traceparent"] == "00-1-2-01"
    assert [recorder.seen[n] for n in (1, 3, 4)] == [200, 200, "closed"]
    assert "canary" not in str(recorder.seen)


def test_the_client_needs_no_django() -> None:
    program = (
        "import sys; from django_liveactivity.client import Client; Client('ask_test');"
        "sys.exit(any(name.split('.')[0] == 'django' for name in sys.modules))"
    )
    environment = {k: v for k, v in os.environ.items() if k != "DJANGO_SETTINGS_MODULE"}
    subprocess.run([sys.executable, "-c", program], check=True, env=environment)
