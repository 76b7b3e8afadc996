"""The API key is in the Authorization header and nowhere else."""

from __future__ import annotations

import copy
import dataclasses
import logging
import pickle
import signal
import socket
import threading
import traceback
from collections.abc import Iterator
from typing import Any, NoReturn

import httpx
import pytest

from django_liveactivity.client import Client
from django_liveactivity.client.answer import map_texts
from django_liveactivity.client.secret import Redaction, Secret
from django_liveactivity.client.transport import DeadlineBackend
from django_liveactivity.content import Progress
from django_liveactivity.exceptions import InvalidInputError
from tests.escapes import IN_JSON, IN_TEXT, shows

from .server import answer

# No six of its characters are hexadecimal digits alone: those an address in a repr may have.
CANARY = "ask_canary_k19w6zc9/24q2z+3g7x6t35==h4v26n1184"
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


def test_no_repr_shows_the_key(server) -> None:
    secret = Secret(lambda: CANARY)
    with Client(CANARY, base_url=server.url) as client:
        assert client.stream("a", CARD).acknowledged
        shown: list[Any] = [secret, client, vars(client), client._sender, vars(client._sender)]
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


def echo_in_json(key: str) -> bytes:
    template = '{"error": "no", "message": "bad KEY", "KEY": ["KEY", {"a": "KEY"}]}'
    return template.replace("KEY", key).encode()


def echo_in_html(key: str) -> bytes:
    return f"<html><body>What is {key}?</body></html>".encode()


def echo_in_utf_16(key: str) -> bytes:
    return f"What is {key}?".encode("utf-16")


def echo_in_utf_32(key: str) -> bytes:
    return f"What is {key}?".encode("utf-32-be")


def in_one_chunk(content: bytes) -> bytes:
    return b"%x\r\n%b\r\n0\r\n\r\n" % (len(content), content)


def byte_by_byte(content: bytes) -> bytes:
    return b"".join(b"1\r\n%c\r\n" % byte for byte in content) + b"0\r\n\r\n"


