"""What is said to a proxy until it passes on what follows: CONNECT (RFC 9110), SOCKS 5 (RFC 1928).

httpcore could do it, too. But it keeps the proxy's credentials in what it logs, and its errors do
not tell whether the proxy or the vendor was waited for. Until the tunnel is open nothing of a call
was sent, so whatever goes wrong in here cannot have been applied.
"""

from __future__ import annotations

import re
from ipaddress import ip_address
from typing import Protocol

from .proxy import Proxy

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
_NO_USER = "it wants a user: give proxy_auth"


class Stream(Protocol):
    """A connection to a proxy; each operation has a time limit of its own."""

    def read(self, max_bytes: int) -> bytes:
        """Return what has arrived, b"" at the end."""

    def write(self, buffer: bytes) -> None:
        """Send all of *buffer*."""


class TunnelError(Exception):
    """The proxy passes nothing on; the message holds nothing that the proxy wrote."""


def open_tunnel(stream: Stream, proxy: Proxy, host: str, port: int) -> None:
    """Let the proxy at the other end of *stream* connect it to *host*, which the proxy looks up.

    Raises:
        TunnelError: it refuses, or answers what is neither HTTP nor SOCKS 5.
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
        raise TunnelError("no answer of SOCKS 5")
    if method not in methods:
        raise TunnelError("it wants another authentication" if proxy.has_credentials else _NO_USER)
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
    raise TunnelError("it hung up")
