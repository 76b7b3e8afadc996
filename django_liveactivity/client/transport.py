"""The one seam to httpx and httpcore: one request, one answer, one deadline for all of it.

httpx grants its timeouts to each read and write anew: a server that sends a byte a second never
meets one of 15 seconds. httpx has no place for a deadline of the whole call. httpcore, on which it
is built, has one: its network backends (https://www.encode.io/httpcore/network-backends/). So the
requests go to httpcore's pool, over a backend that gives no operation more time than the call has
left. That leaves out what ``httpx.Client`` would add, all unwanted here: redirects, cookies, and
proxies of the environment. A proxy of the account's is such a backend, too: a failure before its
tunnel is open is a failure to connect. A transport of httpx's that the caller brings works as well.
So does one that is put around our connections, as tracers do; the key stays below it.

Only documented names of both are used, and ``pyproject.toml`` bounds both (httpx below 1, httpcore
below 2), as either may change them in a new major version.
"""

import functools
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from queue import Empty, SimpleQueue
from typing import Any

import httpcore
import httpx

from django_liveactivity.version import __version__

from .answer import ANSWER_LIMIT, NoAnswerError, Received
from .config import named_authorities
from .deadline import deadline_at, seconds_left
from .proxy import Proxy, TunnelError, open_tunnel
from .secret import Secret

TransportWrapper = Callable[[httpx.BaseTransport], httpx.BaseTransport]
"""Puts a transport around another one, as ``SyncOpenTelemetryTransport`` does."""
Opened = tuple[int, Sequence[tuple[bytes, bytes]], Iterable[bytes]]

_HEADERS = (("Accept", "application/json"), ("Accept-Encoding", "identity"))
# Shorter than the idle timeout of any common server or balancer, so that a call is hardly ever
# written to a connection that is being closed: such a call would be ambiguous, with a quarantine.
_KEEPALIVE_SECONDS = 5.0
# Up to here no byte of the request has left, so nothing can have been applied.
_NOT_SENT = (
    httpcore.ConnectError,
    httpcore.ConnectTimeout,
    httpcore.PoolTimeout,
    httpcore.UnsupportedProtocol,
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.UnsupportedProtocol,
)
_FAILURES = (
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.ProxyError,
    httpcore.TimeoutException,
    httpcore.UnsupportedProtocol,
    httpx.HTTPError,
)
_CHUNK = 16 * 1024
# However many addresses a host has, the first gets enough time for an answer from far away.
_MOST_SHARES = 5


class Sender:
    """Sends requests that are signed with the API key.

    Args:
        secret: the API key.
        deadline: seconds for a whole request.
        connect_timeout: seconds to find and reach the server.
        transport: carries the requests, or opens the connections; None for our own connections.
        ssl_context: for addresses that begin with https.
        wrapper: puts a transport of httpx's around our connections, which then sign the requests;
            None for none.
    """

    def __init__(
        self,
        secret: Secret,
        *,
        deadline: float,
        connect_timeout: float,
        transport: httpx.BaseTransport | httpcore.NetworkBackend | None,
        ssl_context: ssl.SSLContext | None,
        wrapper: TransportWrapper | None = None,
    ) -> None:
        self._secret: Secret | None = secret
        self._headers = [*_HEADERS, ("User-Agent", f"django-liveactivity/{__version__}")]
        self._deadline = deadline
        timeout = httpx.Timeout(deadline, connect=connect_timeout, pool=connect_timeout)
        self._extensions = {"timeout": timeout.as_dict()}
        self._carrier: httpx.BaseTransport | httpcore.ConnectionPool
        if isinstance(transport, httpx.BaseTransport):
            self._carrier = transport
        else:
            self._carrier = _pool(transport or DeadlineBackend(), ssl_context)
            if wrapper is not None:
                self._carrier, self._secret = wrapper(_Signing(self._carrier, secret)), None

    def send(self, method: str, url: str, content: bytes | None) -> Received:
        """Return the answer to one request; raises NoAnswerError if none comes in time."""
        if seconds_left() <= 0:
            raise NoAnswerError("the time for the call was over before it began", sent=False)
        try:
            with (
                deadline_at(time.monotonic() + self._deadline),
                self._opened(method, url, content) as (status, raw, chunks),
            ):
                headers = httpx.Headers(raw, "latin-1")
                return Received(status, headers, _read(headers, chunks))
        except _FAILURES as error:
            message = f"{type(error).__name__}: {error}"
            raise NoAnswerError(message, sent=not isinstance(error, _NOT_SENT)) from None

    @contextmanager
    def _opened(self, method: str, url: str, content: bytes | None) -> Iterator[Opened]:
        """Send a request, and give its answer, the body unread."""
        headers = [*self._headers]
        if self._secret is not None:
            headers.append(("Authorization", self._secret.bearer()))
        if content is not None:
            headers.append(("Content-Type", "application/json"))
        if isinstance(self._carrier, httpcore.ConnectionPool):
            with self._carrier.stream(
                method, url, headers=headers, content=content, extensions=self._extensions
            ) as answer:
                yield answer.status, answer.headers, answer.iter_stream()
        else:
            request = httpx.Request(
                method, url, headers=headers, content=content, extensions=self._extensions
            )
            with closing(self._carrier.handle_request(request)) as response:
                yield response.status_code, response.headers.raw, response.iter_bytes()

    def close(self) -> None:
        """Close the connections."""
        self._carrier.close()


