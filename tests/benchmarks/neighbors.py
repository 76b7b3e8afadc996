"""A quiet account beside busy ones: ``python -m tests.benchmarks.neighbors --busy 8 --celery 4``.

Each busy account has more cards to show than its limit lets through; the quiet one has a card to
end every 2 seconds. How long does such an end wait, from the host's commit until the DELETE has
arrived at the vendor, and how much of its limit does each busy account use? Without ``--busy`` five
layouts run, one after the other.

The vendor keeps the limit of each API key, shows any number of cards, and answers after 50 ms. The
capacity is ``workers / (latency + cost)`` calls a second: the workers are Celery's processes or the
loops' threads, and the cost is what one process needs for a call that is answered at once. Where
that is at least 1.5 times the sum of the busy accounts' limits, a use of at least 0.98 of each
limit is expected, and marked where it is missed.
"""

from __future__ import annotations

import argparse
import contextlib
import math
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django_liveactivity.sandbox.limits import FixedWindow
from tests.faults.brokers import Redis
from tests.faults.databases import REMOVE, create_postgres
from tests.faults.generator import end, show, transaction
from tests.faults.harness import Host, System
from tests.faults.own_servers import own_server
from tests.faults.vendor import FakeVendor

from .figures import Figure, command_line, report
from .filling import fill
from .saturation import TARGET_USE

LIMIT = (60, 60.0)
GENEROUS = (3_000, 10.0)
LATENCY = 0.05
EVERY = 2.0
THREADS = 4
"""The threads of one loop."""
AMPLE = 1.5
QUIET, PROBED = "quiet", "probed"
PROBES = 200


@dataclass(frozen=True)
class Layout:
    """So many busy accounts, and who delivers: a Celery node of so many processes, or loops."""

    busy: int
    celery: int = 0
    loops: int = 0

    def __str__(self) -> str:
        way = f"Celery -c {self.celery}" if self.celery else f"loop x {self.loops}"
        return f"{self.busy} busy, {way}"

    @property
    def accounts(self) -> list[str]:
        """The aliases of the busy accounts."""
        return [f"busy-{number}" for number in range(self.busy)]

    @property
    def workers(self) -> int:
        """How many calls can be made at once."""
        return self.celery or self.loops * THREADS


LAYOUTS = [
    Layout(1, celery=4),
    Layout(8, celery=4),
    Layout(50, celery=4),
    Layout(8, celery=1),
    Layout(50, loops=1),
]


@dataclass(frozen=True)
class Found:
    """What a layout came to: waits and cost in seconds, use as a share of the limit.

    An end that never arrived is lost, and waited until the watch was over.
    """

    layout: str
    waits: list[float]
    lost: int
    uses: list[float]
    refused: int
    cost: float
    capacity: float
    limits: float

    @property
    def is_ample(self) -> bool:
        """Whether the capacity suffices for every busy account to use its limit."""
        return self.capacity >= AMPLE * self.limits

    def figures(self, limit: float) -> Iterator[Figure]:
        """Yield the waits, of which none should be above the limit, and the use."""
        ranked = sorted(self.waits)
        p99 = ranked[math.ceil(0.99 * len(ranked)) - 1]
        yield Figure(f"median wait, {self.layout}", statistics.median(ranked), "s")
        yield Figure(f"99th percentile of the waits, {self.layout}", p99, "s")
        yield Figure(f"longest wait, {self.layout}", ranked[-1], "s", at_most=limit)
        yield Figure(f"lost, {self.layout}", self.lost, "ends", f"{len(ranked):,} ends", at_most=0)
        yield Figure(f"answered 429, {self.layout}", self.refused, "calls")
        goal = TARGET_USE if self.is_ample else None
        beside = (
            f"limits of {self.limits:.1f} calls a second; possible are {self.capacity:.1f}, "
            f"at {self.cost * 1000:.0f} ms each"
        )
        yield Figure(f"least use, {self.layout}", min(self.uses), beside=beside, at_least=goal)
        yield Figure(f"median use, {self.layout}", statistics.median(self.uses), beside=beside)


def run(layout: Layout, options: argparse.Namespace) -> Found:
    """Run one layout on a database, a broker and a vendor of its own."""
    database = create_postgres()
    with (
        FakeVendor(rate_limit=LIMIT, concurrent=10**9) as vendor,
        own_server(Redis) if layout.celery else contextlib.nullcontext() as redis,
        tempfile.TemporaryDirectory(prefix="neighbors-") as folder,
    ):
        system = System(database, vendor, Path(folder))
        names = [QUIET, *layout.accounts]
        system.run |= {"divisor": 1, "accounts": {name: account(name) for name in names}}
        system.run |= redis.run_settings() if redis else {}
        try:
            return beside(system, layout, options)
        finally:
            system.close()
            database.drop()


def beside(system: System, layout: Layout, options: argparse.Namespace) -> Found:
    """Show the quiet account's cards, let the neighbors work, end those cards, and count."""
    vendor = system.vendor
    keys = [f"quiet-{number}" for number in range(int(options.seconds / EVERY))]
    cost = prepare(system, keys)
    vendor.latency = LATENCY
    host = system.host()
    fill(host, layout.accounts, options.cards)
    start(system, layout)
    host.must(*(show("the-newest", account=name) for name in layout.accounts))
    # Until each neighbor is at work, the queue holds the wake-ups of having filled the tables.
    busy = {key_of(name) for name in layout.accounts}
    system.until(lambda: busy <= {c.api_key for c in vendor.calls()}, "a call of each", 60.0)
    committed, over = end_one_by_one(host, keys, options.seconds)
    arrivals = received(vendor, keys, options.patience)
    watched_until = time.monotonic()
    return Found(
        layout=str(layout),
        waits=[arrivals.get(key, watched_until) - committed[key] for key in keys],
        lost=len(keys) - len(arrivals),
        uses=[use(vendor, name, options.seconds, over) for name in layout.accounts],
        refused=sum(call.status == 429 for call in vendor.calls()),
        cost=cost,
        capacity=layout.workers / (LATENCY + cost),
        limits=layout.busy * LIMIT[0] / LIMIT[1],
    )


