"""The one seam to httpx and httpcore: one request, one answer, one deadline for all of it.

httpx grants its timeouts to each read and write anew: a server that sends a byte a second never
meets one of 15 seconds. Its public face has no place for a deadline of the whole call. httpcore's
has one, its network backends (https://www.encode.io/httpcore/network-backends/), so connections
come from httpcore's pool, with a backend that gives no operation more time than the call has left.
Above the pool is httpx's documented transport interface, which a host's own transport fits, too:
``httpx.Client`` would add redirects, cookies and the environment's proxies, all unwanted here.

Both libraries are bounded in ``pyproject.toml`` (httpx below 1, httpcore below 2), as either may
change these interfaces with a new major version.
"""

from __future__ import annotations

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, contextmanager
from contextvars import ContextVar
from queue import Empty, SimpleQueue
from typing import Any

import httpcore
import httpx

from .parsing import ANSWER_LIMIT, NoAnswerError, Received
from .secret import Secret

Addresses = list[str] | httpcore.ConnectError

# Shorter than the idle timeout of any common server or balancer, so that a call is hardly ever
# written to a connection that is being closed: such a call would be ambiguous, with a quarantine.
_KEEPALIVE_SECONDS = 5.0
# Up to here no byte of the request has left, so nothing can have been applied.
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_CHUNK = 16 * 1024

# A synchronous call stays in its thread, so its deadline can travel beside httpx.
_deadline: ContextVar[float | None] = ContextVar("deadline", default=None)


class Sender:
    """Sends requests that are signed with the API key.

    Args:
        secret: the API key.
        headers: what each request says beside its length and its Authorization.
        deadline: seconds for a whole request.
        connect_timeout: seconds to find and reach the server.
        transport: carries the requests; None for connections that keep the deadline.
    """

    def __init__(
        self,
        secret: Secret,
        headers: Mapping[str, str],
        *,
        deadline: float,
        connect_timeout: float,
        transport: httpx.BaseTransport | None,
    ) -> None:
        self._secret = secret
        self._headers = list(headers.items())
        self._deadline = deadline
        timeout = httpx.Timeout(deadline, connect=connect_timeout, pool=connect_timeout)
        self._extensions = {"timeout": timeout.as_dict()}
        self._transport = transport or DeadlineTransport()

    def send(self, method: str, url: str, content: bytes | None) -> Received:
        """Return the answer to one request; raises NoAnswerError if none comes in time."""
        try:
            with call_deadline(self._deadline):
                return self._exchange(method, url, content)
        except httpx.HTTPError as error:
            message = f"{type(error).__name__}: {error}"
            raise NoAnswerError(message, sent=not isinstance(error, _NOT_SENT)) from None

    def _exchange(self, method: str, url: str, content: bytes | None) -> Received:
        headers = [*self._headers, ("Authorization", self._secret.bearer())]
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        request = httpx.Request(
            method, url, headers=headers, content=content, extensions=self._extensions
        )
        with closing(self._transport.handle_request(request)) as response:
            received = _read_headers(response.headers.raw)
            return Received(response.status_code, received, _read(response, received))

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def _read_headers(raw: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in raw:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]}, {text}" if key in headers else text
    return headers


def _read(response: httpx.Response, headers: Mapping[str, str]) -> bytes:
    # No encoding was asked for, and 64 KiB of gzip can unpack to 64 MiB.
    codings = headers.get("content-encoding", "").lower().split(",")
    if not {"", "identity"}.issuperset(coding.strip() for coding in codings):
        return b""
    received = bytearray()
    for chunk in response.iter_bytes():
        received += chunk
        if len(received) > ANSWER_LIMIT:
            break
    return bytes(received)


class DeadlineTransport(httpx.BaseTransport):
    """Connections that keep the deadline of a call, without retries on the wire.

    Proxies of the environment are not used: where the key goes is told by the settings alone, and
    HTTP_PROXY would catch calls to loopback too.
    """

    def __init__(self, backend: httpcore.NetworkBackend | None = None) -> None:
        self._pool = httpcore.ConnectionPool(
            ssl_context=_tls(),
            max_connections=None,
            max_keepalive_connections=4,
            keepalive_expiry=_KEEPALIVE_SECONDS,
            retries=0,
            network_backend=backend or DeadlineBackend(),
        )

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send the request and return the answer, its body unread."""
        url = httpcore.URL(
            scheme=request.url.raw_scheme,
            host=request.url.raw_host,
            port=request.url.port,
            target=request.url.raw_path,
        )
        with _as_httpx_errors():
            response = self._pool.handle_request(
                httpcore.Request(
                    request.method,
                    url,
                    headers=request.headers.raw,
                    content=request.stream,
                    extensions=request.extensions,
                )
            )
        return httpx.Response(response.status, headers=response.headers, stream=_Body(response))

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()


class _Body(httpx.SyncByteStream):
    def __init__(self, response: httpcore.Response) -> None:
        self._response = response

    def __iter__(self) -> Iterator[bytes]:
        with _as_httpx_errors():
            yield from self._response.iter_stream()

    def close(self) -> None:
        self._response.close()


@contextmanager
def _as_httpx_errors() -> Iterator[None]:
    """Raise httpcore's errors as httpx's, which have the same names."""
    try:
        yield
    except _ERRORS as error:
        raise getattr(httpx, type(error).__name__, httpx.TransportError)(str(error)) from error


_ERRORS = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
)


@functools.cache
def _tls() -> ssl.SSLContext:
    """Return the context of every client: its authorities take 20 ms to read, and memory to keep.

    The environment may still name those to trust (SSL_CERT_FILE), as it is at the first client.
    """
    return httpx.create_ssl_context()


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
