"""Work for minutes under random faults: ``python -m tests.faults.soak --minutes 10 --seed 7``."""

from __future__ import annotations

import argparse
import collections
import contextlib
import itertools
import json
import os
import random
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from . import behaviours
from .brokers import RABBITMQ_PORT, private_redis, rabbitmq_queue, redis_run
from .databases import CREATE, REMOVE
from .generator import end, show, transaction, work
from .harness import World
from .processes import Process
from .proxy import Proxy
from .vendor import FakeVendor

WORKERS = 4


class Soak:
    """Hosts and workers at work, and a nemesis with dice."""

    def __init__(self, world: World, run: dict[str, str], proxy: Proxy, seed: int) -> None:
        self.world, self.run, self.proxy = world, run, proxy
        self.dice = random.Random(seed)
        self.seeds = itertools.count(seed * 10_000)
        self.counts: collections.Counter[str] = collections.Counter()
        self.started = itertools.count()
        self.workers = [self.worker() for _ in range(WORKERS)]
        self.host = world.host(**run)
        self.faults: list[Callable[[], None]] = [
            self.kill_worker,
            self.kill_worker,
            self.kill_host,
            self.freeze_worker,
            self.cut_database,
            self.spoil_calls,
            self.apply_late,
        ]

    def worker(self) -> Process:
        """Start a worker: with a broker every second one is Celery's."""
        settings = self.world.database.settings
        if "PORT" in settings:
            settings = settings | {"PORT": str(self.proxy.port)}
        if self.run and next(self.started) % 2:
            return self.world.celery("--pool", "solo", database=settings, **self.run)
        return self.world.worker(database=settings)

    def kill_worker(self) -> None:
        """SIGKILL, and another one."""
        victim = self.dice.randrange(WORKERS)
        self.workers[victim].kill()
        self.workers[victim] = self.worker()
        self.counts["kills"] += 1

    def kill_host(self) -> None:
        """SIGKILL before or after the commit, and another one."""
        key = f"orphan-{next(self.seeds)}"
        die = {"do": self.dice.choice(["die", "die_after_commit"])}
        steps = [show(key), end(key)]
        steps.insert(2 if die["do"] == "die" else 0, die)
        self.host.dies(transaction(*steps))
        self.host = self.world.host(**self.run)
        self.counts["host kills"] += 1

    def freeze_worker(self) -> None:
        """SIGSTOP for longer than the lease."""
        victim = self.dice.choice(self.workers)
        victim.signal(signal.SIGSTOP)
        self.labour(4.0)
        victim.signal(signal.SIGCONT)
        self.counts["freezes"] += 1

    def cut_database(self) -> None:
        """Reset the workers' connections to the database."""
        self.proxy.reset_all()
        self.counts["resets"] += 1

    def spoil_calls(self) -> None:
        """Let the next calls fail in one way."""
        ways = [
            behaviours.reset_before,
            behaviours.reset_after,
            behaviours.hang,
            behaviours.page,
            behaviours.status(500),
            behaviours.status(503, Retry_After="1"),
            behaviours.status(429),
        ]
        times = self.dice.randint(1, 4)
        self.world.vendor.rule(self.dice.choice(ways), times=times)
        self.counts["spoilt calls"] += times

    def apply_late(self) -> None:
        """Let a call of each kind be given up, and applied within the quarantine."""
        for method in ("PUT", "DELETE"):
            self.world.vendor.rule(behaviours.late_by(2.0), method)
            self.counts["late applies"] += 1

    def labour(self, seconds: float) -> None:
        """Let the host work; a host that died is replaced by whoever killed it."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.host.must(*work(next(self.seeds), 5, lives=2, updates=2, undo=0.2))
            time.sleep(0.2)

    def go(self, minutes: float) -> None:
        """Work and suffer."""
        limit = time.monotonic() + minutes * 60
        while time.monotonic() < limit:
            self.labour(1.0)
            self.dice.choice(self.faults)()
        self.world.vendor.end_rules()

    def report(self) -> dict[str, object]:
        """Drain, judge, and count."""
        self.world.drained(300.0)
        time.sleep(2.5)  # whatever is applied late has been
        violations = [str(violation) for violation in self.world.violations()]
        calls = self.world.vendor.calls()
        ends = [fact for fact in self.world.facts() if fact.kind == "end"]
        self.counts["ends"], self.counts["calls"] = len(ends), len(calls)
        self.counts["duplicates"] = sum(call.repeats for call in calls)
        self.counts["answered 429"] = sum(call.status == 429 for call in calls)
        return {"counts": dict(self.counts), "violations": violations}


@contextlib.contextmanager
def broker(name: str, folder: Path) -> Iterator[dict[str, str]]:
    """Run with a broker, or with none; the block gets the settings."""
    if name == "redis":
        with private_redis(folder) as client:
            yield redis_run(client)
    elif name == "rabbitmq":
        with rabbitmq_queue() as queue:
            address = f"amqp://guest:guest@127.0.0.1:{RABBITMQ_PORT}//"
            yield {"dispatcher": "celery", "broker": address, "queue": queue}
    else:
        yield {}


def main() -> int:
    """Run, print, write the file; 1 if the checker found a violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--database", choices=list(CREATE), default="postgres")
    parser.add_argument("--broker", choices=["redis", "rabbitmq", "none"], default="none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--output", type=Path, default=Path("soak.json"))
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="faults-soak-"))
    database = CREATE[options.database]()
    port = int(database.settings.get("PORT", 9))
    with (
        broker(options.broker, folder) as run,
        Proxy(port) as proxy,
        FakeVendor(rate_limit=(60, 3.0), concurrent=100_000) as vendor,
    ):
        world = World(database, vendor, folder)
        try:
            soak = Soak(world, run, proxy, options.seed)
            soak.go(options.minutes)
            verdict = vars(options) | {"output": str(options.output)} | soak.report()
        finally:
            world.close()
            for leftover in (database, *REMOVE):
                leftover.drop()
    text = json.dumps(verdict, indent=2)
    options.output.write_text(text + os.linesep)
    sys.stdout.write(text + os.linesep)
    return 1 if verdict["violations"] else 0


if __name__ == "__main__":
    sys.exit(main())
