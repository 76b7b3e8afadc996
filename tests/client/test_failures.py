"""What can go wrong on the network, over real sockets: nothing is raised, and every call ends."""

from __future__ import annotations

import gzip
import json
import socket
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from django_liveactivity.client import Call, Client, Outcome
from django_liveactivity.client.deadline import deadline_at
from django_liveactivity.client.transport import DeadlineBackend
from django_liveactivity.content import Progress
from django_liveactivity.content.endpoints import Endpoint

from .server import Request, Server, answer, silent

CARD = Progress(title="Order 42", percentage=40)
DEADLINE = 0.3
"""Seconds; generous limits around it, as a busy machine is slow."""


class Around(httpx.BaseTransport):
    """A transport of the host's around the client's own, as a tracer's."""

    def __init__(self, inner: httpx.BaseTransport) -> None:
        self._inner = inner

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return self._inner.handle_request(request)

    def close(self) -> None:
        self._inner.close()


@pytest.fixture(params=[None, Around], ids=["bare", "wrapped"])
def options(request: pytest.FixtureRequest, server: Server) -> dict[str, Any]:
    return {"base_url": server.url, "transport_wrapper": request.param}


@pytest.fixture
def client(options: dict[str, Any]) -> Iterator[Client]:
    with Client("ask_test", deadline=5, **options) as client:
        yield client


@pytest.fixture
def hurried(options: dict[str, Any]) -> Iterator[Client]:
    with Client("ask_test", deadline=DEADLINE, **options) as client:
        yield client


@contextmanager
def ends_at_the_deadline() -> Iterator[None]:
    started = time.monotonic()
    yield
    assert 0.8 * DEADLINE < time.monotonic() - started < 3


def dribble(data: bytes, then: bytes = b"") -> Callable[[Request, socket.socket], None]:
    """Send one byte every 20 ms, so that no single read is ever late; *then* repeats for ever."""

    def respond(request: Request, connection: socket.socket) -> None:
        pause = threading.Event()
        for byte in data:
            connection.sendall(bytes([byte]))
            pause.wait(0.02)
        while then:
            connection.sendall(then)
            pause.wait(0.02)

    return respond


class NameService(DeadlineBackend):
    """Connections to the addresses that a test gives."""

    def __init__(self, addresses: Callable[[], list[str]]) -> None:
        super().__init__()
        self._found = addresses

    def look_up(self, host: str, port: int) -> list[str]:
        return self._found()


def look_up_with(addresses: Callable[[], list[str]], **options: Any) -> Client:
    given = {"base_url": "https://activitysmith.test", **options}
    return Client("ask_test", transport=NameService(addresses), **given)


def test_a_refused_connection_means_not_sent(options) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    options |= {"base_url": f"http://127.0.0.1:{port}"}
    with Client("ask_test", **options) as client:
        reply = client.stream("a", CARD)
    assert reply.outcome is Outcome.NOT_SENT
    assert (reply.status, reply.body, reply.text) == (None, None, "")
    assert "refused" in reply.error


