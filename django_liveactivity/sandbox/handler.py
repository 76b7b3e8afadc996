"""HTTP: reads requests from a connection, and answers them well or, where asked to, badly."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import TYPE_CHECKING, Any, Protocol

from . import wire
from .answers import Answer, refusal
from .routes import is_api
from .vendor import MALFORMED

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Mapping

    from .listener import Listener
    from .record import Received

BODY_LIMIT = 1024 * 1024
_POLL = 0.05


class Desk(Protocol):
    """What stands behind the connections."""

    closing: threading.Event
    latency: float
    late_after: float
    slow_interval: float

    def receive(self, method: str, path: str, headers: Mapping[str, str], body: object) -> Received:
        """Record a call of the API, and the fault that it meets."""

    def process(self, received: Received, headers: Mapping[str, str], body: object) -> Answer:
        """Return the vendor's answer to a recorded call, or the status that its fault is."""

    def report(self, received: Received) -> None:
        """Tell of a call that has been dealt with, answered or not."""

    def control(self, method: str, path: str) -> Answer:
        """Answer a request that is not for the API."""


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Listener

    @property
    def desk(self) -> Desk:
        """What stands behind the connection."""
        return self.server.desk

    def log_message(self, *args: object) -> None:
        """Print nothing: the desk tells of calls."""

    def dispatch(self) -> None:
        """Answer one request."""
        raw = self._read_body()
        if isinstance(raw, Answer):
            self.close_connection = True  # the rest of the body is never read
        if is_api(self.path):
            self._call(raw)
        else:
            self._send(self.desk.control(self.command, self.path))

    # The names that http.server calls.
    do_GET = do_PUT = do_POST = do_DELETE = do_PATCH = dispatch  # noqa: N815

    def _call(self, raw: bytes | Answer) -> None:
        body = None if isinstance(raw, Answer) else _parsed(raw)
        received = self.desk.receive(self.command, self.path, self._headers(), body)
        try:
            if isinstance(raw, Answer):
                self._send(received.answered(raw))
            else:
                _BEHAVIOURS.get(received.fault, Handler._answer)(self, received, body)
        finally:
            self.desk.report(received)

    def _headers(self) -> dict[str, str]:
        return {name.lower(): value for name, value in self.headers.items()}

    def _read_body(self) -> bytes | Answer:
        if "Transfer-Encoding" in self.headers:
            return refusal(411, "Length required", "Send the body with a Content-Length")
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            return refusal(400, "Bad request", "Content-Length must be a number")
        if len(length) > 9 or int(length) > BODY_LIMIT:
            return refusal(413, "Payload too large", "The body may have at most 1 MiB")
        return self.rfile.read(int(length))

    def _send(self, answer: Answer) -> None:
        self.wfile.write(wire.render_json(answer, keep_alive=not self.close_connection))

    def _process(self, received: Received, body: object) -> Answer:
        return self.desk.process(received, self._headers(), body)

    def _prepare(self, received: Received, body: object) -> Answer:
        """Return the answer, recorded and due to be sent now."""
        answer = self._process(received, body)
        self.desk.closing.wait(self.desk.latency)
        return received.answered(answer)

    def _answer(self, received: Received, body: object) -> None:
        self._send(self._prepare(received, body))

    def _hang(self, *_: object) -> None:
        self.close_connection = True
        while not self.desk.closing.wait(_POLL) and not wire.has_vanished(self.connection):
            pass

    def _reset(self, *_: object) -> None:
        self.close_connection = True
        wire.reset(self.connection)

    def _reset_after(self, received: Received, body: object) -> None:
        self._process(received, body)
        self._reset()

    def _late(self, received: Received, body: object) -> None:
        if not self.desk.closing.wait(self.desk.late_after):
            self._process(received, body)
        self._hang()

    def _slow(self, received: Received, body: object) -> None:
        for byte in wire.render_json(self._prepare(received, body)):
            self.wfile.write(bytes([byte]))
            if self.desk.closing.wait(self.desk.slow_interval):
                break

    def _html(self, received: Received, *_: object) -> None:
        received.answered(Answer(200, {}, wire.HTML_PAGE))
        self.wfile.write(wire.render_html())

    def _truncate(self, received: Received, body: object) -> None:
        self.close_connection = True
        self.wfile.write(wire.truncate(wire.render_json(self._prepare(received, body))))


_BEHAVIOURS: dict[str | None, Callable[[Handler, Received, Any], None]] = {
    "hang": Handler._hang,
    "reset": Handler._reset,
    "reset-after": Handler._reset_after,
    "late": Handler._late,
    "slow": Handler._slow,
    "html": Handler._html,
    "truncate": Handler._truncate,
}


def _parsed(raw: bytes) -> object:
    if not raw:
        return None
    try:
        return wire.parse_json(raw)
    except ValueError:
        return MALFORMED