class Logged(logging.Handler):
    """Every message, whole."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.getMessage()} {record.args}\n"


@pytest.fixture
def all_told(server, caplog):
    """What a call leaves behind: the answer, and all that was logged."""
    caplog.set_level(logging.DEBUG)
    logged = Logged()
    logging.getLogger().addHandler(logged)

    def call(raw: bytes, status: int = 401) -> str:
        server.respond = lambda request, connection: connection.sendall(raw)
        with Client(CANARY, base_url=server.url) as client:
            reply = client.stream("a", CARD)
        assert server.last.headers["authorization"] == f"Bearer {CANARY}"
        assert reply.status in (status, None)
        reply = dataclasses.replace(
            reply, duration=0.0, address=""
        )  # digits, which may look like it
        return f"{reply!r}\n{reply.body}\n{reply.text}\n{reply.error}\n{logged.text}"

    yield call
    logging.getLogger().removeHandler(logged)


def head(*lines: str, status: str = "401 No") -> bytes:
    return "\r\n".join([f"HTTP/1.1 {status}", "Connection: close", *lines, "", ""]).encode()


CHUNKED = "Transfer-Encoding: chunked"


@pytest.mark.parametrize("chunked", [in_one_chunk, byte_by_byte])
@pytest.mark.parametrize("escape", IN_JSON.values(), ids=IN_JSON)
def test_an_echo_in_json_is_blotted_out(all_told, escape, chunked) -> None:
    told = all_told(head(CHUNKED) + chunked(echo_in_json(escape(CANARY))))
    assert not shows(told, CANARY)
    assert "bad [API key]" in told


@pytest.mark.parametrize("body", [echo_in_html, echo_in_utf_16, echo_in_utf_32])
@pytest.mark.parametrize("escape", IN_TEXT.values(), ids=IN_TEXT)
def test_an_echo_in_a_page_is_blotted_out(all_told, escape, body) -> None:
    told = all_told(head(CHUNKED) + byte_by_byte(body(escape(CANARY))))
    assert not shows(told, CANARY)


ELSEWHERE = {
    "reason phrase": lambda key: head("Content-Length: 0", status=f"401 bad {key}"),
    "header": lambda key: head("Content-Length: 0", f"X-Echo: Bearer {key}"),
    "retry-after": lambda key: head("Content-Length: 0", f"Retry-After: {key}"),
    "location": lambda key: head("Content-Length: 0", f"Location: /?{key}", status="302 Found"),
    "header name": lambda key: head("Content-Length: 0", f"Bad {key}: x"),
    "encoding": lambda key: head("Content-Length: 0", f"Content-Encoding: {key}"),
    "status line": lambda key: f"HTTP/1.1 4O1 {key}\r\n\r\n".encode(),
    "no status line": lambda key: f"{key}\r\n\r\n".encode(),
    "chunk header": lambda key: head(CHUNKED) + f"{key}\r\n".encode(),
    "content length": lambda key: head(f"Content-Length: {key}"),
}


@pytest.mark.parametrize("place", ELSEWHERE.values(), ids=ELSEWHERE)
@pytest.mark.parametrize("escape", IN_TEXT.values(), ids=IN_TEXT)
def test_an_echo_outside_the_body_is_blotted_out(all_told, escape, place) -> None:
    status = 302 if place is ELSEWHERE["location"] else 401
    assert not shows(all_told(place(escape(CANARY)), status), CANARY)


@pytest.mark.parametrize("limit", [4 * 1024, 64 * 1024])
@pytest.mark.parametrize(
    "escape", [IN_TEXT[name] for name in ("plain", "json in json", "all upper")]
)
def test_a_cut_shows_no_part_of_the_key(all_told, escape, limit) -> None:
    echo = escape(CANARY)
    for missing in range(0, len(echo), max(1, len(echo) // 8)):
        before = "x" * (limit - len(echo) + missing)
        content = f"{before}{echo}{'y' * 90_000}".encode()
        assert not shows(all_told(head() + content), CANARY)


def test_a_cut_after_many_echoes_shows_no_part_of_the_key(all_told) -> None:
    """So many that the 64 KiB which were read become less than the 4 KiB which are kept."""
    echo = r"\u0041" + IN_TEXT["all upper"](CANARY)
    for shift in range(0, len(echo), 31):
        content = ("x" * shift + echo * 1_000).encode()
        told = all_told(head() + content)
        assert "[API key]" in told
        assert not shows(told, CANARY)


def test_an_echoed_key_is_replaced_by_a_word(server) -> None:
    server.respond = answer({"error": "Unauthorized", "message": f"bad Bearer {CANARY}"}, 401)
    with Client(CANARY, base_url=server.url) as client:
        assert client.stream("a", CARD).body["message"] == "bad Bearer [API key]"


def test_an_answer_without_the_key_is_as_it_came(server) -> None:
    body = {
        "success": True,
        "message": r"C:\\n %41 &#65; \u0041 \/",
        "a": CANARY[:-1],
    }
    server.respond = answer(body, headers={"X-Echo": "a/b"})
    with Client(CANARY, base_url=server.url) as client:
        assert client.stream("a", CARD).body == body


class ReportingTransport(httpx.BaseTransport):
    """A transport around the client's own that reports errors, as a tracer's does."""

    def __init__(self, inner: httpx.BaseTransport, added: dict[str, str]) -> None:
        self._inner, self._added = inner, added
        self.reported: list[str] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers.update(self._added)
        try:
            return self._inner.handle_request(request)
        except Exception as error:
            self.reported.extend(everything_shown_of(error))
            raise

    def close(self) -> None:
        self._inner.close()


@pytest.mark.parametrize("added", [{}, {"X-Broken": "a\nb"}], ids=["reset", "no header"])
def test_a_transport_around_ours_reports_errors_without_the_key(server, added) -> None:
    made: list[ReportingTransport] = []

    def wrap(inner: httpx.BaseTransport) -> ReportingTransport:
        made.append(ReportingTransport(inner, added))
        return made[-1]

    server.respond = lambda request, connection: connection.shutdown(socket.SHUT_RDWR)
    with Client(CANARY, base_url=server.url, transport_wrapper=wrap) as client:
        assert client.stream("a", CARD).outcome == "ambiguous"
    [transport] = made
    assert transport.reported
    assert not [shown for shown in transport.reported if CANARY in shown]


class QuotingTransport(httpx.BaseTransport):
    """A transport of a host, with an error of its own."""

    def handle_request(self, request: httpx.Request) -> NoReturn:
        raise ValueError(f"What is {request.headers['authorization']}?")


def test_an_unexpected_error_that_quotes_the_key_is_told_without_it() -> None:
    with Client(CANARY, transport=QuotingTransport()) as client:
        with pytest.raises(RuntimeError, match=r"ValueError.*What is Bearer \[API key\]") as caught:
            client.stream("a", CARD)
    assert caught.value.__context__ is None
    assert not [shown for shown in everything_shown_of(caught.value) if CANARY in shown]


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
    with Client(CANARY, base_url=server.url, transport=backend) as client:
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


def test_no_part_of_a_json_object_keeps_the_key() -> None:
    secret, escaped = Secret(lambda: CANARY), IN_TEXT["json in json"](CANARY)
    given = {"a": [CANARY, {f"x {escaped}": [CANARY]}], CANARY: 1, "b": None}
    hidden = {"a": ["[API key]", {"x [API key]": ["[API key]"]}], "[API key]": 1, "b": None}
    assert map_texts(given, Redaction(secret).redact_text) == hidden