@pytest.mark.parametrize("error", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_an_unknown_name_means_not_sent(error) -> None:
    def fail() -> list[str]:
        raise error

    with look_up_with(fail) as client:
        reply = client.end_stream("a")
    assert reply.outcome is Outcome.NOT_SENT
    assert str(error) in reply.error


def test_a_name_without_addresses_means_not_sent() -> None:
    with look_up_with(list) as client:
        assert client.stream("a", CARD).outcome is Outcome.NOT_SENT


def test_a_name_service_that_hangs_means_not_sent_at_the_deadline() -> None:
    release = threading.Event()

    def hang() -> list[str]:
        release.wait(30)
        return []

    with look_up_with(hang, deadline=DEADLINE) as client, ends_at_the_deadline():
        assert client.stream("a", CARD).outcome is Outcome.NOT_SENT
    release.set()


def test_a_call_whose_time_is_over_is_not_begun(server, client) -> None:
    with deadline_at(time.monotonic()):
        assert client.stream("a", CARD).outcome is Outcome.NOT_SENT
    client.stream("a", CARD)
    with deadline_at(time.monotonic()):  # nor on a connection that is open
        assert client.stream("a", CARD).outcome is Outcome.NOT_SENT
    assert len(server.requests) == 1


def test_a_call_ends_when_its_caller_has_no_more_time(server, client) -> None:
    release = threading.Event()
    server.respond = lambda request, connection: release.wait(30)
    with ends_at_the_deadline(), deadline_at(time.monotonic() + DEADLINE):
        assert client.stream("a", CARD).outcome is Outcome.AMBIGUOUS
    release.set()


def test_a_caller_with_more_time_does_not_lengthen_a_call(server, hurried) -> None:
    release = threading.Event()
    server.respond = lambda request, connection: release.wait(30)
    with ends_at_the_deadline(), deadline_at(time.monotonic() + 60):
        assert hurried.stream("a", CARD).outcome is Outcome.AMBIGUOUS
    release.set()


def test_connecting_has_its_own_shorter_timeout() -> None:
    release = threading.Event()

    def hang() -> list[str]:
        release.wait(30)
        return []

    with look_up_with(hang, connect_timeout=DEADLINE) as client, ends_at_the_deadline():
        assert client.stream("a", CARD).outcome is Outcome.NOT_SENT
    release.set()


def test_the_next_address_is_tried_when_one_refuses(server) -> None:
    url = server.url.replace("127.0.0.1", "localhost")
    with look_up_with(lambda: ["127.0.0.77", "127.0.0.1"], base_url=url) as client:
        assert client.stream("a", CARD).outcome is Outcome.DELIVERED


@pytest.mark.parametrize("count", [1, 6])
def test_the_next_address_is_tried_when_one_is_silent(server, count) -> None:
    addresses = [f"127.0.0.{number}" for number in range(77, 77 + count)]
    url = server.url.replace("127.0.0.1", "localhost")
    with (
        silent(addresses, server.port),
        look_up_with(lambda: [*addresses, "127.0.0.1"], base_url=url, connect_timeout=2) as client,
    ):
        assert client.stream("a", CARD).outcome is Outcome.DELIVERED


def test_a_tls_handshake_that_hangs_means_not_sent() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        with (
            Client("ask_test", base_url=url, deadline=DEADLINE) as client,
            ends_at_the_deadline(),
        ):
            assert client.stream("a", CARD).outcome is Outcome.NOT_SENT


def test_a_server_that_never_answers_is_ambiguous(hurried, server) -> None:
    server.respond = lambda request, connection: None
    with ends_at_the_deadline():
        reply = hurried.stream("a", CARD)
    assert reply.outcome is Outcome.AMBIGUOUS
    assert reply.duration >= 0.8 * DEADLINE
    assert "ReadTimeout" in reply.error


def test_a_server_that_never_reads_is_ambiguous() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        large = Call(Endpoint.STREAM, "a", {"x": "y" * 20_000_000})
        with (
            Client("ask_test", base_url=url, deadline=DEADLINE) as client,
            ends_at_the_deadline(),
        ):
            assert client.send(large).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize(
    "respond",
    [
        dribble(b"HTTP/1.1 200 OK\r\n", then=b"x"),
        dribble(b"HTTP/1.1 200 OK\r\nX: ", then=b"y"),
        dribble(b"", then=b"HTTP/1.1 100 Continue\r\n\r\n"),
        dribble(b"", then=b"H"),
    ],
    ids=["header name", "header value", "endless 1xx", "status line"],
)
def test_a_header_that_dribbles_ends_at_the_deadline(hurried, server, respond) -> None:
    server.respond = respond
    with ends_at_the_deadline():
        assert hurried.stream("a", CARD).outcome is Outcome.AMBIGUOUS


def test_a_body_that_dribbles_ends_at_the_deadline(hurried, server) -> None:
    def respond(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n")
        dribble(b"", then=b" ")(request, connection)

    server.respond = respond
    with ends_at_the_deadline():
        assert hurried.end_stream("a").outcome is Outcome.AMBIGUOUS


def test_a_deadline_that_has_passed_leaves_the_client_usable(hurried, server) -> None:
    server.respond = lambda request, connection: None
    hurried.stream("a", CARD)
    server.respond = answer()
    assert hurried.stream("a", CARD).outcome is Outcome.DELIVERED


def test_an_endless_body_is_left_after_64_kib(client, server) -> None:
    sent = []

    def respond(request: Request, connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(b" " * 100_000)
            sent.append(100_000)

    server.respond = respond
    reply = client.stream("a", CARD)
    assert reply.outcome is Outcome.AMBIGUOUS
    assert len(reply.text.encode()) <= 4096
    assert sum(sent) < 50_000_000  # what the sockets' buffers took, not the body


@pytest.mark.parametrize(
    ("size", "outcome"), [(65_536, Outcome.DELIVERED), (65_537, Outcome.AMBIGUOUS)]
)
def test_64_kib_are_the_limit_to_the_byte(client, server, size, outcome) -> None:
    body = b'{"success": true, "x": "%s"}'
    server.respond = answer(raw=body % (b"y" * (size - len(body) + 2)))
    assert client.stream("a", CARD).outcome is outcome


def test_a_connection_reset_after_sending_is_ambiguous(client, server) -> None:
    def respond(request: Request, connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        raise OSError("hang up")

    server.respond = respond
    assert client.end_stream("a").outcome is Outcome.AMBIGUOUS


def test_a_connection_closed_without_an_answer_is_ambiguous(client, server) -> None:
    server.respond = lambda request, connection: server.hang_up(connection)
    assert client.stream("a", CARD).outcome is Outcome.AMBIGUOUS
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "raw",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 900\r\n\r\n" + json.dumps({"success": True}).encode(),
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 two OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX" + b"x" * 200_000 + b"\r\n\r\n",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b"\x00\xff\x16\x03\x01",
    ],
    ids=["truncated", "bad chunk", "bad status", "huge header", "ssh", "binary"],
)
def test_an_answer_that_is_no_http_is_ambiguous(client, server, raw) -> None:
    def respond(request: Request, connection: socket.socket) -> None:
        connection.sendall(raw)
        server.hang_up(connection)

    server.respond = respond
    reply = client.stream("a", CARD)
    assert reply.outcome is Outcome.AMBIGUOUS
    assert reply.error


def test_a_compressed_answer_is_not_unpacked(client, server) -> None:
    bomb = gzip.compress(b'{"success": true}' + b" " * 5_000_000)
    server.respond = answer(raw=bomb, headers={"Content-Encoding": "gzip"})
    assert client.stream("a", CARD).outcome is Outcome.AMBIGUOUS


@pytest.mark.parametrize("coding", ["Identity", "IDENTITY", " identity ", "identity, identity", ""])
def test_an_answer_that_says_it_is_plain_is_read(client, server, coding) -> None:
    server.respond = answer(headers={"Content-Encoding": coding})
    assert client.stream("a", CARD).outcome is Outcome.DELIVERED


def test_a_connection_closed_while_idle_is_not_used_again(client, server) -> None:
    def respond(request: Request, connection: socket.socket) -> None:
        answer()(request, connection)
        server.hang_up(connection)
        closed.set()

    closed = threading.Event()
    server.respond = respond
    for _ in range(3):
        assert client.stream("a", CARD).outcome is Outcome.DELIVERED
        assert closed.wait(5)
        closed.clear()
    assert {request.connection for request in server.requests} == {1, 2, 3}


@pytest.mark.parametrize("status", [500, 502, 503, 429])
def test_nothing_is_repeated_on_the_wire(client, server, status) -> None:
    server.respond = answer({"error": "x", "message": "y"}, status, {"Retry-After": "7"})
    reply = client.end_stream("a")
    assert (reply.status, reply.retry_after) == (status, 7)
    assert len(server.requests) == 1


def test_the_vendors_refusal_arrives_whole(client, server) -> None:
    body = {"error": "Live Activity limit reached", "message": "Only 4", "limit": 4, "active": 4}
    server.respond = answer(body, 429)
    reply = client.start(CARD)
    assert reply.outcome is Outcome.LIMIT_REACHED
    assert reply.body == body
    assert reply.error == "HTTP 429: Live Activity limit reached: Only 4"


def test_a_closed_client_says_so(client) -> None:
    client.close()
    with pytest.raises(RuntimeError, match="closed"):
        client.stream("a", CARD)
