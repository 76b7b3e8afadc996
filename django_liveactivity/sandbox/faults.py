"""Faults on demand: the rules of `--faults`, which call meets which fault, and what it does."""

import contextlib
import random
import re
import select
import socket
import struct
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from http.client import responses

from .calls import ENDPOINTS, ApiRequest, CallRecord, Reply, Route, accepted, refused
from .contract import RefusedCallError
from .http_server import HttpHandler, render, render_json
from .limits import billing_blocked, no_recipients, rate_limited

KINDS = (
    *("hang", "reset", "reset-after", "late", "slow", "html", "truncate"),
    *("partial", "ignored", "paused"),
)
HTML_PAGE = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network."
_INJECTED = "Injected by the sandbox's faults"
_POLL_SECONDS = 0.05
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, with no seconds to linger
_METHODS = ("PUT", "POST", "DELETE")
_USAGE = "write METHOD[/endpoint]:KIND@WHEN, as in PUT:500@3, POST/end:hang@2-4 or *:reset@10%"
_RULE = re.compile(r"(?P<method>[^/:@]+)(?:/(?P<endpoint>[^:@]*))?:(?P<kind>[^@]*)@(?P<when>.*)")
_COUNT = re.compile(r"(?P<first>[0-9]+)(?:(?P<open>\+)|-(?P<last>[0-9]+))?")


@dataclass(frozen=True)
class Fault:
    """One rule: which calls meet which fault.

    Args:
        method: ``PUT``, ``POST``, ``DELETE`` or ``*``.
        endpoint: ``start``, ``update``, ``end`` or ``stream``; empty: all of them.
        kind: a status from 400 to 599, or one of ``KINDS``.
        first: the first matching call that meets the fault, counted from 1.
        last: the last one; ``None``: all later ones meet it.
        percent: if over 0, the chance of each matching call to meet it, instead of the count.
    """

    method: str
    endpoint: str
    kind: str
    first: int = 1
    last: int | None = None
    percent: float = 0.0

    def __str__(self) -> str:
        """Return the rule as ``parse_faults`` reads it."""
        target = "/".join(filter(None, (self.method, self.endpoint)))
        if self.percent:
            return f"{target}:{self.kind}@{self.percent:g}%"
        last = "+" if self.last is None else "" if self.last == self.first else f"-{self.last}"
        return f"{target}:{self.kind}@{self.first}{last}"

    def matches(self, route: Route) -> bool:
        """Whether this rule is about calls of this endpoint."""
        return self.method in ("*", route.method) and self.endpoint in ("", route.endpoint)

    def strikes(self, count: int, dice: random.Random) -> bool:
        """Whether the ``count``-th call that matches meets the fault."""
        if self.percent:
            return dice.random() * 100 < self.percent
        return self.first <= count and (self.last is None or count <= self.last)


def parse_faults(text: str) -> tuple[Fault, ...]:
    """Read the rules of ``--faults``, which commas separate.

    Args:
        text: rules like ``PUT:500@3`` (the third PUT), ``DELETE:hang@1-2``, ``POST/end:reset@5+``
            (the fifth and all after it) or ``*:late@10%``. A kind is a status from 400 to 599
            or one of ``KINDS``.

    Raises:
        ValueError: a rule cannot be read, or could never match.
    """
    return tuple(_parse_rule(rule.strip()) for rule in text.split(",")) if text.strip() else ()


