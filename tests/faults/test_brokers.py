"""Faults of the broker, of wake-ups and of beat: wake-ups may be lost or doubled without harm."""

from __future__ import annotations

import socket
import time

import celery

from tests.ports import free_port

from .brokers import Rabbitmq, Redis
from .generator import end, many, show, work
from .harness import PERMITS, System
from .matrix import row
from .own_servers import own_server

SOLO = ("--pool", "solo")
THREADS = ("--pool", "threads", "-c", "4")
PREFORK = ("--pool", "prefork", "-c", "2")
STOPPED = 20.0


def succeeds_without_sockets(system: System, port: int) -> None:
    """Let a host show and end cards while its broker at this port is no good."""
    host = system.host(dispatcher="celery", broker=f"redis://127.0.0.1:{port}/0")
    system.worker()
    host.must({"do": "watch_port", "port": port}, show("warm-up"))
    for step in (show("card-1"), end("card-1"), many([show("card-2"), show("card-2")])):
        answer = host.do(step)
        assert not answer["error"]
        assert answer["seconds"] < 10, "a silent broker is waited for half a minute"
        assert answer["sockets"] == 0, "the host's own thread opened a broker socket"
    host.must(end("warm-up"), end("card-2"))
    system.judge()


@row(4)
def test_row_04_broker_refuses_connections(system: System):
    succeeds_without_sockets(system, free_port())


@row(5)
def test_row_05_broker_accepts_and_never_answers(system: System):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        succeeds_without_sockets(system, silent.getsockname()[1])


@row(6)
def test_row_06_redis_flushall_before_the_worker_comes(system: System):
    with own_server(Redis) as redis:
        run = redis.run_settings()
        host = system.host(**run)
        host.must(*work(6, 3))
        system.until(lambda: redis.client.llen("faults"), "a message")
        redis.client.flushall()
        system.celery(*SOLO, **run)
        system.judge()


@row(6)
def test_row_06_redis_flushall_under_a_running_worker(system: System):
    with own_server(Redis) as redis:
        run = redis.run_settings()
        system.celery(*SOLO, **run)
        host = system.host(**run)
        host.must(show("card-1"))
        system.until_called("PUT")
        for step in (end("card-1"), show("card-2"), end("card-2")):
            redis.client.flushall()
            host.must(step)
            redis.client.flushall()
        system.judge()


@row(7)
def test_row_07_rabbitmq_stopped(system: System, rabbitmq: Rabbitmq):
    run = rabbitmq.run_settings()
    worker = system.celery(*SOLO, **run)
    host = system.host(**run)
    host.must(show("card-1"))
    system.until_called("PUT")
    rabbitmq.stop()
    host.must(end("card-1"), show("card-2"))
    time.sleep(STOPPED)
    assert "No wake-up" in host.process.output
    assert "onnection to broker lost" in worker.output
    rabbitmq.start()
    host.must(end("card-2"))
    system.judge()
    assert worker.is_alive
    worker.terminate()


@row(8)
def test_row_08_the_same_wake_up_delivered_50_times(system: System):
    with own_server(Redis) as redis:
        run = redis.run_settings()
        host = system.host(**run)
        host.must(*(show(f"card-{n}") for n in range(3)))
        kick_50_times(run["broker"])
        system.celery(*THREADS, beat=False, **run)
        system.until(lambda: len(system.vendor.alive()) == 3, "the cards")
        host.must(*(end(f"card-{n}") for n in range(3)))
        kick_50_times(run["broker"])
        system.drained()
        system.until(lambda: not redis.client.llen("faults"), "the last wake-up")
        system.judge()
    assert len(system.vendor.calls("PUT")) == 3
    assert len(system.vendor.calls("DELETE")) == 3


def kick_50_times(broker: str) -> None:
    """Publish the same wake-up again and again."""
    with celery.Celery("nemesis", broker=broker, set_as_current=False) as app:
        for _ in range(50):
            app.send_task("django_liveactivity.drain", args=["default"], queue="faults")


@row(15)
def test_row_15_sigterm_and_soft_shutdown(system: System):
    with own_server(Redis) as redis:
        run = redis.run_settings()
        host = system.host(**run)
        worker = system.celery(*PREFORK, **run)
        system.vendor.latency = 0.5
        host.must(*(show(f"card-{n}") for n in range(16)))
        system.until_called("PUT")
        begun = time.monotonic()
        worker.terminate()
        assert time.monotonic() - begun < 10.0
        assert system.unfinished(), "the worker was not stopped in the middle"
        assert system.leases() == 0, "the lease is released"
        now = round(time.time() * 1000)
        held = f"SELECT COUNT(*) FROM {PERMITS} WHERE lease_until > %s"
        assert system.database.rows(held, now) == [(0,)], "the drain permit is released"
        assert "" not in system.outcomes(), "every attempt has its outcome"
        assert "ambiguous" not in system.outcomes()
        system.vendor.latency = 0.0
        system.celery(*PREFORK, **run)
        host.must(*(end(f"card-{n}") for n in range(16)))
        system.judge()


@row(35)
def test_row_35_two_sweeps_and_two_beats(system: System):
    with own_server(Redis) as redis:
        run = redis.run_settings()
        host = system.host(**run)
        system.celery(*SOLO, **run)
        system.celery(*SOLO, **run)
        system.workers(2)
        host.must(*(show(f"card-{n}") for n in range(4)))
        system.until(lambda: len(system.vendor.alive()) == 4, "the cards")
        time.sleep(2.0)
        host.must(*(end(f"card-{n}") for n in range(4)))
        system.judge()
        time.sleep(2.0)
    assert len(system.vendor.calls("PUT")) == 4
    assert len(system.vendor.calls("DELETE")) == 4
