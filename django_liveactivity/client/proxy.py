"""The proxy of an account: its URL, its credentials, and the tunnel that it opens.

The tunnel is asked for by CONNECT (RFC 9110) or SOCKS 5 (RFC 1928). httpcore could do it, too. But
it keeps the proxy's credentials in what it logs, and its errors do not tell whether the proxy or
the vendor was waited for. Until the tunnel is open no part of a call has been sent, so a failure
here means that the call was not applied.
"""

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address
from typing import Any, Protocol
from urllib.parse import SplitResult, unquote, urlsplit

from django_liveactivity.exceptions import InvalidInputError

from .secret import PRINTABLE, Secret

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, by the scheme of their URLs."""

_HOST = re.compile(r"[a-z0-9_.:-]+")
_LABEL = b"[proxy credentials]"
_LONGEST = 255
"""Bytes of a user and of a password (RFC 1929)."""
_WANTED = "give a URL such as http://proxy.example.com:3128"

_LONGEST_HEAD = 16 * 1024
_STATUS = re.compile(rb"HTTP/1\.[01] ([0-9]{3})\b")
_WITHOUT, _BY_PASSWORD = 0, 2
_SOCKS_REPLIES = {
    1: "general failure",
    2: "not allowed by its rules",
    3: "network unreachable",
    4: "host unreachable",
    5: "connection refused",
    6: "timed out",
    7: "command not supported",
    8: "address type not supported",
}
_ADDRESS_SIZES = {1: 4, 4: 16}
_NO_USER = "it requires a user: give proxy_auth"


class Proxy:
    """A proxy that forwards the calls of an account in a tunnel that it cannot read.

    Error pages print the locals of every frame, so no local variable holds the URL. That is why
    the constructor asks for it, and raises nothing; ``check`` does.

    Args:
        read: returns the URL: ``scheme://host:port``; a user and password in it are
            percent-encoded.
        read_auth: returns ``(user, password)`` in plain text; None if they are in the URL, or there
            are none.

    Attributes:
        scheme: http, https, socks5 or socks5h.
        host: a name or an address.
        port: of the host.
        user: as a secret, empty if there is none.
        password: as a secret.
        token: both, as HTTP's Basic authentication sends them (RFC 7617).
        has_credentials_in_url: whether Django's error pages show them, with the settings.
    """

    __slots__ = (
        "_problem",
        "has_credentials_in_url",
        "host",
        "password",
        "port",
        "scheme",
        "token",
        "user",
    )

    def __init__(
        self, read: Callable[[], Any], read_auth: Callable[[], Any] = lambda: None
    ) -> None:
        self.scheme, self.host, self.port = "", "", 0
        self.user = self.password = self.token = Secret(lambda: "", _LABEL)
        self.has_credentials_in_url = False
        self._problem = "proxy", _WANTED
        if isinstance(read(), str) and PRINTABLE.fullmatch(read().strip()):
            with suppress(ValueError):  # urllib's, which quotes the URL
                self._read(lambda: urlsplit(read().strip()), read_auth)

    def __repr__(self) -> str:
        parts = [getattr(self, name, "") for name in ("scheme", "host", "port")]  # none in __init__
        return "Proxy('{}://{}:{}')".format(*parts)

    def __reduce__(self) -> str:
        raise TypeError("a proxy is not pickled, as pickles end up in queues and caches")

    def check(self) -> None:
        """Raise InvalidInputError at ``proxy`` or ``proxy_auth``, without what was given."""
        field, message = self._problem
        if message:
            raise InvalidInputError.at(field, message)

    @property
    def has_credentials(self) -> bool:
        """Whether the proxy gets a user and a password."""
        return self.token.encode() != b""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """The secrets to redact from answers and logs."""
        return (self.token, self.password, self.user)

    def _read(self, parts: Callable[[], SplitResult], auth: Callable[[], Any]) -> None:
        self.port = parts().port or DEFAULT_PORTS.get(parts().scheme, 0)
        self.scheme, self.host = parts().scheme, parts().hostname or ""
        self.has_credentials_in_url = "@" in parts().netloc
        self._problem = _problem(parts, auth, self)
        if self._problem[1] or not (self.has_credentials_in_url or auth()):
            return
        if self.has_credentials_in_url:
            self.user = Secret(lambda: unquote(parts().username or ""), _LABEL)
            self.password = Secret(lambda: unquote(parts().password or ""), _LABEL)
        else:
            self.user = Secret(lambda: auth()[0], _LABEL)
            self.password = Secret(lambda: auth()[1], _LABEL)
        self.token = Secret(lambda: _basic(self.user, self.password), _LABEL)
        longest = max(len(self.user.encode()), len(self.password.encode()))
        if b":" in self.user.encode() or longest > _LONGEST:
            self._problem = (
                "proxy" if self.has_credentials_in_url else "proxy_auth",
                f"a user without a colon, and a password; each of at most {_LONGEST} bytes",
            )


def _basic(user: Secret, password: Secret) -> str:
    return base64.b64encode(user.encode() + b":" + password.encode()).decode()


def _problem(
    parts: Callable[[], SplitResult], auth: Callable[[], Any], proxy: Proxy
) -> tuple[str, str]:
    """Return the field and its problem; the problem is empty if there is none."""
    if proxy.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(proxy.host):
        return "proxy", "must start with http://, https:// or socks5:// and a host"
    if parts().path.strip("/") or parts().query or parts().fragment:
        return "proxy", "must not contain a path, a query or a fragment"
    if not auth():
        return "proxy_auth", ""
    if proxy.has_credentials_in_url:
        return "proxy_auth", "the URL in proxy has a user already: take it out there"
    is_pair = isinstance(auth(), tuple | list) and [*map(type, auth())] == [str, str]
    return "proxy_auth", "" if is_pair else "give (user, password), both text"


class Stream(Protocol):
    """A connection to a proxy; each operation has a time limit of its own."""

    def read(self, max_bytes: int) -> bytes:
        """Return what has arrived, b"" at the end."""

    def write(self, buffer: bytes) -> None:
        """Send all of *buffer*."""


class TunnelError(Exception):
    """The proxy opens no tunnel; the message contains nothing that the proxy wrote."""


def open_tunnel(stream: Stream, proxy: Proxy, host: str, port: int) -> None:
    """Ask the proxy at the other end of *stream* to connect it to *host*, which the proxy looks up.

    Raises:
        TunnelError: the proxy refuses, or its answer is neither HTTP nor SOCKS 5.
    """
    if proxy.scheme.startswith("socks5"):
        _authenticate(stream, proxy)
        _request(stream, host, port)
    else:
        _connect(stream, proxy, f"[{host}]:{port}" if ":" in host else f"{host}:{port}")


def _connect(stream: Stream, proxy: Proxy, target: str) -> None:
    lines = [f"CONNECT {target} HTTP/1.1".encode(), f"Host: {target}".encode()]
    if proxy.has_credentials:
        lines.append(b"Proxy-Authorization: Basic " + proxy.token.encode())
    stream.write(b"\r\n".join([*lines, b"", b""]))
    received = bytearray()
    while 100 <= (status := _read_status(stream, received)) < 200:
        pass
    if status == 407:
        hint = "it refuses proxy_auth" if proxy.has_credentials else _NO_USER
        raise TunnelError(f"HTTP 407 to CONNECT: {hint}")
    if not 200 <= status < 300:
        raise TunnelError(f"HTTP {status} to CONNECT")
    if received:  # the vendor's server does not speak first
        raise TunnelError("more than an answer to CONNECT")


def _read_status(stream: Stream, received: bytearray) -> int:
    """Return the status of one answer without a body, and take it out of *received*."""
    while b"\r\n\r\n" not in received:
        if len(received) > _LONGEST_HEAD:
            raise TunnelError("no HTTP answer to CONNECT")
        received += _read_some(stream, 4096)
    head, _, rest = bytes(received).partition(b"\r\n\r\n")
    received[:] = rest
    if found := _STATUS.match(head):
        return int(found[1])
    raise TunnelError("no HTTP answer to CONNECT")


def _authenticate(stream: Stream, proxy: Proxy) -> None:
    methods = bytes([_WITHOUT, _BY_PASSWORD] if proxy.has_credentials else [_WITHOUT])
    stream.write(bytes([5, len(methods)]) + methods)
    version, method = _read_exactly(stream, 2)
    if version != 5:
        raise TunnelError("no SOCKS 5 answer")
    if method not in methods:
        raise TunnelError("it requires other authentication" if proxy.has_credentials else _NO_USER)
    if method == _BY_PASSWORD:
        user, password = (_with_length(each.encode()) for each in (proxy.user, proxy.password))
        stream.write(b"\x01" + user + password)
        if _read_exactly(stream, 2)[1] != 0:
            raise TunnelError("it refuses proxy_auth")


def _request(stream: Stream, host: str, port: int) -> None:
    stream.write(b"\x05\x01\x00" + _encode_address(host) + port.to_bytes(2))
    _, reply, _, kind = _read_exactly(stream, 4)
    if reply != 0:
        raise TunnelError(f"SOCKS {reply}: {_SOCKS_REPLIES.get(reply, 'unknown')}")
    size = _ADDRESS_SIZES.get(kind) or _read_exactly(stream, 1)[0]
    _read_exactly(stream, size + 2)


def _encode_address(host: str) -> bytes:
    try:
        address = ip_address(host)
    except ValueError:
        return b"\x03" + _with_length(host.encode())
    return (b"\x01" if address.version == 4 else b"\x04") + address.packed


def _with_length(value: bytes) -> bytes:
    return bytes([len(value)]) + value


def _read_exactly(stream: Stream, size: int) -> bytes:
    received = bytearray()
    while len(received) < size:
        received += _read_some(stream, size - len(received))
    return bytes(received)


def _read_some(stream: Stream, size: int) -> bytes:
    if chunk := stream.read(size):
        return chunk
    raise TunnelError("it closed the connection")
