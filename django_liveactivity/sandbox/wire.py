"""Bytes on the wire: whole answers, and the ways in which a faulty one is sent."""

from __future__ import annotations

import contextlib
import json
import math
import select
import socket
import struct
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .answers import Answer

HTML_PAGE = "<!doctype html><title>Welcome</title><p>Please accept the terms of this network."
_DEEPEST = 100
_RESET_ON_CLOSE = struct.pack("ii", 1, 0)  # SO_LINGER on, with no seconds to linger


def parse_json(raw: bytes) -> Any:
    """Read a JSON text strictly: as UTF-8, and with finite numbers only.

    Raises:
        ValueError: it is none, or too deeply nested to read.
    """
    try:
        value = json.loads(raw.decode(), parse_constant=_finite, parse_float=_finite)
    except RecursionError as error:
        raise ValueError("too deeply nested") from error
    _check_depth(value)
    return value


def render_json(answer: Answer, *, keep_alive: bool = True) -> bytes:
    """Return the whole HTTP answer, its body as JSON."""
    body = json.dumps(answer.body).encode()
    headers = {"Content-Type": "application/json; charset=utf-8", **answer.headers}
    return _render(answer.status, headers, body, keep_alive=keep_alive)


def render_html() -> bytes:
    """Return a 200 with a page in it, as a captive portal sends one."""
    headers = {"Content-Type": "text/html; charset=utf-8"}
    return _render(200, headers, HTML_PAGE.encode(), keep_alive=True)


def truncate(rendered: bytes) -> bytes:
    """Return the answer without the second half of its body."""
    body_at = rendered.index(b"\r\n\r\n") + 4
    return rendered[: (body_at + len(rendered)) // 2]


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


def _render(status: int, headers: dict[str, str], body: bytes, *, keep_alive: bool) -> bytes:
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "Injected"
    if not keep_alive:
        headers = {**headers, "Connection": "close"}
    headers = {**headers, "Content-Length": str(len(body))}
    lines = [f"HTTP/1.1 {status} {phrase}", *(f"{name}: {headers[name]}" for name in headers)]
    return "\r\n".join([*lines, "", ""]).encode("ascii") + body


def _check_depth(value: object) -> None:
    """Refuse what could be read, but not be shown again inside of ``/calls.json``."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [child for parent in level for child in _children(parent)]
        if not level:
            return
    raise ValueError("too deeply nested")


def _children(value: object) -> Iterable[object]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(f"{text} is no number of JSON")
    return number
