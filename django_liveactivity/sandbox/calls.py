"""A call of the vendor's API: endpoint, request, reply, and its record in `/calls.json`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple
from urllib.parse import unquote, urlsplit

from .contract import JsonObject, RefusedCallError
from .phone import timestamp

API_PREFIX = "/api"
ENDPOINTS = {
    "start": ("POST",),
    "update": ("POST",),
    "end": ("POST",),
    "stream": ("PUT", "DELETE"),
}
DEVICES = 2
MALFORMED = object()
"""Stands for a body that is not JSON."""

_STREAM_OPERATIONS = {"PUT": "stream", "DELETE": "end_stream"}


class Route(NamedTuple):
    """One of the five calls: its method, its endpoint's name, its name and the stream's key."""

    method: str
    endpoint: str
    operation: str
    stream_key: str = ""


def is_api(path: str) -> bool:
    """Whether this path is below the vendor's API, even if it names no endpoint."""
    return urlsplit(path).path.startswith(f"{API_PREFIX}/")


class ApiRequest(NamedTuple):
    """A request of a client to the API.

    Args:
        method: of HTTP.
        path: the request's target, from ``/api/`` on.
        headers: with lower-case names; the vendor reads ``authorization``.
        body: the parsed JSON, ``None`` if there was no body, or ``MALFORMED``.
    """

    method: str
    path: str
    headers: Mapping[str, str]
    body: object

    @property
    def route(self) -> Route | None:
        """The endpoint of the API that it is for, ``None`` if there is none."""
        match self.method, urlsplit(self.path).path.split("/"):
            case ("PUT" | "DELETE") as method, ["", "api", "live-activity", "stream", key] if key:
                return Route(method, "stream", _STREAM_OPERATIONS[method], unquote(key))
            case "POST", ["", "api", "live-activity", ("start" | "update" | "end") as name]:
                return Route("POST", name, name)
        return None


class Reply(NamedTuple):
    """The reply: status, additional headers, and a body of bytes or of a value sent as JSON."""

    status: int
    headers: dict[str, str]
    body: Any


def printable_line(*words: str) -> str:
    """Return words as one line of ASCII, which can neither forge a line nor move a cursor."""
    return " ".join(words).encode("unicode_escape").decode("ascii")


def refused(error: RefusedCallError) -> Reply:
    """Return the reply to a call that the vendor refuses."""
    return Reply(error.status, {}, error.body)


def accepted(now: float, **fields: object) -> Reply:
    """Return a 200 with these fields; those that are ``None`` are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    return Reply(200, {}, {"success": True, **present, "timestamp": timestamp(now)})


def delivery_report(delivery: str) -> JsonObject:
    """Return the fields that tell how an end reached the devices, for a ``Policy.delivery``."""
    if delivery == "queued":
        return {"devices_notified": DEVICES - 1, "devices_queued": 1}
    if delivery == "partial":
        errors = ["device 2: BadDeviceToken"]
        return {"devices_notified": DEVICES - 1, "devices_queued": 0, "errors": errors}
    if delivery == "forced":
        warning = "Marked complete without a confirmed end on the devices"
        sent = {"devices_notified": 0, "devices_queued": 0}
        return {**sent, "forced_completion": True, "warning": warning}
    return {"devices_notified": DEVICES, "devices_queued": 0}


@dataclass
class CallRecord:
    """One call as ``/calls.json`` shows it, in the order of arrival.

    Args:
        number: counted from 1.
        at: when it came by the sandbox's clock, as the vendor writes a time.
        monotonic: seconds of ``time.monotonic()``, which other processes of the machine share.
        account: the number of the account, ``None`` where the API key was refused. The key
            itself is never recorded.
        authorized: whether there is an account.
        method: of the request.
        path: of the request.
        body: the parsed JSON, ``None`` if there was none.
        status: of the reply, ``None`` if there was none.
        answer: the body that was sent.
        fault: the kind of fault that it met, ``None`` if it met none.
        applied: whether the vendor processed it, answered or not.
    """

    number: int
    at: str
    monotonic: float
    account: int | None
    authorized: bool
    method: str
    path: str
    body: object
    status: int | None = None
    answer: object = None
    fault: str | None = None
    applied: bool = False

    def replied(self, reply: Reply) -> Reply:
        """Record what is sent back, and return it."""
        self.answer, self.status = reply.body, reply.status
        return reply

    def line(self) -> str:
        """Return it as one printable line: ``PUT /api/live-activity/stream/deploy-42 200 started``.

        It ends with the operation or the error of the reply, or with the fault. What the client
        sent is escaped, so that it can neither forge a line nor move a cursor.
        """
        answer = self.answer if isinstance(self.answer, dict) else {}
        words = [self.method, self.path, str(self.status or "no answer")]
        words += filter(None, (answer.get("operation"), answer.get("error")))
        if self.fault is not None:
            words.append(f"({self.fault})")
        return printable_line(*words)
