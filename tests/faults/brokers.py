"""Brokers of a run's own: a private Redis, and a queue of its own on the machine's RabbitMQ."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import amqp
import redis

from .databases import fresh_name

RABBITMQ_PORT = 5672


def free_port() -> int:
    """Return a port on which nothing listens."""
    with closing(socket.create_server(("127.0.0.1", 0))) as server:
        return int(server.getsockname()[1])


def wait_for_port(port: int, seconds: float = 15.0) -> None:
    """Wait until something listens on a port."""
    limit = time.monotonic() + seconds
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            assert time.monotonic() < limit, f"nothing listens on {port}"
            time.sleep(0.05)
        else:
            return


@contextmanager
def private_redis(folder: Path) -> Iterator[Any]:
    """Run a Redis for the time of the block, which gets a client of it."""
    port = free_port()
    command = ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""]
    with (folder / "redis.log").open("ab") as log:
        server = subprocess.Popen([*command, "--dir", str(folder)], stdout=log, stderr=log)
    try:
        wait_for_port(port)
        with redis.Redis(port=port) as client:
            yield client
    finally:
        server.kill()
        server.wait()


def redis_run(client: Any) -> dict[str, str]:
    """Return the settings of processes that use this Redis."""
    port = client.connection_pool.connection_kwargs["port"]
    return {"dispatcher": "celery", "broker": f"redis://127.0.0.1:{port}/0"}


@contextmanager
def rabbitmq_queue() -> Iterator[str]:
    """Name a queue of the machine's RabbitMQ, and delete it afterwards."""
    name = fresh_name("queue")
    yield name
    with amqp.Connection(f"127.0.0.1:{RABBITMQ_PORT}") as connection:
        channel = connection.channel()
        channel.queue_delete(name)
        channel.exchange_delete(name)
