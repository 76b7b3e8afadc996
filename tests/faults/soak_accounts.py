"""200 accounts under random faults: ``python -m tests.faults.soak_accounts --minutes 10 --seed 7``.

One account is added, rotated or removed each second, while processes are killed, servers restarted
and calls spoilt. Beside the checker, it is judged whether a key was used when its account was gone,
or later than 5 s after it was replaced, and whether a key is in a row of ours or in any output.

It takes 0.7 of a core. On a machine that has less to give, ``--divisor 10`` halves the pace of our
own clocks: a call then has 1.5 s instead of 0.75 s, which a busy machine needs.
"""

from __future__ import annotations

import argparse
import collections
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from .customers import SEEN_WITHIN, Customers
from .generator import Step, end, show, transaction
from .harness import System
from .nemesis import PAUSE, Nemesis
from .processes import Process
from .proxy import Proxy
from .soak import SERVERS, broker, database, keep_evidence, report, tell
from .vendor import FakeVendor

ACCOUNTS = 200
KEY = "ask_soak_"
"""How every key begins, so that one search finds any of them."""
OUTAGE = 4.0
COUNTED = ("added", "rotated", "removed", "source outages")


class Tenants(Nemesis):
    """A host with many customers, who come, change their keys and leave.

    Args:
        celery: whether all workers are Celery's, else all are loops.
    """

    def __init__(self, customers: Customers, *parts: Any, celery: bool) -> None:
        self.customers, self.celery = customers, celery
        self.numbers = 0
        self.lives: dict[str, list[tuple[str, str]]] = {}
        self.closing: list[str] = []
        for _ in range(ACCOUNTS):
            self.add()
        super().__init__(customers.system, *parts)
        self.counts += collections.Counter()
        self.counts.update(dict.fromkeys(COUNTED, 0))
        self.steps = self._steps()
        self.changed_at = self.change_at = time.monotonic()

    def worker(self, number: int) -> Process:
        """Start a worker; the first one of Celery's runs beat, by the run's own clock."""
        settings = self.system.database.settings | {"PORT": str(self.proxy.port)}
        if self.celery:
            run = {"database": settings, **self.run}
            return self.system.celery("--pool", "solo", beat=not number, **run)
        return self.system.worker(database=settings)

    def faults(self) -> dict[Callable[[], None], int]:
        """Return what may happen; a frozen process may use an old key when it is thawed."""
        possible = super().faults()
        del possible[self.freeze_worker]
        return possible | {self.lose_source: 1}

    # Work

    def _steps(self) -> Iterator[Step]:
        while True:
            alias = self.dice.choice(sorted(self.lives))
            if not self.lives[alias]:
                self.numbers += 1
                key = f"{alias}-{self.numbers}"
                contents = self.dice.randint(1, 3)
                self.lives[alias] = [("show", key)] * contents + [("end", key)]
            method, key = self.lives[alias].pop(0)
            yield show(key, account=alias) if method == "show" else end(key, account=alias)

    def labour(self, seconds: float) -> None:
        """Work, change an account for each second that has passed, and go on with who leaves."""
        super().labour(seconds)
        while time.monotonic() >= self.change_at:
            self.change()
        self.go_on_leaving()

    def kill_host(self) -> None:
        """SIGKILL before or after the commit, and another one."""
        alias = self.dice.choice(sorted(self.lives))
        key = f"{alias}-orphan-{self.counts['host kills']}"
        die = {"do": self.dice.choice(["die", "die_after_commit"])}
        steps = [show(key, account=alias), end(key, account=alias)]
        steps.insert(2 if die["do"] == "die" else 0, die)
        self.host.dies(transaction(*steps))
        self.host = self.system.host(**self.run)
        self.counts["host kills"] += 1

    def lose_source(self) -> None:
        """Let the source be down or slow; what an unknown account asks for may fail meanwhile."""
        time.sleep(max(0.0, self.changed_at + SEEN_WITHIN - time.monotonic()))
        with self.customers.outage():
            self.customers.suffer(self.dice.choice(["down", "slow"]))
            self.labour_during(lambda: time.sleep(OUTAGE), must=False)
            self.customers.suffer("")
        self.counts["source outages"] += 1

    def restart_database(self) -> None:
        """Take the source's table away, too, for a moment."""
        with self.customers.outage():
            super().restart_database()

    def reset_connections(self) -> None:
        """Reset those that ask the source, too."""
        with self.customers.outage():
            super().reset_connections()

    # Customers

    def change(self) -> None:
        """Add, rotate or remove one account."""
        ways = [self.rotate, self.leave if len(self.lives) >= ACCOUNTS else self.add]
        self.dice.choice(ways)()
        self.changed_at = time.monotonic()
        self.change_at += 1.0

    def add(self) -> None:
        """Add a customer."""
        self.numbers += 1
        alias = f"customer-{self.numbers}"
        self.customers.add(alias, f"{KEY}{self.numbers:08}")
        self.lives[alias] = []
        if hasattr(self, "counts"):
            self.counts["added"] += 1

    def rotate(self) -> None:
        """Give a customer another key; the vendor may refuse the older one at once."""
        self.numbers += 1
        alias, refuse = self.dice.choice(sorted(self.lives)), self.dice.random() < 0.5
        self.customers.rotate(alias, f"{KEY}{self.numbers:08}", refuse=refuse)
        self.counts["rotated"] += 1

    def leave(self) -> None:
        """Begin to remove a customer, whatever its cards show."""
        alias = self.dice.choice(sorted(self.lives))
        self.customers.close(alias)
        del self.lives[alias]
        self.closing.append(alias)

    def go_on_leaving(self) -> None:
        """Ask for each customer that leaves whether its key can go, and let it go."""
        for alias in list(self.closing):
            answer = self.host.do({"do": "close", "account": alias})
            if answer["error"]:  # it is not seen yet, or its database is away
                continue
            if answer["told"]["is_done"]:
                self.customers.remove(alias)
                self.closing.remove(alias)
                self.counts["removed"] += 1
            time.sleep(PAUSE)

    def finish(self) -> None:
        """Let everyone go who is leaving."""
        limit = time.monotonic() + 120
        while self.closing and time.monotonic() < limit:
            time.sleep(1.0)
            self.go_on_leaving()


