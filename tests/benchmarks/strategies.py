"""Strategies to end many cards at once: this package, the SDK in a task, and an outbox."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from celery import Celery

from django_liveactivity.conf import Timing
from tests.faults.brokers import Redis
from tests.faults.generator import end, transaction
from tests.faults.harness import OPERATIONS, System
from tests.faults.own_servers import own_server
from tests.faults.processes import ask

from .saturation import Load

WORKERS = "8"
QUIET = ("--without-gossip", "--without-mingle", "-l", "WARNING")
ONE_BY_ONE = ("-c", "1", "--prefetch-multiplier", "1")
"""With more tasks fetched ahead Celery 5.7 on Redis falls from 10 tasks a second to about one."""
Left = Callable[[], int]
Strategy = Callable[[System, Load], Any]


@contextmanager
def ours(system: System, load: Load) -> Iterator[Left]:
    """Eight processes of ``liveactivity_dispatch``, and one transaction that ends every card."""
    run = _our_run(load)
    for _ in range(int(WORKERS)):
        system.start("django", "liveactivity_dispatch", name="worker", **run)
    _commit(system, load, run)
    yield system.unfinished


@contextmanager
def ours_with_celery(system: System, load: Load) -> Iterator[Left]:
    """One prefork worker with eight processes, and beat."""
    with own_server(Redis) as redis:
        run = _our_run(load) | redis.run_settings()
        beat = ("--beat", "-s", str(system.folder / "beat"))
        _celery(system, "tests.benchmarks.celery_app", "-c", WORKERS, *beat, **run)
        _commit(system, load, run)
        yield system.unfinished


def sdk(task: str, *options: str) -> Strategy:
    """Return the strategy of a task in ``sdk_tasks``: queue all ends, then start the worker."""

    @contextmanager
    def run(system: System, load: Load) -> Iterator[Left]:
        with own_server(Redis) as redis:
            broker = redis.run_settings()["broker"]
            _publish(broker, task, load.keys)
            per_minute = f"{load.calls * 60 / load.seconds:g}/m"
            app = "tests.benchmarks.sdk_tasks"
            _celery(system, app, *options, broker=broker, task_rate=per_minute)
            yield lambda: redis.client.llen("celery") + redis.client.hlen("unacked")

    return run


@contextmanager
def outbox(system: System, load: Load) -> Iterator[Left]:
    """The SDK in jobs of procrastinate, a queue in PostgreSQL: eight at once, retried for ever."""
    command = ("procrastinate", "-a", "tests.benchmarks.peers.app")
    defer = f"end.batch_defer(*[{{'stream_key': key}} for key in {load.keys!r}])"
    code = f"from tests.benchmarks.peers import app, end\nwith app.open(): {defer}"
    system.start(*command, "schema", "--apply", name="schema").popen.wait()
    ask(system.run, code)
    system.start(*command, "worker", "-c", WORKERS, name="procrastinate")
    unfinished = "SELECT COUNT(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    yield lambda: int(system.database.rows(unfinished)[0][0])


@contextmanager
def perfect_log(system: System, load: Load) -> Iterator[Left]:
    """One process that knows every call: what nothing else can beat."""
    numbers = map(str, (load.ends, load.calls, load.seconds))
    process = system.start("tests.benchmarks.perfect_log", *numbers, name="perfect")
    yield lambda: int(process.is_alive)


STRATEGIES: dict[str, tuple[str, Strategy]] = {
    "ours": ("ours, 8 liveactivity_dispatch", ours),
    "celery": ("ours, Celery -c 8 and beat", ours_with_celery),
    "sdk": ("SDK in a task, 3 retries, -c 8", sdk("end_retried", "-c", WORKERS)),
    "sdk-for-ever": (
        "SDK in a task, unlimited retries, -c 8",
        sdk("end_retried_for_ever", "-c", WORKERS),
    ),
    "rate-limit": ("SDK in a task, rate_limit, -c 1", sdk("end_limited", *ONE_BY_ONE)),
    "outbox": ("SDK in a job of procrastinate, -c 8", outbox),
    "perfect": ("a perfect log in one process", perfect_log),
}


def _our_run(load: Load) -> dict[str, Any]:
    return {"rate_limit": [load.calls, load.seconds], "timing": asdict(Timing())}


def _celery(system: System, app: str, *options: str, **run: Any) -> None:
    system.start("celery", "-A", app, "worker", *QUIET, *options, name="celery", **run)


def _commit(system: System, load: Load, run: dict[str, Any]) -> None:
    """End all cards in one transaction, while the workers are up and find nothing to do."""
    system.host(**run).must(transaction(*map(end, load.keys)))
    # As for cards that we showed: ends of keys of which nothing is known have a quarter.
    system.database.execute(f"UPDATE {OPERATIONS} SET rank = 0 WHERE rank = 2")


def _publish(broker: str, task: str, keys: list[str]) -> None:
    with Celery(broker=broker) as app, app.producer_pool.acquire(block=True) as producer:
        for key in keys:
            app.send_task(f"tests.benchmarks.sdk_tasks.{task}", args=[key], producer=producer)
