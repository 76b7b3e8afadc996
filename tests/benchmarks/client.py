"""What ``Client`` costs beside a bare ``httpx.Client`` that makes the same call.

    python -m tests.benchmarks.client [--calls 2000]

Both call one server on loopback, in turns, from one process; the figure is the ratio of medians.
"""

from __future__ import annotations

import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from multiprocessing.connection import Connection

import httpx

from django_liveactivity.client import Client
from django_liveactivity.content import Progress

from .figures import Figure, command_line, report

KEY = "ask_benchmark_0123456789"
GOAL = 1.1
WARM_UP = 100
CONTENT = {"title": "Import", "type": "progress", "percentage": 40}
ANSWER = json.dumps(
    {
        "success": True,
        "operation": "updated",
        "stream_key": "import-7",
        "activity_id": "pLAr-Hnq9ZFW4sxlk43L",
        "devices_notified": 1,
        "timestamp": "2026-01-01T00:00:00Z",
    }
).encode()
HEAD = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"


class Vendor(asyncio.Protocol):
    """Gives every request the same answer, with as little work as can be."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport, self.received = transport, b""

    def data_received(self, data: bytes) -> None:
        self.received += data
        head, end, body = self.received.partition(b"\r\n\r\n")
        names = dict(line.lower().partition(b": ")[::2] for line in head.split(b"\r\n"))
        length = int(names.get(b"content-length", 0))
        if end and len(body) >= length:
            self.received = body[length:]
            self.transport.write((HEAD % len(ANSWER)).encode() + ANSWER)


def serve(ready: Connection) -> None:
    async def run() -> None:
        server = await asyncio.get_running_loop().create_server(Vendor, "127.0.0.1", 0)
        ready.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())


def pairs(url: str) -> dict[str, tuple[Callable[[], object], Callable[[], object]]]:
    """Return, by name, ours and the bare one."""
    client = Client(KEY, base_url=url)
    bare = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {KEY}"}, timeout=15)
    path = "/live-activity/stream/import-7"
    ended = {**CONTENT, "auto_dismiss_seconds": 60}

    def put() -> object:
        return client.stream("import-7", Progress(title="Import", percentage=40)).body

    def delete() -> object:
        content = Progress(title="Import", percentage=40)
        return client.end_stream("import-7", content, dismiss_after=timedelta(minutes=1)).body

    return {
        "PUT": (put, lambda: bare.put(path, json={"content_state": CONTENT}).json()),
        "DELETE": (
            delete,
            lambda: bare.request("DELETE", path, json={"content_state": ended}).json(),
        ),
    }


def medians(calls: tuple[Callable[[], object], ...], count: int) -> list[float]:
    """Return the median seconds of each call, all of them made in turns."""
    took: list[list[float]] = [[] for _ in calls]
    for number in range(WARM_UP + count):
        for call, times in zip(calls, took, strict=True):
            started = time.perf_counter()
            assert call()
            if number >= WARM_UP:
                times.append(time.perf_counter() - started)
    return [statistics.median(times) for times in took]


def figures(count: int) -> Iterator[Figure]:
    """Yield the ratio of each kind of call, made so many times."""
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=serve, args=(there,), daemon=True)
    server.start()
    try:
        for name, calls in pairs(f"http://127.0.0.1:{here.recv()}/api").items():
            ours, bare = medians(calls, count)
            beside = f"a bare httpx.Client, {bare * 1e6:.0f} µs"
            yield Figure(f"a {name} by Client", ours / bare, beside=beside, at_most=GOAL)
    finally:
        server.terminate()


def main() -> None:
    parser = command_line(__doc__)
    parser.add_argument("--calls", type=int, default=2000)
    options = parser.parse_args()
    report(figures(options.calls), options.json)


if __name__ == "__main__":
    main()
