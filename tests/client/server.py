"""A server on loopback whose answers a test writes byte by byte."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    connection: int

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Respond = Callable[[Request, socket.socket], None]


def answer(
    body: Any = None, status: int = 200, headers: dict[str, str] | None = None, raw: bytes = b""
) -> Respond:
    """Return a respond function that sends one complete answer and keeps the connection."""
    content = raw or json.dumps({"success": True} if body is None else body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(content)}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    message = "\r\n".join([*lines, "", ""]).encode() + content

    def respond(request: Request, connection: socket.socket) -> None:
        connection.sendall(message)

    return respond


@dataclass
class Server:
    respond: Respond = field(default_factory=answer)
    requests: list[Request] = field(default_factory=list)
    closing: threading.Event = field(default_factory=threading.Event)

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._threads = [threading.Thread(target=self._accept)]
        self._connections: list[socket.socket] = []
        self._threads[0].start()

    @property
    def port(self) -> int:
        return self._listener.getsockname()[1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/api"

    @property
    def last(self) -> Request:
        return self.requests[-1]

    def close(self) -> None:
        self.closing.set()
        self._listener.shutdown(socket.SHUT_RDWR)
        for connection in self._connections:
            self.hang_up(connection)
        for thread in self._threads:
            thread.join()
        self._listener.close()

    def hang_up(self, connection: socket.socket) -> None:
        with suppress(OSError):  # the client may be faster
            connection.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self.closing.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._connections.append(connection)
            thread = threading.Thread(target=self._serve, args=(connection, len(self._connections)))
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket, number: int) -> None:
        # The client may go away, and so may the test.
        with suppress(OSError), connection, connection.makefile("rb") as stream:
            while request := _read_request(stream, number):
                self.requests.append(request)
                self.respond(request, connection)


@contextmanager
def silent(addresses: Iterable[str], port: int) -> Iterator[None]:
    """Let addresses answer nothing: Linux drops what arrives while a backlog is full."""
    with ExitStack() as opened:
        for address in addresses:
            listener = opened.enter_context(socket.create_server((address, port), backlog=0))
            for _ in range(3):
                waiting = opened.enter_context(socket.socket())
                waiting.setblocking(False)
                waiting.connect_ex(listener.getsockname())
        yield


def _read_request(stream: Any, number: int) -> Request | None:
    line = stream.readline().decode()
    if not line.strip():
        return None
    method, path, _ = line.split(" ")
    headers = {}
    while header := stream.readline().decode().strip():
        name, _, value = header.partition(":")
        headers[name.lower()] = value.strip()
    body = stream.read(int(headers.get("content-length", 0)))
    return Request(method, path, headers, body, number)