class FaultPlan:
    """Counts the calls that the rules match, and tells which of them meet a fault.

    Args:
        faults: the rules; where several strike the same call, the first one counts.
        seed: makes the chances of ``P%`` rules the same in every run.
    """

    def __init__(self, faults: Iterable[Fault], seed: int | None = None) -> None:
        self._seed = seed
        self.replace(faults)

    def replace(self, faults: Iterable[Fault]) -> None:
        """Put other rules in the place of these, and count calls from 1 again."""
        self.faults = tuple(faults)
        self._counts = [0] * len(self.faults)
        self._dice = [
            random.Random(None if self._seed is None else f"{self._seed}/{index}")
            for index in range(len(self.faults))
        ]

    def in_force(self) -> list[tuple[Fault, int | None]]:
        """Return the rules that may still apply, and to how many calls: ``None`` if without end."""
        return [
            (fault, None if fault.last is None else fault.last - max(count, fault.first - 1))
            for fault, count in zip(self.faults, self._counts, strict=True)
            if fault.last is None or count < fault.last
        ]

    def kind_for(self, route: Route) -> str:
        """Count this call and return the kind of the fault that it meets, empty if none."""
        struck = ""
        for index, fault in enumerate(self.faults):
            if fault.matches(route):
                self._counts[index] += 1
                strikes = fault.strikes(self._counts[index], self._dice[index])
                struck = struck or (fault.kind if strikes else "")
        return struck


def _parse_rule(rule: str) -> Fault:
    match = _RULE.fullmatch(rule)
    if match is None:
        raise ValueError(f"cannot read the fault {rule!r}: {_USAGE}")
    method, endpoint, kind, when = match.group("method", "endpoint", "kind", "when")
    _check_target(rule, method, endpoint)
    if kind == "paused" and (method, endpoint or "stream") != ("PUT", "stream"):
        raise ValueError(f"{rule!r} matches no call: paused is an answer to PUT")
    if kind not in KINDS and not re.fullmatch("[45][0-9][0-9]", kind):
        raise ValueError(
            f"unknown kind {kind!r} in {rule!r}: a status from 400 to 599, or {', '.join(KINDS)}"
        )
    if when.endswith("%"):
        return Fault(method, endpoint or "", kind, percent=_parse_percent(rule, when[:-1]))
    return Fault(method, endpoint or "", kind, *_parse_count(rule, when))


def _check_target(rule: str, method: str, endpoint: str | None) -> None:
    if method not in ("*", *_METHODS):
        raise ValueError(f"unknown method {method!r} in {rule!r}: *, {', '.join(_METHODS)}")
    if endpoint is None:
        return
    if endpoint not in ENDPOINTS:
        raise ValueError(f"unknown endpoint {endpoint!r} in {rule!r}: {', '.join(ENDPOINTS)}")
    if method not in ("*", *ENDPOINTS[endpoint]):
        methods = " and ".join(ENDPOINTS[endpoint])
        raise ValueError(f"{rule!r} matches no call: {endpoint} takes {methods}")


def _parse_percent(rule: str, text: str) -> float:
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)?", text) or not 0 < float(text) <= 100:
        raise ValueError(f"{text!r} in {rule!r} must be a percentage over 0 and up to 100")
    return float(text)


def _parse_count(rule: str, text: str) -> tuple[int, int | None]:
    match = _COUNT.fullmatch(text)
    if match is None:
        raise ValueError(f"cannot read when {text!r} in {rule!r}: N, N-M, N+ or P%")
    first = int(match["first"])
    last = int(match["last"] or first)
    if first < 1 or last < first:
        raise ValueError(f"{text!r} in {rule!r} is empty: calls are counted from 1 upwards")
    return first, None if match["open"] else last


def injected_reply(fault: str | None, request: ApiRequest, now: float) -> Reply | None:
    """Return the reply of a fault that keeps the vendor from processing the call, if it is one."""
    if fault == "ignored":
        return _ignored(request, now)
    if fault == "paused" and request.route is not None:
        return _paused(now, request.route.stream_key)
    return status_reply(int(fault), now) if fault is not None and fault.isdigit() else None


def status_reply(status: int, now: float) -> Reply:
    """Return a reply with this status, and with the contract's body where it has one for it."""
    match status:
        case 402:
            error = billing_blocked("trial_expired", now)
        case 404:
            error = RefusedCallError(status, "Live Activity not found", _INJECTED)
        case 422:
            error = no_recipients(status, [])
        case 429:
            error = rate_limited()
        case _:
            error = RefusedCallError(status, responses.get(status, f"Status {status}"), _INJECTED)
    return refused(error)