def judge(nemesis: Tenants) -> list[str]:
    """Return what is wrong with the keys and with the accounts that are gone."""
    customers, system = nemesis.customers, nemesis.system
    left = [f"account {alias} could not be removed" for alias in nemesis.closing]
    owners = {key.rsplit("-", 1)[0].removesuffix("-orphan") for key in system.vendor.alive()}
    ghosts = [f"a card of {alias} is alive" for alias in sorted(owners - nemesis.lives.keys())]
    return [
        *left,
        *ghosts,
        *customers.calls_after_removal(),
        *customers.late_calls(),
        *customers.leaks([KEY]),
    ]


def main() -> int:
    """Run, print, write the file; 1 if anything was violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--database", choices=SERVERS, default="postgres")
    parser.add_argument("--broker", choices=["redis", "rabbitmq", "none"], default="none")
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--divisor", type=int, default=20, help="how often as fast time passes")
    parser.add_argument("--output", type=Path, default=Path("soak-accounts.json"))
    return tell(parser.parse_args(), _run)


def _run(options: argparse.Namespace, folder: Path) -> dict[str, Any]:
    with (
        database(options.database) as (server, store),
        broker(options.broker) as messages,
        Proxy(server.port if server else 9) as proxy,
        FakeVendor(rate_limit=(60, 60 / options.divisor), concurrent=100_000) as vendor,
    ):
        system = System(store, vendor, folder)
        system.run["divisor"] = options.divisor
        if messages is not None:
            system.run["dispatcher"] = "celery"
        customers = Customers(system)
        parts = (server, messages, proxy, options.seed)
        try:
            nemesis = Tenants(customers, *parts, celery=messages is not None)
            nemesis.go(options.minutes)
            nemesis.finish()
            found = report(nemesis)
            found["violations"] += judge(nemesis)
            found["verdict"] = f"{len(found['violations']) or 'no'} violations"
            if found["violations"]:
                keep_evidence(nemesis)
            return found
        finally:
            system.close()


if __name__ == "__main__":
    sys.exit(main())
