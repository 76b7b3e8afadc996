"""A small TCP proxy: latency, resets, silence, a half-closed line, a cut after so many bytes."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Self

from django_liveactivity.sandbox.faults import reset

CHUNK = 65536
Trigger = Callable[[bytes], bool]


@dataclass
class Faults:
    """What the proxy does to the bytes; every field may be changed while it runs.

    Args:
        latency: seconds before each piece is passed on.
        silent: nothing is passed on, and nothing is closed, until this ends.
        cut_after: a connection is reset when so many bytes have come from the server.
        half_close_after: likewise, but only the server's direction is closed.
        cut_at: asked of each piece from the client; when true, the connection is cut once.
        pass_first: whether that piece still reaches the server.
    """

    latency: float = 0.0
    silent: bool = False
    cut_after: int | None = None
    half_close_after: int | None = None
    cut_at: Trigger | None = None
    pass_first: bool = False
    cuts: int = field(default=0)


class Proxy:
    """Passes connections on to a port of this machine, as a context manager."""

    def __init__(self, target: int) -> None:
        self.target, self.faults = target, Faults()
        self.lock = threading.Lock()
        self.pairs: set[Pair] = set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self.listener.getsockname()[1])
        self.thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self.thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.reset_all()

    def reset_all(self) -> None:
        """Reset every open connection."""
        with self.lock:
            pairs = list(self.pairs)
        for pair in pairs:
            pair.cut()

    def _accept(self) -> None:
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = socket.create_connection(("127.0.0.1", self.target), timeout=5)
            except OSError:
                reset(client)
                continue
            server.settimeout(None)
            Pair(self, client, server).start()


class Pair:
    """A client's connection and the server's, and a thread for each direction."""

    def __init__(self, proxy: Proxy, client: socket.socket, server: socket.socket) -> None:
        self.proxy, self.client, self.server = proxy, client, server
        self.received, self.muted = 0, False

    def start(self) -> None:
        """Pass on until one of them ends."""
        with self.proxy.lock:
            self.proxy.pairs.add(self)
        for pump in (self._up, self._down):
            threading.Thread(target=self._run, args=[pump], daemon=True).start()

    def _run(self, pump: Callable[[], None]) -> None:
        with contextlib.suppress(OSError):
            pump()
        self.cut(gently=True)

    def _up(self) -> None:
        while piece := self.client.recv(CHUNK):
            faults = self._wait()
            if faults.cut_at is not None and faults.cut_at(piece):
                faults.cuts += 1
                if faults.pass_first:
                    self.muted = True
                    self.server.sendall(piece)
                    time.sleep(0.2)  # done there, and never told here
                self.cut()
                return
            self.server.sendall(piece)

    def _down(self) -> None:
        while piece := self.server.recv(CHUNK):
            faults = self._wait()
            if self.muted:
                continue
            self.received += len(piece)
            limit = faults.cut_after
            if limit is not None and self.received > limit:
                self.client.sendall(piece[: max(0, len(piece) - (self.received - limit))])
                self.cut()
                return
            limit = faults.half_close_after
            if limit is not None and self.received > limit:
                self.client.sendall(piece[: max(0, len(piece) - (self.received - limit))])
                self.client.shutdown(socket.SHUT_WR)
                while self.server.recv(CHUNK):
                    pass
                return
            self.client.sendall(piece)

    def _wait(self) -> Faults:
        faults = self.proxy.faults
        if faults.latency:
            time.sleep(faults.latency)
        if faults.silent:
            while self.proxy.faults is faults and faults.silent:
                time.sleep(0.02)
            raise ConnectionResetError  # what was swallowed never arrives
        return faults

    def cut(self, *, gently: bool = False) -> None:
        """Close both connections, with a RST for the client unless it ends by itself."""
        with self.proxy.lock:
            self.proxy.pairs.discard(self)
        for end in (self.client, self.server):
            with contextlib.suppress(OSError):
                if not gently and end is self.client:
                    end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
                end.shutdown(socket.SHUT_RDWR)
            end.close()


RESET = b"\x01\x00\x00\x00\x00\x00\x00\x00"
"""SO_LINGER on, with no seconds to linger."""
