"""Hosts and workers at work, and dice that decide which fault meets them next."""

from __future__ import annotations

import collections
import itertools
import random
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from . import behaviors
from .brokers import Rabbitmq, Redis
from .generator import Step, end, show, transaction, work
from .harness import System
from .own_servers import Server
from .processes import Process
from .proxy import Proxy

WORKERS = 4
FREEZE = 4.0
PAUSE = 0.03
"""Seconds between two steps of the host: a card is seen by the vendor before it ends."""
COUNTED = (
    "kills",
    "host kills",
    "restarts",
    "broker restarts",
    "broker flushes",
    "resets",
    "freezes",
    "spoilt calls",
    "late applies",
    "host errors",
)


def lives(seed: int) -> list[Step]:
    """Return the lives of as many cards as are alive at once."""
    return work(seed, 12, lives=2, updates=2, undo=0.2)


class Nemesis:
    """Work and suffering.

    Args:
        system: the run.
        server: the database server of the run's own, or None for a file.
        broker: the broker of the run's own, or None.
        proxy: through which the workers see the database.
        seed: of the dice.
    """

    def __init__(
        self,
        system: System,
        server: Server | None,
        broker: Redis | Rabbitmq | None,
        proxy: Proxy,
        seed: int,
    ) -> None:
        self.system, self.server, self.broker, self.proxy = system, server, broker, proxy
        self.run = broker.run_settings() if broker else {}
        self.dice = random.Random(seed)
        self.seeds = itertools.count(seed * 10_000)
        self.steps = itertools.chain.from_iterable(map(lives, self.seeds))
        self.counts = collections.Counter(dict.fromkeys(COUNTED, 0))
        self.workers = [self.worker(number) for number in range(WORKERS)]
        self.host = system.host(**self.run)

    def faults(self) -> dict[Callable[[], None], int]:
        """Return what may happen, and how often beside the others."""
        possible = {
            self.kill_worker: 4,
            self.kill_host: 2,
            self.freeze_worker: 2,
            self.spoil_calls: 3,
            self.apply_late: 2,
        }
        if self.server is not None:
            possible |= {self.reset_connections: 2, self.restart_database: 2}
        if self.broker is not None:
            possible |= {self.restart_broker: 1}
        if isinstance(self.broker, Redis):
            possible |= {self.flush_broker: 1}
        return possible

    def go(self, minutes: float) -> None:
        """Work and suffer for some minutes, then let the vendor be good again."""
        faults = self.faults()
        limit = time.monotonic() + minutes * 60
        while time.monotonic() < limit:
            self.labour(1.0)
            self.dice.choices(list(faults), list(faults.values()))[0]()
        self.system.vendor.end_rules()

    def labour(self, seconds: float) -> None:
        """Let the host work; none of its steps may fail."""
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            self.host.must(next(self.steps))
            time.sleep(PAUSE)

    def labour_during(self, fault: Callable[[], None], *, must: bool) -> None:
        """Let the host work while something happens; a database that is away may fail its steps."""
        with ThreadPoolExecutor(1) as pool:
            happening = pool.submit(fault)
            while not happening.done():
                error = self.host.do(next(self.steps))["error"]
                assert not (error and must), error
                self.counts["host errors"] += bool(error)
                time.sleep(PAUSE)
            happening.result()

    def worker(self, number: int) -> Process:
        """Start a worker: with a broker every second one is Celery's."""
        settings = self.system.database.settings
        if self.server is not None:
            settings = settings | {"PORT": str(self.proxy.port)}
        if self.run and number % 2:
            return self.system.celery("--pool", "solo", database=settings, **self.run)
        return self.system.worker(database=settings)

    def kill_worker(self) -> None:
        """SIGKILL, and another one."""
        victim = self.dice.randrange(WORKERS)
        self.workers[victim].kill()
        self.workers[victim] = self.worker(victim)
        self.counts["kills"] += 1

    def kill_host(self) -> None:
        """SIGKILL before or after the commit, and another one."""
        key = f"orphan-{self.counts['host kills']}"
        die = {"do": self.dice.choice(["die", "die_after_commit"])}
        steps = [show(key), end(key)]
        steps.insert(2 if die["do"] == "die" else 0, die)
        self.host.dies(transaction(*steps))
        self.host = self.system.host(**self.run)
        self.counts["host kills"] += 1

    def freeze_worker(self) -> None:
        """SIGSTOP for longer than the lease; a host waits for SQLite's one lock, if it is held."""
        victim = self.dice.choice(self.workers)

        def freeze() -> None:
            victim.signal(signal.SIGSTOP)
            time.sleep(FREEZE)
            victim.signal(signal.SIGCONT)

        self.labour_during(freeze, must=True)
        self.counts["freezes"] += 1

    def reset_connections(self) -> None:
        """Reset the workers' connections to the database."""
        self.proxy.reset_all()
        self.counts["resets"] += 1

    def restart_database(self) -> None:
        """End every session of the database, in its own hard way, and start it again."""
        assert self.server is not None
        self.labour_during(self.server.restart, must=False)
        self.counts["restarts"] += 1

    def restart_broker(self) -> None:
        """Stop the broker, and start it again; what Redis held is gone."""
        assert self.broker is not None
        self.labour_during(self.broker.restart, must=True)
        self.counts["broker restarts"] += 1

    def flush_broker(self) -> None:
        """FLUSHALL."""
        assert isinstance(self.broker, Redis)
        self.broker.client.flushall()
        self.counts["broker flushes"] += 1

    def spoil_calls(self) -> None:
        """Let the next calls fail in one way."""
        ways = [
            behaviors.reset_before,
            behaviors.reset_after,
            behaviors.hang,
            behaviors.page,
            behaviors.status(500),
            behaviors.status(503, Retry_After="1"),
            behaviors.status(429),
        ]
        times = self.dice.randint(1, 4)
        self.system.vendor.rule(self.dice.choice(ways), times=times)
        self.counts["spoilt calls"] += times

    def apply_late(self) -> None:
        """Let a call of each kind be given up, and applied within the quarantine."""
        for method in ("PUT", "DELETE"):
            self.system.vendor.rule(behaviors.late_by(2.0), method)
            self.counts["late applies"] += 1