class _Signing(httpx.BaseTransport):
    """Our connections as a transport, for a wrapper: what it sees of a request holds no key."""

    def __init__(self, pool: httpcore.ConnectionPool, secret: Secret) -> None:
        self._pool, self._secret = pool, secret

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._answered(request)
        except Exception as error:  # noqa: BLE001 - the frames below hold the signed headers
            error.__context__ = None
            raise error.with_traceback(None) from None

    def _answered(self, request: httpx.Request) -> httpx.Response:
        headers = [*request.headers.raw, (b"Authorization", self._secret.bearer().encode())]
        answer = self._pool.handle_request(
            httpcore.Request(
                request.method,
                str(request.url),
                headers=headers,
                content=request.stream,
                extensions=request.extensions,
            )
        )
        return httpx.Response(answer.status, headers=answer.headers, stream=_Body(answer))

    def close(self) -> None:
        self._pool.close()


class _Body(httpx.SyncByteStream):
    """The body of an answer that is still open."""

    def __init__(self, answer: httpcore.Response) -> None:
        self._answer = answer

    def __iter__(self) -> Iterator[bytes]:
        return self._answer.iter_stream()

    def close(self) -> None:
        self._answer.close()


def _read(headers: Mapping[str, str], chunks: Iterable[bytes]) -> bytes:
    # No encoding was asked for, and 64 KiB of gzip can unpack to 64 MiB.
    codings = headers.get("content-encoding", "").lower().split(",")
    if not {"", "identity"}.issuperset(coding.strip() for coding in codings):
        return b""
    received = bytearray()
    for chunk in chunks:
        received += chunk
        if len(received) > ANSWER_LIMIT:
            break
    return bytes(received)


def _pool(
    backend: httpcore.NetworkBackend, ssl_context: ssl.SSLContext | None
) -> httpcore.ConnectionPool:
    """Return httpcore's pool of connections, without retries on the wire.

    Proxies of the environment are not used: the settings alone decide where the key goes, and
    HTTP_PROXY would catch calls to loopback too.
    """
    return httpcore.ConnectionPool(
        ssl_context=ssl_context,
        max_connections=None,
        max_keepalive_connections=4,
        keepalive_expiry=_KEEPALIVE_SECONDS,
        retries=0,
        network_backend=backend,
    )


def tls_context(ca_bundle: str = "") -> ssl.SSLContext:
    """Return the context of every client that trusts the same authorities.

    Args:
        ca_bundle: a PEM file or a directory; empty for those that the environment names
            (SSL_CERT_FILE, SSL_CERT_DIR), else certifi's.

    Raises:
        CertificatesError: what is named holds no certificates.
    """
    context = named_authorities(ca_bundle) or _usual_authorities()
    context.sslsocket_class = _DeadlineSocket
    return context


@functools.cache
def _usual_authorities() -> ssl.SSLContext:
    """Return a context with certifi's authorities: they take 20 ms to read, and memory to keep."""
    return httpx.create_ssl_context(trust_env=False)


