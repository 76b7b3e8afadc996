"""Every fault over a real socket: what the caller sees, and what the vendor has done."""

from __future__ import annotations

import contextlib
import socket
import threading
import time

import httpx
import pytest

from django_liveactivity.sandbox import Sandbox
from django_liveactivity.sandbox.faults import KINDS

from .api import PROGRESS


def eventually(condition):
    """Wait for what another thread is about to do."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.fixture
def struck(run, call_as):
    """Show a card on a sandbox whose first DELETE meets a fault."""

    def prepare(kind, late_after=0.1, **options):
        sandbox = run(faults=f"DELETE:{kind}@1", **options)
        sandbox.late_after, sandbox.slow_interval = late_after, 0.001
        api = call_as(sandbox)
        api.put("order-42", PROGRESS)
        return sandbox, api

    return prepare


def is_applied(sandbox):
    return sandbox.phone()["empty"]


def last(sandbox):
    call = sandbox.calls()[-1]
    return call["fault"], call["status"], call["applied"]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404, 418, 422, 429, 499, 500, 503, 599])
def test_a_status_is_answered_in_the_vendors_words(struck, status):
    sandbox, api = struck(status)
    reply = api.http.delete("/live-activity/stream/order-42")

    assert reply.status_code == status
    assert {"error", "message"} <= set(reply.json())
    assert last(sandbox) == (str(status), status, False)
    assert not is_applied(sandbox)
    assert api.delete("order-42").status == 200


@pytest.mark.parametrize(
    ("status", "field"),
    [
        (400, "error"),
        (402, "upgrade_url"),
        (403, "error"),
        (404, "error"),
        (422, "effective_channel_slugs"),
        (429, "code"),
    ],
)
def test_a_declared_status_has_the_body_that_is_declared(run, call_as, status, field):
    # The caller judges every answer by the contract.
    reply = call_as(run(faults=f"PUT:{status}@1")).put("order-42", PROGRESS)

    assert reply.status == status
    assert field in reply.body


@pytest.mark.parametrize(("status", "header"), [(429, "9"), (503, "9"), (500, None)])
def test_a_status_that_asks_to_wait_says_how_long_if_chosen(struck, status, header):
    _, api = struck(status, retry_after=9)

    assert api.delete("order-42").headers.get("Retry-After") == header


@pytest.mark.parametrize(("kind", "applied"), [("reset", False), ("reset-after", True)])
def test_a_reset_is_seen_as_one(struck, kind, applied):
    sandbox, api = struck(kind)

    with pytest.raises(httpx.ReadError) as caught:
        api.delete("order-42")
    assert "reset" in str(caught.value)
    assert last(sandbox) == (kind, None, applied)
    assert is_applied(sandbox) is applied


def test_a_hanging_call_is_never_answered_nor_applied(struck):
    sandbox, api = struck("hang")

    with pytest.raises(httpx.ReadTimeout):
        api.call("DELETE", "/live-activity/stream/order-42", timeout=0.2)
    assert last(sandbox) == ("hang", None, False)
    assert not is_applied(sandbox)


def test_a_hanging_call_is_let_go_when_its_caller_is_gone(struck):
    _, api = struck("hang")
    threads = threading.active_count()
    with pytest.raises(httpx.ReadTimeout):
        api.call("DELETE", "/live-activity/stream/order-42", timeout=0.01)

    eventually(lambda: threading.active_count() < threads)


def test_a_late_call_is_applied_after_the_caller_gave_up(struck):
    sandbox, api = struck("late", late_after=0.3)

    with pytest.raises(httpx.ReadTimeout):
        api.call("DELETE", "/live-activity/stream/order-42", timeout=0.05)
    assert not is_applied(sandbox)
    eventually(lambda: is_applied(sandbox))
    assert last(sandbox) == ("late", None, True)


def test_a_slow_answer_comes_byte_by_byte(struck):
    sandbox, api = struck("slow")
    begun = time.monotonic()
    reply = api.delete("order-42")

    assert reply.status == 200
    assert time.monotonic() - begun > 0.2
    assert last(sandbox) == ("slow", 200, True)


def test_a_slow_answer_ends_with_the_sandbox(run, call_as):
    threads = threading.active_count()
    sandbox = run(faults="PUT:slow@1")
    sandbox.slow_interval = 60
    api = call_as(sandbox)
    failures = []

    def put():
        try:
            api.put("order-42", PROGRESS)
        except httpx.HTTPError as error:
            failures.append(error)

    thread = threading.Thread(target=put)
    thread.start()
    eventually(lambda: sandbox.calls() and sandbox.calls()[0]["status"])
    sandbox.close()
    thread.join(timeout=5)

    assert not thread.is_alive()
    assert len(failures) == 1
    eventually(lambda: threading.active_count() <= threads)


def test_a_page_is_answered_where_a_network_asks_to_log_in(struck):
    sandbox, api = struck("html")
    reply = api.http.delete("/live-activity/stream/order-42")

    assert reply.status_code == 200
    assert reply.headers["Content-Type"].startswith("text/html")
    assert reply.text.startswith("<!doctype html>")
    assert last(sandbox) == ("html", 200, False)
    assert not is_applied(sandbox)


def test_a_truncated_answer_breaks_off(struck):
    sandbox, api = struck("truncate")

    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete"):
        api.delete("order-42")
    assert last(sandbox) == ("truncate", 200, True)
    assert is_applied(sandbox)


@pytest.mark.parametrize("call", ["put", "delete", "update", "end"])
@pytest.mark.parametrize(("kind", "applied"), [("partial", True), ("ignored", False)])
def test_a_success_with_reservations_is_of_the_contracts_form(run, call_as, call, kind, applied):
    sandbox = run()
    api = call_as(sandbox)
    started = api.put("order-42", PROGRESS).body["activity_id"]
    sandbox.faults = f"*:{kind}@1"
    name = started if call in ("update", "end") else "order-42"
    reply = getattr(api, call)(name, {**PROGRESS, "percentage": 50})

    assert (reply.status, reply.body["success"]) == (200, True)
    assert ("errors" in reply.body, "ignored" in reply.body) == (kind == "partial", not applied)
    assert last(sandbox) == (kind, 200, applied)
    shown = {**sandbox.phone(), "empty": None}
    assert ("'percentage': 50" in str(shown)) is applied


def test_a_put_is_answered_as_if_the_user_had_paused_the_stream(run, call_as):
    sandbox = run(faults="PUT:paused@1")
    api = call_as(sandbox)
    reply = api.put("order-42", PROGRESS)

    assert (reply.body["operation"], reply.body["activity_id"]) == ("paused", None)
    assert last(sandbox) == ("paused", 200, False)
    assert api.put("order-42", PROGRESS).body["operation"] == "started"


@pytest.mark.parametrize("kind", [*sorted({*KINDS} - {"paused"}), "500"])
def test_the_next_call_is_served_as_ever(struck, kind):
    sandbox, api = struck(kind)
    with contextlib.suppress(httpx.TransportError):
        api.http.delete("/live-activity/stream/order-42", timeout=0.5)
    reply = api.delete("order-42")

    assert reply.status == 200
    assert reply.body["operation"] == "ended"
    assert sandbox.calls()[-1]["fault"] is None


def test_faults_can_be_changed_while_it_runs(api, sandbox):
    try:
        sandbox.faults = "PUT:500@1"
        assert [api.put("a", PROGRESS).status for _ in range(2)] == [500, 200]
        sandbox.faults = "PUT:503@1"
        assert [api.put("a", PROGRESS).status for _ in range(2)] == [503, 200]
        sandbox.reset()
        assert api.put("a", PROGRESS).status == 503
    finally:
        sandbox.faults = ""


def test_faults_are_for_the_api_only(run, call_as):
    sandbox = run(faults="*:reset@1+")

    assert call_as(sandbox).http.get(f"{sandbox.base}/phone.json").status_code == 200


def test_latency_delays_each_answer(run, call_as):
    api = call_as(run(latency=0.1))
    begun = time.monotonic()
    api.delete("a")
    api.delete("a")

    assert time.monotonic() - begun >= 0.2


def test_connections_end_with_the_sandbox(run):
    sandbox = run()
    host, port = sandbox.base.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(b"GET /phone.json HTTP/1.1\r\n\r\n")
        assert connection.recv(65536)
        sandbox.close()
        assert connection.recv(1) == b""


def test_a_connection_is_kept_for_the_next_call(sandbox):
    call = (
        b"DELETE /api/live-activity/stream/a HTTP/1.1\r\n"
        b"Host: localhost\r\nAuthorization: Bearer ask_test\r\n\r\n"
    )
    address = sandbox.base.removeprefix("http://").split(":")
    with socket.create_connection((address[0], int(address[1])), timeout=5) as connection:
        for _ in range(3):
            connection.sendall(call)
            assert connection.recv(65536).startswith(b"HTTP/1.1 404 Not Found\r\n")


@pytest.mark.parametrize("length", ["-1", "x", "1e3", "٣"])
def test_a_length_that_is_no_number_is_refused(run, length):
    host, port = run().base.removeprefix("http://").split(":")
    call = f"PUT /api/live-activity/start HTTP/1.1\r\nContent-Length: {length}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as connection:
        connection.sendall(call.encode())
        answer = connection.makefile("rb").read()

    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert b"Connection: close\r\n" in answer


@pytest.mark.parametrize(
    "garbage",
    [
        b"",
        b"\x16\x03\x01\x02\x00\x01",
        b"PUT /api/live-activity/stream/a HTTP/1.1\r\nContent-Length: 100\r\n\r\n{",
        b"PUT /api/live-activity/stream/a HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        b"DELETE /api/live-activity/stream/a HTTP/1.1\r\nHost: x\r\n\r\n" * 3,
    ],
    ids=lambda garbage: repr(garbage[:20]),
)
def test_clients_that_vanish_do_no_harm(capfd, garbage):
    with Sandbox() as sandbox:
        host, port = sandbox.base.removeprefix("http://").split(":")
        for _ in range(5):
            with socket.create_connection((host, int(port)), timeout=5) as connection:
                connection.sendall(garbage)
        assert httpx.get(f"{sandbox.base}/phone.json", trust_env=False).status_code == 200

    assert "Traceback" not in capfd.readouterr().err