def key_of(alias: str) -> str:
    """Return an account's API key."""
    return f"ask_{alias}"


def account(alias: str, **own: Any) -> dict[str, Any]:
    """Return the settings of an account that are not all accounts'."""
    return {"api_key": key_of(alias), **own}


def set_limit(vendor: FakeVendor, alias: str, rate_limit: tuple[int, float]) -> None:
    """Let the vendor count an account's calls anew, under this limit."""
    owner = vendor.state.authenticate({"authorization": f"Bearer {key_of(alias)}"})
    assert owner is not None
    owner.rate_limit = FixedWindow(*rate_limit)


def prepare(system: System, keys: list[str]) -> float:
    """Show the cards that the quiet account will end, and return the seconds that a call costs.

    The cost is from call to call of one process, at a vendor that answers at once, for an account
    whose limit is never reached.
    """
    vendor = system.vendor
    shown = {QUIET: keys, PROBED: [f"probe-{number}" for number in range(PROBES)]}
    run = {
        "accounts": {
            QUIET: account(QUIET, rate_limit=None),
            PROBED: account(PROBED, rate_limit=GENEROUS),
        },
        "dispatcher": "none",
    }
    for alias in shown:
        set_limit(vendor, alias, GENEROUS)
    host = system.host(**run)
    for alias, names in shown.items():
        host.must(transaction(*(show(name, account=alias) for name in names)))
    process = system.start("django", "liveactivity_dispatch", "--once", name="once", **run)
    system.until(lambda: not process.is_alive, "the cards of the quiet account", 120.0)
    assert not system.unfinished(), process.output
    set_limit(vendor, QUIET, LIMIT)
    host.process.kill()
    probes = [call.arrived for call in vendor.calls(api_key=key_of(PROBED))]
    return (probes[-1] - probes[0]) / (len(probes) - 1)


def start(system: System, layout: Layout) -> None:
    """Start those who deliver."""
    if layout.celery:
        system.celery("-c", str(layout.celery))
    for _ in range(layout.loops):
        system.start("django", "liveactivity_dispatch", name="loop")


def end_one_by_one(host: Host, keys: list[str], seconds: float) -> tuple[dict[str, float], float]:
    """End the quiet account's cards, one every 2 s; return when each was committed, and the end."""
    begun = time.monotonic()
    committed = {}
    for number, key in enumerate(keys):
        time.sleep(max(0.0, begun + number * EVERY - time.monotonic()))
        answer = host.do(end(key, account=QUIET))
        assert not answer["error"], answer["error"]
        committed[key] = answer["over"]
    time.sleep(max(0.0, begun + seconds - time.monotonic()))
    return committed, begun + seconds


def received(vendor: FakeVendor, keys: list[str], patience: float) -> dict[str, float]:
    """Return when the first DELETE of each card arrived, after a wait for those that have not."""
    limit = time.monotonic() + patience
    while True:
        calls = vendor.calls("DELETE", api_key=key_of(QUIET))
        arrivals = {call.key: call.arrived for call in reversed(calls)}
        if len(arrivals) == len(keys) or time.monotonic() > limit:
            return arrivals
        time.sleep(0.2)


def use(vendor: FakeVendor, alias: str, seconds: float, over: float) -> float:
    """Return the share of its limit that an account used, in the last whole windows of the run."""
    calls, window = LIMIT
    counted = seconds - seconds % window or seconds
    log = vendor.calls(api_key=key_of(alias))
    used = sum(over - counted <= call.arrived < over and call.status != 429 for call in log)
    return used / (calls * counted / window)


def layouts(options: argparse.Namespace) -> Iterator[Layout]:
    """Yield what to run."""
    if not options.busy:
        yield from LAYOUTS
    elif options.celery or options.loops:
        yield Layout(options.busy, options.celery, 0 if options.celery else options.loops)
    else:
        yield Layout(options.busy, celery=4)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--busy", type=int, default=0, help="accounts with more to show than they may")
    add("--celery", type=int, default=0, metavar="PROCESSES", help="of one Celery node; default 4")
    add("--loops", type=int, default=0, help="processes of liveactivity_dispatch, 4 threads each")
    add("--cards", type=int, default=1_000, help="of each busy account; default 1000")
    add("--seconds", type=float, default=200.0, help="of the run; default 200, of at least 60")
    add("--limit", type=float, default=2.0, help="the longest wait that is well; default 2 s")
    add("--patience", type=float, default=180.0, help="for ends that have not arrived by then")
    options = parser.parse_args()
    if options.seconds < EVERY:
        parser.error(f"--seconds: give at least {EVERY:g}, or nothing is ended")
    return options


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Run each layout."""
    for layout in layouts(options):
        yield from run(layout, options).figures(options.limit)


def main() -> int:
    """Run each layout; 1 if an end waited too long, or never arrived."""
    options = parse()
    found = report(figures(options), options.json)
    for template in REMOVE:
        template.drop()
    return int(any(f.missed for f in found if f.unit in {"s", "ends"}))


if __name__ == "__main__":
    sys.exit(main())