def remaining(timeout: float | None, late: type[Exception]) -> float:
    """Return the seconds that an operation may take; raises *late* if there are none."""
    left = seconds_left()
    if left <= 0:
        raise late("the deadline of the call has passed")
    return left if timeout is None else min(timeout, left)


class _DeadlineSocket(ssl.SSLSocket):
    """The encrypted connection to a proxy, which one operation of httpcore's uses many times.

    That to the vendor lies within it, and httpcore grants the same timeout to each part of a record
    that the proxy passes on.
    """

    def recv(self, *args: Any, **options: Any) -> bytes:
        self.settimeout(remaining(self.gettimeout(), TimeoutError))
        return super().recv(*args, **options)

    def send(self, *args: Any, **options: Any) -> int:  # gevent's has options of its own
        self.settimeout(remaining(self.gettimeout(), TimeoutError))
        return super().send(*args, **options)


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

    def get_extra_info(self, info: str) -> object:
        """Return what httpcore asks of the socket."""
        return self._stream.get_extra_info(info)


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections within the deadline: looking up the name and trying its addresses count."""

    def __init__(self) -> None:
        self._backend = httpcore.SyncBackend()

    def look_up(self, host: str, port: int) -> list[str]:
        """Return the addresses of *host*, the preferred one first."""
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        return list(dict.fromkeys(str(sockaddr[0]) for *_, sockaddr in found))

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to the first address of *host* that accepts one.

        The addresses share *timeout*, as on a host without a way to IPv6 the first may never
        answer. They are tried one after another: beside each other, as in RFC 8305, would save a
        worker a second or two, and take a thread for each.
        """
        failure: Exception = httpcore.ConnectError(f"no address found for {host}")
        with deadline_at(time.monotonic() + remaining(timeout, httpcore.ConnectTimeout)):
            addresses = self._addresses(host, port)
            for tried, address in enumerate(addresses):
                left = remaining(None, httpcore.ConnectTimeout)
                share = left / min(len(addresses) - tried, _MOST_SHARES)
                try:
                    stream = self._backend.connect_tcp(
                        address, port, share, local_address, socket_options
                    )
                except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                    failure = error
                else:
                    return DeadlineStream(stream)
        raise failure

    def _addresses(self, host: str, port: int) -> list[str]:
        found: SimpleQueue[list[str] | httpcore.ConnectError] = SimpleQueue()

        def look_up() -> None:
            try:
                found.put(self.look_up(host, port))
            except (OSError, UnicodeError) as error:
                found.put(httpcore.ConnectError(f"looking up {host} failed: {error}"))

        # getaddrinfo knows no timeout and cannot be interrupted: a late one keeps its thread.
        threading.Thread(target=look_up, daemon=True).start()
        try:
            result = found.get(timeout=remaining(None, httpcore.ConnectTimeout))
        except Empty:
            raise httpcore.ConnectTimeout(f"looking up {host} timed out") from None
        if isinstance(result, httpcore.ConnectError):
            raise result
        return result


class ProxyBackend(DeadlineBackend):
    """Opens connections through a proxy: a failure before the tunnel is open means not sent.

    Args:
        proxy: the account's.
        ssl_context: for a proxy that is spoken to over https.
    """

    def __init__(self, proxy: Proxy, ssl_context: ssl.SSLContext) -> None:
        super().__init__()
        self._proxy, self._ssl_context = proxy, ssl_context

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Return a connection to *host* through the proxy, made within *timeout* seconds."""
        proxy, name = self._proxy, f"proxy {self._proxy.host}"
        try:
            until = time.monotonic() + remaining(timeout, httpcore.ConnectTimeout)
            with deadline_at(until), ExitStack() as undo:
                stream = super().connect_tcp(
                    proxy.host, proxy.port, timeout, local_address, socket_options
                )
                undo.callback(stream.close)
                if proxy.scheme == "https":
                    stream = stream.start_tls(self._ssl_context, proxy.host, timeout)
                    undo.callback(stream.close)
                open_tunnel(stream, proxy, host, port)
                undo.pop_all()
                return stream
        except httpcore.TimeoutException as error:
            raise httpcore.ConnectTimeout(f"{name}: {error}") from None
        except (httpcore.NetworkError, TunnelError) as error:
            raise httpcore.ConnectError(f"{name}: {error}") from None
