"""A company's network on loopback: a proxy of each kind, and a vendor with its own certificate.

The proxy looks names up as it likes, so that ``https://vendor.test`` leads to the vendor here.
"""

from __future__ import annotations

import base64
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .server import Request, Server, answer

HOSTS = ("vendor.test", "proxy.test")


def make_certificate(folder: Path) -> Path:
    """Return a file with a key and a certificate that vouches for itself."""
    names = ",".join(f"DNS:{host}" for host in HOSTS) + ",IP:127.0.0.1"
    path = folder / "both.pem"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"]
    command += ["-nodes", "-days", "2", "-subj", "/CN=vendor.test"]
    command += ["-addext", f"subjectAltName={names}", "-keyout", path, "-out", folder / "only.pem"]
    subprocess.run(command, check=True, capture_output=True)
    path.write_text(path.read_text() + (folder / "only.pem").read_text())
    return path


def server_context(certificate: Path) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return context


class TlsServer(Server):
    """The vendor, or whatever answers in its place."""

    def __init__(self, certificate: Path, respond: Any = None) -> None:
        self._context = server_context(certificate)
        super().__init__(respond=respond or answer())

    def _serve(self, connection: socket.socket, number: int) -> None:
        with suppress(OSError):
            super()._serve(self._context.wrap_socket(connection, server_side=True), number)


@dataclass
class CompanyProxy:
    """Passes connections on to one port of this machine, whatever name is asked for.

    ``respond`` writes the answer to a CONNECT in place of the tunnel. Once ``dribbles`` is set, the
    answers of the vendor pass byte by byte.
    """

    upstream: int
    scheme: str = "http"
    certificate: Path | None = None
    credentials: tuple[str, str] | None = None
    respond: Callable[[socket.socket], None] | None = None
    reply: int = 0
    asked: list[str] = field(default_factory=list)
    dribbles: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self._open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError, IndexError):
            if self.scheme == "https":
                assert self.certificate is not None
                connection = server_context(self.certificate).wrap_socket(
                    connection, server_side=True
                )
                self._open.append(connection)
            if self.scheme.startswith("socks"):
                admitted = self._socks(connection)
            else:
                admitted = self._connect(connection)
            if admitted:
                self._pass_on(connection)
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _connect(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            if not (chunk := connection.recv(4096)):
                return False
            head += chunk
        first, *lines = head.decode().split("\r\n")
        self.asked.append(first)
        headers = dict(line.split(": ", 1) for line in lines if ": " in line)
        if self.respond is not None:
            self.respond(connection)
            return False
        if self.credentials:
            token = base64.b64encode(":".join(self.credentials).encode()).decode()
            if headers.get("Proxy-Authorization") != f"Basic {token}":
                connection.sendall(b"HTTP/1.1 407 Who are you\r\nContent-Length: 0\r\n\r\n")
                return False
        connection.sendall(b"HTTP/1.1 200 Connection established\r\nVia: 1.1 proxy\r\n\r\n")
        return True

    def _socks(self, connection: socket.socket) -> bool:
        count = connection.recv(2)[1]
        methods = connection.recv(count)
        wanted = 2 if self.credentials else 0
        if wanted not in methods:
            connection.sendall(b"\x05\xff")
            return False
        connection.sendall(bytes([5, wanted]))
        if self.credentials:
            connection.recv(1)
            given = tuple(connection.recv(connection.recv(1)[0]).decode() for _ in range(2))
            connection.sendall(b"\x01" + bytes([given != self.credentials]))
            if given != self.credentials:
                return False
        kind = connection.recv(4)[3]
        assert kind == 3, "a name, to be looked up here"
        host = connection.recv(connection.recv(1)[0]).decode()
        self.asked.append(f"{host}:{int.from_bytes(connection.recv(2))}")
        connection.sendall(bytes([5, self.reply, 0, 3, 4]) + b"host\x00\x50")
        return self.reply == 0

    def _pass_on(self, connection: socket.socket) -> None:
        with socket.create_connection(("127.0.0.1", self.upstream)) as upstream:
            self._open.append(upstream)
            ends = (upstream, connection, self.dribbles)
            back = threading.Thread(target=_pump, args=ends, daemon=True)
            back.start()
            _pump(connection, upstream)
            back.join(5)


def _pump(
    source: socket.socket, target: socket.socket, dribbles: threading.Event | None = None
) -> None:
    with suppress(OSError, ValueError):
        while chunk := source.recv(65536):
            if dribbles and dribbles.is_set():
                for byte in chunk:
                    target.sendall(bytes([byte]))
                    threading.Event().wait(0.02)
            else:
                target.sendall(chunk)
    with suppress(OSError):
        target.shutdown(socket.SHUT_RDWR)


def page(status: int, said: str = "") -> Callable[[Request, socket.socket], None]:
    """Return a respond function of a proxy that reads the calls: it answers with its own HTML."""
    html = f"<html><h1>{status}</h1><p>Contact your administrator. {said}</p></html>".encode()
    return answer(status=status, headers={"Content-Type": "text/html"}, raw=html)
