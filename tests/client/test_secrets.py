"""The API key is in the Authorization header and nowhere else."""

from __future__ import annotations

import copy
import logging
import pickle
import signal
import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

import pytest

from django_liveactivity.client import Client
from django_liveactivity.client.deadline import DeadlineBackend
from django_liveactivity.client.secret import BearerAuth, Secret
from django_liveactivity.client.transport import DeadlineTransport
from django_liveactivity.content import Progress
from django_liveactivity.exceptions import InvalidInputError
from tests.client.server import Request, answer

CANARY = "ask_canary_b1946ac92492d2347c6235b4d2611184"
CARD = Progress(title="Order 42", percentage=40)


class TimeLimitExceeded(Exception):
    """What Celery raises in the middle of anything."""


def everything_shown_of(error: BaseException | None) -> Iterator[str]:
    """What an error page, a log or an error tracker shows of an exception, except this module."""
    while error is not None:
        yield "".join(traceback.format_exception(error))
        for frame, _ in traceback.walk_tb(error.__traceback__):
            if frame.f_code.co_filename != __file__:
                yield from (f"{name} = {value!r}" for name, value in frame.f_locals.items())
        error = error.__cause__ or error.__context__


@pytest.mark.parametrize("given", [CANARY, f"{CANARY}\n", f" \t{CANARY}\r\n"])
def test_whitespace_around_the_key_is_ignored(server, given) -> None:
    with Client(given, base_url=server.url) as client:
        assert client.stream("a", CARD).acknowledged
    assert server.last.headers["authorization"] == f"Bearer {CANARY}"


BAD_KEYS = [
    "",
    " \n",
    None,
    5,
    CANARY.encode(),
    f"{CANARY} x",
    f"{CANARY}\nX: y",
    f"{CANARY}\0",
    f"{CANARY}ä",
    f"\u200b{CANARY}",
]


@pytest.mark.parametrize("given", BAD_KEYS)
def test_what_cannot_be_a_key_is_refused_without_showing_it(given) -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client(given)
    assert [error.path for error in caught.value.errors] == ["api_key"]
    assert not [shown for shown in everything_shown_of(caught.value) if CANARY in shown]


def test_another_bad_argument_does_not_show_the_key() -> None:
    with pytest.raises(InvalidInputError) as caught:
        Client(CANARY, base_url="http://example.com")
    assert not [shown for shown in everything_shown_of(caught.value) if CANARY in shown]


def test_no_repr_shows_the_key() -> None:
    secret = Secret(lambda: CANARY)
    with Client(CANARY) as client:
        shown: list[Any] = [secret, BearerAuth(secret), client, vars(client), client._http]
        shown += [vars(client._http), vars(client._http.auth)]
        assert CANARY not in "".join(map(repr, shown))
    assert CANARY not in str(secret)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.deepcopy])
def test_the_key_cannot_be_pickled_into_a_queue(copied) -> None:
    with pytest.raises(TypeError, match="pickled"):
        copied(Secret(lambda: CANARY))


def test_logs_at_debug_do_not_show_the_key(server, caplog) -> None:
    caplog.set_level(logging.DEBUG)
    with Client(f"{CANARY}\n", base_url=server.url, deadline=0.3) as client:
        client.stream("a", CARD)
        server.respond = answer({"error": "x", "message": "y"}, 401)
        client.end_stream("a")
        server.respond = lambda request, connection: None
        client.stream("a", CARD)
    assert "httpcore" in {record.name.split(".")[0] for record in caplog.records}
    assert CANARY not in caplog.text


def echo_in_json(request: Request, connection: socket.socket) -> None:
    body = {"error": "Unauthorized", "message": f"bad {request.headers['authorization']}"}
    answer(body, 401)(request, connection)


def echo_as_noise(request: Request, connection: socket.socket) -> None:
    connection.sendall(f"HTTP/1.1 200 OK\r\n{request.headers['authorization']}\r\n\r\n".encode())


@pytest.mark.parametrize("respond", [echo_in_json, echo_as_noise])
def test_a_key_that_the_answer_echoes_is_blotted_out(server, respond) -> None:
    server.respond = respond
    with Client(CANARY, base_url=server.url) as client:
        reply = client.stream("a", CARD)
    assert not reply.acknowledged
    assert CANARY not in repr(reply)


def test_an_echoed_key_is_replaced_by_a_word(server) -> None:
    server.respond = echo_in_json
    with Client(CANARY, base_url=server.url) as client:
        assert client.stream("a", CARD).body["message"] == "bad Bearer [API key]"


class InterruptedBackend(DeadlineBackend):
    """A time limit that strikes while the header is written."""

    def connect_tcp(self, *args: Any, **kwargs: Any) -> Any:
        self.stream = super().connect_tcp(*args, **kwargs)
        self.stream.write = self.write
        return self.stream

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.written = buffer
        try:
            {}[buffer]
        except KeyError:
            interrupt()


def interrupt(*_: Any) -> NoReturn:
    raise TimeLimitExceeded


def test_an_exception_from_outside_shows_no_frame_that_holds_the_key(server) -> None:
    backend = InterruptedBackend()
    with Client(CANARY, base_url=server.url, transport=DeadlineTransport(backend)) as client:
        with pytest.raises(TimeLimitExceeded) as caught:
            client.stream("a", CARD)
        shown = list(everything_shown_of(caught.value))
    assert CANARY.encode() in backend.written
    assert not [text for text in shown if CANARY in text]
    assert any("call = Call(" in text for text in shown)


def test_a_signal_interrupts_a_call_and_shows_no_key(server) -> None:
    asked = threading.Event()
    server.respond = lambda request, connection: asked.set()

    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        with Client(CANARY, base_url=server.url) as client:
            signal.setitimer(signal.ITIMER_REAL, 0.2)
            with pytest.raises(TimeLimitExceeded) as caught:
                client.stream("a", CARD)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert asked.is_set()
    assert not [text for text in everything_shown_of(caught.value) if CANARY in text]