def _paused(now: float, stream_key: str) -> Reply:
    """Return a 200 for a PUT, as if the user had paused the stream."""
    reply = accepted(now, operation="paused", stream_key=stream_key)
    reply.body["activity_id"] = None
    return reply


def _ignored(request: ApiRequest, now: float) -> Reply:
    """Return a 200 for a call that had no effect."""
    route = request.route
    named: dict[str, object]
    if route is not None and route.operation == "stream":
        named = {"stream_key": route.stream_key, "operation": "updated", "remote_push_sent": False}
    elif route is not None and route.stream_key:
        named = {"stream_key": route.stream_key, "operation": "ended"}
    else:
        body = request.body if isinstance(request.body, dict) else {}
        named = {"activity_id": str(body.get("activity_id", ""))}
    return accepted(now, **named, ignored=True, message=f"Nothing was sent: {_INJECTED.lower()}")


class FaultyHandler(HttpHandler):
    """A connection on which the reply to a call goes wrong, where its fault says so."""

    def answer(self, record: CallRecord, request: ApiRequest) -> None:
        """Answer a recorded call of the API, well or badly."""
        _BEHAVIORS.get(record.fault, HttpHandler.answer)(self, record, request)

    def _hang(self, *_: object) -> None:
        self.close_connection = True
        closing = self.vendor_server.closing
        while not closing.wait(_POLL_SECONDS) and not has_vanished(self.connection):
            pass

    def _reset(self, *_: object) -> None:
        self.close_connection = True
        reset(self.connection)

    def _reset_after(self, record: CallRecord, request: ApiRequest) -> None:
        self.vendor_server.process(record, request)
        self._reset()

    def _late(self, record: CallRecord, request: ApiRequest) -> None:
        if not self.vendor_server.closing.wait(self.vendor_server.late_after):
            self.vendor_server.process(record, request)
        self._hang()

    def _slow(self, record: CallRecord, request: ApiRequest) -> None:
        for byte in render_json(self.prepare(record, request)):
            self.wfile.write(bytes([byte]))
            if self.vendor_server.closing.wait(self.vendor_server.slow_interval):
                break

    def _html(self, record: CallRecord, _: ApiRequest) -> None:
        record.replied(Reply(200, {}, HTML_PAGE))
        self.wfile.write(render_html())

    def _truncate(self, record: CallRecord, request: ApiRequest) -> None:
        self.close_connection = True
        response = render_json(self.prepare(record, request))
        body_at = response.index(b"\r\n\r\n") + 4
        self.wfile.write(response[: (body_at + len(response)) // 2])


_BEHAVIORS: dict[str | None, Callable[[FaultyHandler, CallRecord, ApiRequest], None]] = {
    "hang": FaultyHandler._hang,
    "reset": FaultyHandler._reset,
    "reset-after": FaultyHandler._reset_after,
    "late": FaultyHandler._late,
    "slow": FaultyHandler._slow,
    "html": FaultyHandler._html,
    "truncate": FaultyHandler._truncate,
}


def render_html() -> bytes:
    """Return a 200 with a page in it, as a captive portal sends one."""
    return render(200, {"Content-Type": "text/html; charset=utf-8"}, HTML_PAGE.encode())


def reset(connection: socket.socket) -> None:
    """Close the connection with a RST, so that the client sees it reset."""
    with contextlib.suppress(OSError):  # the client was faster
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_ON_CLOSE)
    connection.close()


def has_vanished(connection: socket.socket) -> bool:
    """Whether the client has closed its end; what else it sent stays unread."""
    try:
        readable, _, _ = select.select([connection], [], [], 0)
        return bool(readable) and not connection.recv(1, socket.MSG_PEEK)
    except (OSError, ValueError):
        return True
