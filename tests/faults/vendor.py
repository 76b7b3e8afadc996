"""The fake vendor: the sandbox's state machine behind a server, a log and faults of our own."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self
from urllib.request import Request, urlopen

from django_liveactivity.sandbox import Policy
from django_liveactivity.sandbox.calls import MALFORMED, ApiRequest, Reply, refused
from django_liveactivity.sandbox.contract import RefusedCallError
from django_liveactivity.sandbox.faults import has_vanished, reset
from django_liveactivity.sandbox.http_server import parse_json, render_json
from django_liveactivity.sandbox.vendor import Vendor

FOREIGN = "somebody-else"
POLL = 0.02


@dataclass
class Entry:
    """One request that arrived; times are ``time.monotonic()``, which all processes share."""

    number: int
    arrived: float
    method: str
    key: str
    body: Any
    foreign: bool = False
    api_key: str = ""
    status: int | None = None
    answer: Any = None
    answered: float | None = None
    gone: float | None = None
    applied: float | None = None

    @property
    def serial(self) -> int | None:
        """The serial number of the content that it carries."""
        title = ((self.body or {}).get("content_state") or {}).get("title", "")
        found = re.search(r"#(\d+)$", title)
        return int(found[1]) if found else None

    @property
    def acknowledges(self) -> bool:
        """Whether its answer says that the card has ended, and was sent."""
        if self.method != "DELETE" or self.answered is None:
            return False
        body = self.answer if isinstance(self.answer, dict) else {}
        if self.status == 200:
            return body.get("success") is True
        return self.status in (404, 422) and "error" in body and "message" in body

    @property
    def repeats(self) -> bool:
        """Whether it ended what had ended already."""
        return self.acknowledges and self.status == 200 and self.answer["activity_id"] is None


class Exchange:
    """A request in the hands of a behavior: apply it, answer it, or spoil it."""

    def __init__(self, vendor: FakeVendor, handler: Handler, entry: Entry, headers: Any) -> None:
        self.vendor, self.handler, self.entry, self.headers = vendor, handler, entry, headers

    def apply(self) -> Reply:
        """Let the vendor process the request, and return its answer without sending it."""
        with self.vendor.lock:
            self.entry.applied = time.monotonic()
            api_key = self.entry.api_key
            if api_key in self.vendor.refused_keys:
                return refused(RefusedCallError(401, "Unauthorized", "This API key is revoked"))
            headers = {k.lower(): v for k, v in self.headers.items()}
            headers["authorization"] = f"Bearer {self.vendor.first_keys.get(api_key, api_key)}"
            path = self.handler.path
            request = ApiRequest(self.entry.method, path, headers, self.entry.body)
            return self.vendor.state.handle(request, time.time())

    def send(self, answer: Reply) -> None:
        """Answer with JSON."""
        self.note(answer.status, answer.body)
        self.handler.wfile.write(render_json(answer))

    def note(self, status: int, body: Any) -> None:
        """Write down the answer that leaves now."""
        self.entry.status, self.entry.answer = status, body
        self.entry.answered = time.monotonic()

    def reset(self) -> None:
        """Close the connection with a RST."""
        self.entry.gone = time.monotonic()
        self.handler.close_connection = True
        reset(self.handler.connection)

    def hang(self) -> None:
        """Answer nothing, until the client has gone."""
        self.wait_for(lambda: self.entry.gone is not None)

    def wait_for(self, happened: Callable[[], bool]) -> None:
        """Answer nothing until something has happened, and note when the client has gone."""
        self.handler.close_connection = True
        while not self.vendor.closing.is_set():
            if self.entry.gone is None and has_vanished(self.handler.connection):
                self.entry.gone = time.monotonic()
            if happened():
                return
            time.sleep(POLL)


Behavior = Callable[[Exchange], None]


@dataclass
class Rule:
    """From which calls on, and how often, a behavior replaces the plain answer."""

    behavior: Behavior
    method: str = "*"
    key: str = ""
    api_key: str = ""
    skip: int = 0
    times: int | None = 1
    met: int = field(default=0)

    def takes(self, entry: Entry) -> bool:
        """Count the call and tell whether it is struck."""
        if entry.foreign or self.method not in ("*", entry.method):
            return False
        if self.key not in ("", entry.key) or self.api_key not in ("", entry.api_key):
            return False
        self.met += 1
        return self.met > self.skip and (self.times is None or self.met <= self.skip + self.times)


class FakeVendor:
    """The vendor on loopback, as a context manager.

    Args:
        policy: the fields of the sandbox's ``Policy``.

    Attributes:
        first_keys: of a key that was rotated, the account's first one: the account is the same.
        refused_keys: those that are revoked.
    """

    def __init__(self, **policy: Any) -> None:
        self.policy = Policy(**policy)
        self.state = Vendor(self.policy, seed=1)
        self.lock, self.closing = threading.RLock(), threading.Event()
        self.log: list[Entry] = []
        self.rules: list[Rule] = []
        self.first_keys: dict[str, str] = {}
        self.refused_keys: set[str] = set()
        self.latency = 0.0
        self.server = Server(("127.0.0.1", 0), Handler)
        self.server.vendor = self
        self.thread = threading.Thread(target=self.server.serve_forever, args=[0.02], daemon=True)

    @property
    def port(self) -> int:
        """Where it listens."""
        return int(self.server.server_address[1])

    @property
    def url(self) -> str:
        """The base URL of its API."""
        return f"http://127.0.0.1:{self.port}/api"

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.closing.set()
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
        self.server.hang_up()

    def rule(self, behavior: Behavior, method: str = "*", **how: Any) -> Rule:
        """Let calls meet a behavior; the first rule that takes a call has it."""
        rule = Rule(behavior, method, **how)
        with self.lock:
            self.rules.append(rule)
        return rule

    def end_rules(self) -> None:
        """Be a good vendor again."""
        with self.lock:
            self.rules.clear()

    def calls(self, method: str = "*", key: str = "", api_key: str = "") -> list[Entry]:
        """Return the calls of the package so far, in the order of arrival."""
        with self.lock:
            mine = [e for e in self.log if not e.foreign and api_key in ("", e.api_key)]
        return [e for e in mine if method in ("*", e.method) and key in ("", e.key)]

    def alive(self) -> dict[str, int | None]:
        """Return the serial number of the content of each living card, by key."""
        with self.lock:
            cards = self.state.phone.as_json(time.time())["alive"]
        alive = {}
        for card in cards:
            found = re.search(r"#(\d+)$", card["content"].get("title", ""))
            alive[card["stream_key"]] = int(found[1]) if found else None
        return alive

    def rotate(self, old: str, new: str, *, refuse: bool = True) -> None:
        """Give an account another key; the one that it had may be refused from now on."""
        with self.lock:
            self.first_keys[new] = self.first_keys.get(old, old)
            if refuse:
                self.refused_keys.add(old)

    def call_as_somebody_else(self, method: str, key: str, api_key: str = "ask_test") -> None:
        """Spend one call of the account's limit, as another program would."""
        body = {"content_state": {"title": key, "type": "progress", "percentage": 1}}
        request = Request(
            f"{self.url}/live-activity/stream/{key}",
            data=json.dumps(body).encode() if method == "PUT" else None,
            method=method,
            headers={"Authorization": f"Bearer {api_key}", "User-Agent": FOREIGN},
        )
        with contextlib.suppress(OSError), urlopen(request, timeout=2) as answer:
            answer.read()

    def serve(self, handler: Handler, raw: bytes) -> None:
        """Note a request, and let the rules or the vendor answer it."""
        try:
            body = parse_json(raw) if raw else None
        except ValueError:
            body = MALFORMED
        with self.lock:
            entry = Entry(
                number=len(self.log) + 1,
                arrived=time.monotonic(),
                method=handler.command,
                key=handler.path.rsplit("/", 1)[-1],
                body=body,
                foreign=handler.headers.get("User-Agent") == FOREIGN,
                api_key=handler.headers.get("Authorization", "").removeprefix("Bearer "),
            )
            self.log.append(entry)
            behaviors = [rule.behavior for rule in self.rules if rule.takes(entry)]
        behavior = behaviors[0] if behaviors else answer_well
        behavior(Exchange(self, handler, entry, handler.headers))


def answer_well(exchange: Exchange) -> None:
    """Process the call, take the usual time, answer."""
    answer = exchange.apply()
    if exchange.vendor.latency and not exchange.entry.foreign:
        exchange.vendor.closing.wait(exchange.vendor.latency)
    exchange.send(answer)


class Server(ThreadingHTTPServer):
    """A thread per connection, all of them ended at the end."""

    daemon_threads = True
    request_queue_size = 256
    vendor: FakeVendor

    def __init__(self, *arguments: Any) -> None:
        self.open: set[socket.socket] = set()
        super().__init__(*arguments)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Remember the connection while it is open."""
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        """Close a connection and forget it."""
        self.open.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """End the connections that are open still."""
        for connection in tuple(self.open):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Report what went wrong, unless it is a client that went away."""
        if not isinstance(sys.exception(), OSError | ValueError):
            super().handle_error(request, client_address)


class Handler(BaseHTTPRequestHandler):
    """One connection of a client."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 60
    server: Server

    def log_message(self, *_: object) -> None:
        """Print nothing: the log is the vendor's."""

    def answer(self) -> None:
        """Hand the request over."""
        raw = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self.server.vendor.serve(self, raw)

    do_GET = do_PUT = do_POST = do_DELETE = answer
