"""The HTTP server: the listening socket, a thread for each connection, requests in, replies out.

Web pages that a developer has open elsewhere can reach a server on loopback. So a request must
name this machine in ``Host`` (a foreign name may have been pointed here: DNS rebinding), and what
another site's page sends is refused: by ``Sec-Fetch-Site``, or by ``Origin`` where a browser
sends no such header. What is no browser, such as curl or a client of the API, sends neither.
"""

import contextlib
import json
import math
import socket
import sys
import threading
from collections.abc import Mapping
from http.client import responses
from http.server import BaseHTTPRequestHandler
from ipaddress import ip_address
from socketserver import ThreadingTCPServer
from typing import Any, NamedTuple, Protocol
from urllib.parse import parse_qsl, urlsplit

from .calls import MALFORMED, ApiRequest, CallRecord, Reply, is_api, refused
from .contract import RefusedCallError

BODY_LIMIT = 1024 * 1024
_DEEPEST = 100
_SAFE_METHODS = ("GET", "HEAD")


class WebRequest(NamedTuple):
    """A request of a browser or curl that is not for the API.

    Args:
        method: of HTTP; ``GET`` for a ``HEAD`` too.
        path: the request's target.
        wants_html: whether it is a browser's that asks for a page.
        form: the fields of the form that was sent.
    """

    method: str
    path: str
    wants_html: bool = False
    form: Mapping[str, str] = {}


class VendorServer(Protocol):
    """Answers the requests that arrive."""

    closing: threading.Event
    allow_remote: bool
    latency: float
    late_after: float
    slow_interval: float

    def receive(self, request: ApiRequest) -> CallRecord:
        """Record a call of the API, and the fault that it meets."""

    def process(self, record: CallRecord, request: ApiRequest) -> Reply:
        """Return the vendor's reply to a recorded call, or that of its fault."""

    def report(self, record: CallRecord) -> None:
        """Print a call that has been dealt with, answered or not."""

    def reject(self, method: str, path: str, why: str) -> None:
        """Print a request that another site's page may have made."""

    def control(self, request: WebRequest) -> Reply:
        """Answer a request that is not for the API."""


class HttpServer(ThreadingTCPServer):
    """Serves the connections of one address, and leaves none open at the end.

    ``ThreadingHTTPServer`` would look up the host's full name first, which may take seconds.

    Args:
        address: host and port; port 0 lets the system choose one.
        handler: serves one connection.
        vendor_server: answers the requests.
    """

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, address: tuple[str, int], handler: type["HttpHandler"], vendor_server: VendorServer
    ) -> None:
        self.vendor_server = vendor_server
        self._connections: set[socket.socket] = set()
        self.address_family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: object) -> None:
        """Serve a connection, and remember it while it is open."""
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self._connections.discard(request)
        super().shutdown_request(request)

    def shutdown(self) -> None:
        """Stop serving at once, without waiting for the poll interval."""
        with contextlib.suppress(OSError):  # only Linux wakes a listening socket this way
            self.socket.shutdown(socket.SHUT_RDWR)
        super().shutdown()

    def server_close(self) -> None:
        """Stop listening, and end the connections that are still open."""
        super().server_close()
        for connection in tuple(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: object) -> None:
        """Report an error, unless it is a client that went away."""
        if not isinstance(sys.exception(), OSError):
            super().handle_error(request, client_address)


