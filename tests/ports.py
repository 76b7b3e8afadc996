"""Ports of this machine: which is free, and whether something listens."""

from __future__ import annotations

import random
import socket
import time


def is_open(port: int) -> bool:
    """Tell whether something listens on a port."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def free_port() -> int:
    """Return a port on which nothing listens, and which no outgoing connection is given.

    Linux gives those ports from 32,768 on: a server that takes seconds to start would find its own
    taken by then.
    """
    while True:
        port = random.randrange(20_000, 32_000)
        try:
            socket.create_server(("127.0.0.1", port)).close()
        except OSError:
            continue
        return port


def wait_until_open(port: int, seconds: float = 90.0) -> None:
    """Wait until something listens on a port."""
    limit = time.monotonic() + seconds
    while not is_open(port):
        assert time.monotonic() < limit, f"nothing listens on {port}"
        time.sleep(0.05)
