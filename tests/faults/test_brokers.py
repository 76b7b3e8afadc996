"""Faults of the broker, of wake-ups and of beat: wake-ups may be lost or doubled without harm."""

from __future__ import annotations

import socket
import time

import celery

from . import requirements
from .brokers import Rabbitmq, Redis
from .generator import end, many, show, work
from .harness import PERMITS, World
from .matrix import row
from .own_servers import private

SOLO = ("--pool", "solo")
THREADS = ("--pool", "threads", "-c", "4")
PREFORK = ("--pool", "prefork", "-c", "2")
STOPPED = 20.0


def succeeds_without_sockets(world: World, port: int) -> None:
    """Let a host show and end cards while its broker at this port is no good."""
    host = world.host(dispatcher="celery", broker=f"redis://127.0.0.1:{port}/0")
    world.worker()
    host.must({"do": "watch_port", "port": port}, show("warm-up"))
    for step in (show("card-1"), end("card-1"), many([show("card-2"), show("card-2")])):
        answer = host.do(step)
        assert not answer["error"]
        assert answer["seconds"] < 10, "a silent broker is waited for half a minute"
        assert answer["sockets"] == 0, "the host's own thread opened a broker socket"
    host.must(end("warm-up"), end("card-2"))
    world.judge()


@row(4)
def test_row_04_broker_refuses_connections(world: World):
    succeeds_without_sockets(world, requirements.free_port())


@row(5)
def test_row_05_broker_accepts_and_never_answers(world: World):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        succeeds_without_sockets(world, silent.getsockname()[1])


@row(6)
def test_row_06_redis_flushall_before_the_worker_comes(world: World):
    with private(Redis) as redis:
        run = redis.run_settings()
        host = world.host(**run)
        host.must(*work(6, 3))
        world.until(lambda: redis.client.llen("faults"), "a message")
        redis.client.flushall()
        world.celery(*SOLO, **run)
        world.judge()


@row(6)
def test_row_06_redis_flushall_under_a_running_worker(world: World):
    with private(Redis) as redis:
        run = redis.run_settings()
        world.celery(*SOLO, **run)
        host = world.host(**run)
        host.must(show("card-1"))
        world.until_called("PUT")
        for step in (end("card-1"), show("card-2"), end("card-2")):
            redis.client.flushall()
            host.must(step)
            redis.client.flushall()
        world.judge()


@row(7)
def test_row_07_rabbitmq_stopped(world: World, rabbitmq: Rabbitmq):
    run = rabbitmq.run_settings()
    worker = world.celery(*SOLO, **run)
    host = world.host(**run)
    host.must(show("card-1"))
    world.until_called("PUT")
    rabbitmq.stop()
    host.must(end("card-1"), show("card-2"))
    time.sleep(STOPPED)
    assert "No wake-up" in host.process.output
    assert "onnection to broker lost" in worker.output
    rabbitmq.start()
    host.must(end("card-2"))
    world.judge()
    assert worker.is_alive
    worker.terminate()


@row(8)
def test_row_08_the_same_wake_up_delivered_50_times(world: World):
    with private(Redis) as redis:
        run = redis.run_settings()
        host = world.host(**run)
        host.must(*(show(f"card-{n}") for n in range(3)))
        kick_50_times(run["broker"])
        world.celery(*THREADS, beat=False, **run)
        world.until(lambda: len(world.vendor.alive()) == 3, "the cards")
        host.must(*(end(f"card-{n}") for n in range(3)))
        kick_50_times(run["broker"])
        world.drained()
        world.until(lambda: not redis.client.llen("faults"), "the last wake-up")
        world.judge()
    assert len(world.vendor.calls("PUT")) == 3
    assert len(world.vendor.calls("DELETE")) == 3


def kick_50_times(broker: str) -> None:
    """Publish the same wake-up again and again."""
    with celery.Celery("nemesis", broker=broker, set_as_current=False) as app:
        for _ in range(50):
            app.send_task("django_liveactivity.drain", args=["default"], queue="faults")


@row(15)
def test_row_15_sigterm_and_soft_shutdown(world: World):
    with private(Redis) as redis:
        run = redis.run_settings()
        host = world.host(**run)
        worker = world.celery(*PREFORK, **run)
        world.vendor.latency = 0.5
        host.must(*(show(f"card-{n}") for n in range(16)))
        world.until_called("PUT")
        begun = time.monotonic()
        worker.terminate()
        assert time.monotonic() - begun < 10.0
        assert world.unfinished(), "the worker was not stopped in the middle"
        assert world.leases() == 0, "the lease is released"
        now = round(time.time() * 1000)
        held = f"SELECT COUNT(*) FROM {PERMITS} WHERE lease_until > %s"
        assert world.database.rows(held, now) == [(0,)], "the drain permit is released"
        assert "" not in world.outcomes(), "every attempt has its outcome"
        assert "ambiguous" not in world.outcomes()
        world.vendor.latency = 0.0
        world.celery(*PREFORK, **run)
        host.must(*(end(f"card-{n}") for n in range(16)))
        world.judge()


@row(35)
def test_row_35_two_sweeps_and_two_beats(world: World):
    with private(Redis) as redis:
        run = redis.run_settings()
        host = world.host(**run)
        world.celery(*SOLO, **run)
        world.celery(*SOLO, **run)
        world.workers(2)
        host.must(*(show(f"card-{n}") for n in range(4)))
        world.until(lambda: len(world.vendor.alive()) == 4, "the cards")
        time.sleep(2.0)
        host.must(*(end(f"card-{n}") for n in range(4)))
        world.judge()
        time.sleep(2.0)
    assert len(world.vendor.calls("PUT")) == 4
    assert len(world.vendor.calls("DELETE")) == 4
