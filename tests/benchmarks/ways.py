"""The ways to end many cards at once: ours, and those in which people do it today."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from celery import Celery

from django_liveactivity.conf import Timing
from tests.faults.brokers import Redis
from tests.faults.generator import end, transaction
from tests.faults.harness import OPERATIONS, World
from tests.faults.own_servers import private
from tests.faults.processes import ask

from .saturation import Load

WORKERS = "8"
QUIET = ("--without-gossip", "--without-mingle", "-l", "WARNING")
ONE_BY_ONE = ("-c", "1", "--prefetch-multiplier", "1")
"""With more tasks fetched ahead Celery 5.7 on Redis falls from 10 tasks a second to about one."""
Left = Callable[[], int]
Way = Callable[[World, Load], Any]


@contextmanager
def ours(world: World, load: Load) -> Iterator[Left]:
    """Eight processes of ``liveactivity_dispatch``, and one transaction that ends every card."""
    run = _our_run(load)
    for _ in range(int(WORKERS)):
        world.start("django", "liveactivity_dispatch", name="worker", **run)
    _commit(world, load, run)
    yield world.unfinished


@contextmanager
def ours_with_celery(world: World, load: Load) -> Iterator[Left]:
    """One prefork worker with eight processes, and beat."""
    with private(Redis) as redis:
        run = _our_run(load) | redis.run_settings()
        beat = ("--beat", "-s", str(world.folder / "beat"))
        _celery(world, "tests.benchmarks.celery_app", "-c", WORKERS, *beat, **run)
        _commit(world, load, run)
        yield world.unfinished


def sdk(task: str, *options: str) -> Way:
    """Return the way of a task of ``sdk_tasks``: all are queued, then the worker starts."""

    @contextmanager
    def run(world: World, load: Load) -> Iterator[Left]:
        with private(Redis) as redis:
            broker = redis.run_settings()["broker"]
            _publish(broker, task, load.keys)
            per_minute = f"{load.calls * 60 / load.seconds:g}/m"
            app = "tests.benchmarks.sdk_tasks"
            _celery(world, app, *options, broker=broker, task_rate=per_minute)
            yield lambda: redis.client.llen("celery") + redis.client.hlen("unacked")

    return run


@contextmanager
def outbox(world: World, load: Load) -> Iterator[Left]:
    """The SDK in jobs of procrastinate, a queue in PostgreSQL: eight at once, retried for ever."""
    command = ("procrastinate", "-a", "tests.benchmarks.peers.app")
    defer = f"end.batch_defer(*[{{'stream_key': key}} for key in {load.keys!r}])"
    code = f"from tests.benchmarks.peers import app, end\nwith app.open(): {defer}"
    world.start(*command, "schema", "--apply", name="schema").popen.wait()
    ask(world.run, code)
    world.start(*command, "worker", "-c", WORKERS, name="procrastinate")
    unfinished = "SELECT COUNT(*) FROM procrastinate_jobs WHERE status IN ('todo', 'doing')"
    yield lambda: int(world.database.rows(unfinished)[0][0])


@contextmanager
def perfect_log(world: World, load: Load) -> Iterator[Left]:
    """One process that knows every call: what nothing else can beat."""
    numbers = map(str, (load.ends, load.calls, load.seconds))
    process = world.start("tests.benchmarks.perfect_log", *numbers, name="perfect")
    yield lambda: int(process.is_alive)


WAYS: dict[str, tuple[str, Way]] = {
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


def _celery(world: World, app: str, *options: str, **run: Any) -> None:
    world.start("celery", "-A", app, "worker", *QUIET, *options, name="celery", **run)


def _commit(world: World, load: Load, run: dict[str, Any]) -> None:
    """End all cards in one transaction, while the workers are up and find nothing to do."""
    world.host(**run).must(transaction(*map(end, load.keys)))
    # As for cards that we showed: ends of keys of which nothing is known have a quarter.
    world.database.execute(f"UPDATE {OPERATIONS} SET rank = 0 WHERE rank = 2")


def _publish(broker: str, task: str, keys: list[str]) -> None:
    with Celery(broker=broker) as app, app.producer_pool.acquire(block=True) as producer:
        for key in keys:
            app.send_task(f"tests.benchmarks.sdk_tasks.{task}", args=[key], producer=producer)
