"""What a vendor, or the network before it, may do with a call instead of answering it well."""

from __future__ import annotations

import threading
import time
from typing import Any

from django_liveactivity.sandbox.calls import Reply, refused
from django_liveactivity.sandbox.contract import RefusedCallError
from django_liveactivity.sandbox.faults import HTML_PAGE, render_html, status_reply
from django_liveactivity.sandbox.http_server import render_json

from .vendor import Behavior, Exchange


def status(code: int, **headers: str) -> Behavior:
    """Answer with a status and process nothing; underscores in header names are hyphens."""

    def behave(exchange: Exchange) -> None:
        answer = status_reply(code, time.time())
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        exchange.send(Reply(code, named, answer.body))

    return behave


def reject_body(exchange: Exchange) -> None:
    """Answer 400 to a call with a body; a bare one is taken."""
    if exchange.entry.body:
        error = RefusedCallError(400, "Invalid request", "This content is not accepted")
        exchange.send(refused(error))
    else:
        exchange.send(exchange.apply())


def reset_before(exchange: Exchange) -> None:
    """Reset the connection and process nothing."""
    exchange.reset()


def reset_after(exchange: Exchange) -> None:
    """Process the call, then reset the connection."""
    exchange.apply()
    exchange.reset()


def hold(until: threading.Event) -> Behavior:
    """Process the call and answer it well, but not before something has happened."""

    def behave(exchange: Exchange) -> None:
        exchange.wait_for(until.is_set)
        exchange.send(exchange.apply())

    return behave


def hang(exchange: Exchange) -> None:
    """Never answer, and process nothing."""
    exchange.hang()


def process_and_hang(exchange: Exchange) -> None:
    """Process the call, and never answer: a worker is killed while it waits, however late."""
    exchange.apply()
    exchange.hang()


def late(seconds: float, *, after: str) -> Behavior:
    """Never answer; process the call so many seconds after an answered call of that method.

    Another call of the same key counts; it may come as long as it likes.
    """

    def behave(exchange: Exchange) -> None:
        entry, vendor = exchange.entry, exchange.vendor

        def is_time() -> bool:
            later = [e for e in vendor.calls(after, entry.key) if e.number > entry.number]
            answered = [e.answered for e in later if e.answered is not None]
            return bool(answered) and time.monotonic() >= answered[0] + seconds

        exchange.wait_for(is_time)
        exchange.apply()

    return behave


def late_by(seconds: float) -> Behavior:
    """Never answer; process the call so many seconds after it arrived."""

    def behave(exchange: Exchange) -> None:
        exchange.wait_for(lambda: time.monotonic() >= exchange.entry.arrived + seconds)
        exchange.apply()

    return behave


def byte_by_byte(exchange: Exchange) -> None:
    """Process the call, and send a byte of the answer a second."""
    answer = exchange.apply()
    for byte in render_json(answer):
        exchange.handler.wfile.write(bytes([byte]))
        if exchange.vendor.closing.wait(1.0):
            return


def page(exchange: Exchange) -> None:
    """Answer 200 with a page, as a captive portal does, and process nothing."""
    exchange.note(200, HTML_PAGE)
    exchange.handler.wfile.write(render_html())


def huge(exchange: Exchange) -> None:
    """Process the call, and answer 200 with a body of 100 MB."""
    exchange.apply()
    exchange.note(200, "100 MB")
    exchange.handler.close_connection = True
    head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 100000000\r\n\r\n"
    write: Any = exchange.handler.wfile.write
    write(head.encode())
    for _ in range(100):
        write(b" " * 1_000_000)