class HttpHandler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: HttpServer

    @property
    def vendor_server(self) -> VendorServer:
        """The server of the vendor's API, which answers the requests."""
        return self.server.vendor_server

    def log_message(self, *args: object) -> None:
        """Print nothing: ``VendorServer.report`` does."""

    def dispatch(self) -> None:
        """Answer one request."""
        body = b""
        refusal: Reply | None = None
        headers = {name.lower(): value for name, value in self.headers.items()}
        try:
            body = self._read_body()
        except RefusedCallError as error:
            refusal = refused(error)
            self.close_connection = True  # the rest of the body is never read
        why = why_rejected(self.command, headers, allow_remote=self.vendor_server.allow_remote)
        if why:
            self.vendor_server.reject(self.command, self.path, why)
            self.send(Reply(403, {}, {"message": why}))
        elif is_api(self.path):
            self._answer_api(ApiRequest(self.command, self.path, headers, _json(body)), refusal)
        else:
            self.send(self.vendor_server.control(self._web_request(headers, body)))

    # The names that http.server calls.
    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = do_PATCH = do_OPTIONS = dispatch  # noqa: N815

    def answer(self, record: CallRecord, request: ApiRequest) -> None:
        """Answer a recorded call of the API."""
        self.send(self.prepare(record, request))

    def prepare(self, record: CallRecord, request: ApiRequest) -> Reply:
        """Return the reply, recorded and due to be sent now."""
        reply = self.vendor_server.process(record, request)
        self.vendor_server.closing.wait(self.vendor_server.latency)
        return record.replied(reply)

    def send(self, reply: Reply) -> None:
        """Send a reply, and say if it is the last one on this connection."""
        if self.close_connection:
            reply = reply._replace(headers={**reply.headers, "Connection": "close"})
        response = render_json(reply)
        if self.command == "HEAD":
            response = response[: response.index(b"\r\n\r\n") + 4]
        self.wfile.write(response)

    def _answer_api(self, request: ApiRequest, refusal: Reply | None) -> None:
        record = self.vendor_server.receive(request)
        try:
            if refusal is None:
                self.answer(record, request)
            else:
                self.send(record.replied(refusal))
        finally:
            self.vendor_server.report(record)

    def _web_request(self, headers: Mapping[str, str], body: bytes) -> WebRequest:
        method = "GET" if self.command == "HEAD" else self.command
        form = dict(parse_qsl(body.decode(errors="replace"), keep_blank_values=True))
        return WebRequest(method, self.path, "text/html" in headers.get("accept", ""), form)

    def _read_body(self) -> bytes:
        if "Transfer-Encoding" in self.headers:
            message = "Send the body with a Content-Length"
            raise RefusedCallError(411, "Length required", message)
        length = self.headers.get("Content-Length", "0")
        if not (length.isascii() and length.isdigit()):
            raise RefusedCallError(400, "Bad request", "Content-Length must be a number")
        if len(length) > 9 or int(length) > BODY_LIMIT:
            raise RefusedCallError(413, "Payload too large", "The body may have at most 1 MiB")
        return self.rfile.read(int(length))


def is_loopback(host: str) -> bool:
    """Whether this name or address, as in a ``Host`` header, means this machine by itself."""
    name = ""
    with contextlib.suppress(ValueError):  # neither a name nor an address
        name = urlsplit(f"//{host}").hostname or ""
        return ip_address(name).is_loopback
    return name == "localhost" or name.endswith(".localhost")


def why_rejected(method: str, headers: Mapping[str, str], *, allow_remote: bool) -> str:
    """Return why this is taken for the request of another site's page, empty if it is not.

    Args:
        method: of HTTP.
        headers: by their names in lower case.
        allow_remote: whether any ``Host`` will do.
    """
    host = headers.get("host", "")
    if host and not allow_remote and not is_loopback(host):
        return f"The sandbox answers to localhost, not to {host}, unless it has --allow-remote."
    if method not in _SAFE_METHODS and _is_cross_site(headers, host):
        return "A page of another site sent this."
    return ""


def _is_cross_site(headers: Mapping[str, str], host: str) -> bool:
    fetched_by = headers.get("sec-fetch-site")
    if fetched_by is not None:
        return fetched_by not in ("same-origin", "none")
    origin = headers.get("origin")
    return origin is not None and origin.partition("://")[2] != host


def _json(body: bytes) -> object:
    try:
        return parse_json(body) if body else None
    except ValueError:
        return MALFORMED


def render_json(reply: Reply) -> bytes:
    """Return the whole HTTP response, its body as JSON unless it is bytes."""
    body = reply.body if isinstance(reply.body, bytes) else json.dumps(reply.body).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", **reply.headers}
    return render(reply.status, headers, body)


def render(status: int, headers: Mapping[str, str], body: bytes) -> bytes:
    """Return a whole HTTP response."""
    headers = {**headers, "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status} {responses.get(status, 'Injected')}"]
    lines += (f"{name}: {headers[name]}" for name in headers)
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def parse_json(raw: bytes) -> object:
    """Read a JSON text strictly: as UTF-8, and with finite numbers only.

    Raises:
        ValueError: it is not JSON, or too deeply nested to read.
    """
    try:
        value = json.loads(raw.decode(), parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    _check_depth(value)
    return value


def _check_depth(value: object, levels: int = _DEEPEST) -> None:
    """Refuse what is too deep to be shown again inside ``/calls.json``."""
    if levels == 0:
        raise ValueError("too deeply nested")
    children = list(value.values()) if isinstance(value, dict) else value
    if isinstance(children, list):
        for child in children:
            _check_depth(child, levels - 1)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is not a JSON number")
    return number
