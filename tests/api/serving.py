"""Real servers on loopback, each with the site of ``tests.api.site``, and raw requests to them."""

from __future__ import annotations

import http.client
import json
import select
import socket
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.faults.databases import Database
from tests.faults.processes import Process
from tests.ports import free_port, wait_until_open

from .site.caller import AUTHORIZATION

HEADERS = {
    "Host": "127.0.0.1",
    "Authorization": AUTHORIZATION,
    "Content-Type": "application/json",
    "Connection": "close",
}
COMMANDS = {
    "gunicorn": "gunicorn tests.api.site.wsgi --bind 127.0.0.1:{port} --threads 8",
    "uvicorn": "uvicorn tests.api.site.asgi:application --port {port} --log-level warning",
    "runserver": "django runserver --noreload --settings tests.api.site.settings {port}",
}
"""What follows ``python -m``."""
PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    """What a server has answered; the status is 0 if it only closed the connection."""

    status: int
    content_type: str = ""
    body: bytes = b""

    @property
    def json(self) -> Any:
        return json.loads(self.body)


@dataclass(frozen=True)
class Server:
    """A server that runs."""

    process: Process
    port: int

    def post(
        self,
        body: bytes | Iterable[bytes],
        headers: Mapping[str, str] | None = None,
        *,
        finished: bool = True,
    ) -> Answer:
        """Send a body to ``end/`` until the server answers or closes.

        Args:
            body: bytes, of which the length is announced; else pieces, each sent as a chunk.
            headers: further ones. With a ``Content-Length`` the pieces are sent without framing.
            finished: whether the pieces are all that was announced; else the client hangs up.
        """
        sent = HEADERS | dict(headers or {})
        if isinstance(body, bytes):
            pieces: Iterable[bytes] = [body]
            sent.setdefault("Content-Length", str(len(body)))
        elif "Content-Length" in sent:
            pieces = body
        else:
            sent["Transfer-Encoding"] = "chunked"
            pieces = chunked(body, finished=finished)
        return exchange(self.port, sent, pieces, finished=finished)

    def end(self, **body: object) -> Answer:
        """End a card."""
        return self.post(json.dumps(body).encode())

    def memory(self, name: str) -> int:
        """Return a size in KiB of the processes that serve, as in ``/proc/PID/status``."""
        return sum(_kib(pid, name) for pid in self._workers())

    def forget_peak(self) -> None:
        """Let ``VmHWM`` begin anew."""
        for pid in self._workers():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _workers(self) -> list[int]:
        """Return the children, as gunicorn has, or else the process itself."""
        pid = self.process.popen.pid
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        return [int(child) for child in children] or [pid]


def _kib(pid: int, name: str) -> int:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


@contextmanager
def serving(name: str, database: Database, folder: Path, *options: str) -> Iterator[Server]:
    """Run a server on a database until the block ends.

    Args:
        name: of ``COMMANDS``.
        database: has our tables.
        folder: for its output.
        *options: further ones of its command line.
    """
    port = free_port()
    command = COMMANDS[name].format(port=port).split()
    run = {"database": database.settings}
    process = Process(folder / f"{name}.log", run, *command, *options)
    try:
        wait_until_open(port)
        yield Server(process, port)
    finally:
        process.kill()


def chunked(pieces: Iterable[bytes], *, finished: bool) -> Iterator[bytes]:
    """Yield pieces in the framing of ``Transfer-Encoding: chunked``."""
    for piece in pieces:
        yield b"%x\r\n%b\r\n" % (len(piece), piece)
    if finished:
        yield b"0\r\n\r\n"


def exchange(
    port: int, headers: Mapping[str, str], pieces: Iterable[bytes], *, finished: bool = True
) -> Answer:
    """Post pieces to ``end/`` as they are, until the server answers or closes, and hear it."""
    head = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    with socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as connection:
        with suppress(ConnectionError):
            connection.sendall(f"POST /end/ HTTP/1.1\r\n{head}\r\n".encode())
            if not send(connection, pieces) and not finished:
                connection.shutdown(socket.SHUT_WR)
        return hear(connection)


def send(connection: socket.socket, pieces: Iterable[bytes]) -> bool:
    """Send pieces until the server answers, and tell whether it did."""
    for piece in pieces:
        if select.select([connection], [], [], 0)[0]:
            return True
        connection.sendall(piece)
    return False


def hear(connection: socket.socket) -> Answer:
    """Return what the server answers."""
    response = http.client.HTTPResponse(connection, method="POST")
    try:
        response.begin()
        body = response.read()
    except (ConnectionError, http.client.HTTPException):
        return Answer(0)
    return Answer(response.status, response.headers.get_content_type(), body)
