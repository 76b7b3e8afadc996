"""One deadline for a whole call, where httpx has a timeout for each read and write.

A server that sends a byte a second never meets a timeout of 15 seconds per read. So every operation
on the network is given no more time than the call has left.
"""

from __future__ import annotations

import socket
import threading
import time
from contextlib import contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

import httpcore

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Iterator

    Addresses = list[str] | httpcore.ConnectError

_CHUNK = 16 * 1024

# A synchronous call stays in its thread, so its deadline can travel beside httpx.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


@contextmanager
def call_deadline(seconds: float) -> Iterator[None]:
    """Give all that this thread does on the network *seconds* in total."""
    token = _deadline.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


def remaining(timeout: float | None, late: type[httpcore.TimeoutException]) -> float | None:
    """Return the seconds that an operation may take; raises *late* if there are none."""
    deadline = _deadline.get()
    if deadline is None:
        return timeout
    left = deadline - time.monotonic()
    if left <= 0:
        raise late("the deadline of the call has passed")
    return left if timeout is None else min(timeout, left)


class DeadlineStream(httpcore.NetworkStream):
    """A connection on which nothing outlasts the deadline of the call that uses it."""

    def __init__(self, stream: httpcore.NetworkStream) -> None:
        self._stream = stream

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Return what has arrived, b"" at the end."""
        return self._stream.read(max_bytes, remaining(timeout, httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Send all of *buffer*."""
        # In pieces, as httpcore grants the timeout anew for each partial write.
        for start in range(0, len(buffer), _CHUNK):
            left = remaining(timeout, httpcore.WriteTimeout)
            self._stream.write(buffer[start : start + _CHUNK], left)

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the encrypted connection."""
        left = remaining(timeout, httpcore.ConnectTimeout)
        return DeadlineStream(self._stream.start_tls(ssl_context, server_hostname, left))

    def get_extra_info(self, info: str) -> Any:
        """Return what httpcore asks of the socket."""
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections within the deadline: looking up the name and trying its addresses count."""

    def __init__(self, look_up: Callable[[str, int], list[str]] | None = None) -> None:
        self._look_up = look_up or look_up_addresses
        self._backend = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first address of *host* that accepts one."""
        # The whole of connecting gets one timeout; create_connection grants it to each address.
        seconds = remaining(timeout, httpcore.ConnectTimeout)
        until = None if seconds is None else time.monotonic() + seconds
        failure: Exception = httpcore.ConnectError(f"no address found for {host}")
        for address in self._addresses(host, port, seconds):
            left = None if until is None else until - time.monotonic()
            if left is not None and left <= 0:
                raise httpcore.ConnectTimeout("timed out while connecting")
            try:
                stream = self._backend.connect_tcp(
                    address, port, left, local_address, socket_options
                )
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
            else:
                return DeadlineStream(stream)
        raise failure

    def _addresses(self, host: str, port: int, timeout: float | None) -> list[str]:
        # getaddrinfo knows no timeout and cannot be interrupted: a late one keeps its thread.
        found: SimpleQueue[Addresses] = SimpleQueue()
        arguments = (self._look_up, host, port, found)
        threading.Thread(target=_report, args=arguments, daemon=True).start()
        try:
            result = found.get(timeout=timeout)
        except Empty:
            raise httpcore.ConnectTimeout(f"looking up {host} timed out") from None
        if isinstance(result, httpcore.ConnectError):
            raise result
        return result


def look_up_addresses(host: str, port: int) -> list[str]:
    """Return the addresses of *host*, the preferred one first."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))


def _report(
    look_up: Callable[[str, int], list[str]], host: str, port: int, found: SimpleQueue[Addresses]
) -> None:
    try:
        found.put(look_up(host, port))
    except (OSError, UnicodeError) as error:
        found.put(httpcore.ConnectError(f"looking up {host} failed: {error}"))
