"""What a drain step costs beside a long history: ``python -m tests.benchmarks.cost``.

A step is from the end of one call to the vendor to the next: store the answer, find, plan and claim
the next lane. A call is the host's ``end_activity`` by a key. Both sizes are measured in turns, so
that what else the machine does strikes both alike.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import django
from django.conf import settings

from tests.faults.databases import CREATE, REMOVE

from .figures import TITLES, Figure, command_line, report

SHAPES = {"spread": 0.0, "one lane": 0.5}
TARGET = 1.5
SLOTS = (300, 1)


def configure(databases: dict[str, Any]) -> None:
    """Set Django up with an account for each database, of the same alias."""
    backend = "tests.benchmarks.instant.InstantBackend"
    settings.configure(
        INSTALLED_APPS=["django_liveactivity"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DATABASES={"default": {}} | {alias: db.settings for alias, db in databases.items()},
        LIVEACTIVITY={
            alias: {"BACKEND": backend, "DATABASE": alias, "OPTIONS": {"rate_limit": SLOTS}}
            for alias in databases
        },
    )
    django.setup()


@dataclass
class Taken:
    """The milliseconds of each drain step, and of each of the host's calls."""

    steps: list[float] = field(default_factory=list)
    calls: list[float] = field(default_factory=list)


def work(alias: str, shape: str, steps: int) -> Taken:
    """Ask for so many ends and one more, deliver them, and return what they took."""
    from django_liveactivity import Progress, services
    from django_liveactivity.delivery import drain

    from .history import LONG_KEY
    from .instant import InstantBackend

    left = iter(range(steps))
    calls: list[float] = []

    def host() -> None:
        number = next(left, None)
        if number is not None:
            key = LONG_KEY if shape == "one lane" else f"card-{number}"
            content = Progress(title=f"Order {number}", percentage=100)
            begun = time.perf_counter()
            services.end_activity(content=content, stream_key=key, account=alias)
            calls.append((time.perf_counter() - begun) * 1000)

    InstantBackend.steps.clear()
    InstantBackend.left_at, InstantBackend.host = None, staticmethod(host)
    host()
    drain(alias)
    return Taken(list(InstantBackend.steps), calls)


def measure(sizes: dict[str, int], shape: str, rounds: int, steps: int) -> dict[str, Taken]:
    """Return what steps and calls took beside each history, measured in turns."""
    from .history import fill

    for alias, size in sizes.items():
        fill(alias, size, SHAPES[shape])
        work(alias, shape, steps)
    found = {alias: Taken() for alias in sizes}
    for _ in range(rounds):
        for alias in sizes:
            taken = work(alias, shape, steps)
            found[alias].steps += taken.steps
            found[alias].calls += taken.calls
    return found


def compared(found: dict[str, Taken], sizes: dict[str, int], what: str, where: str) -> Figure:
    """Return the ratio of the medians beside the two histories."""
    small, large = (statistics.median(getattr(found[alias], f"{what}s")) for alias in sizes)
    return Figure(
        f"{what} with {sizes['large']:,} operations, {where}",
        large / small,
        beside=f"{sizes['small']:,} operations, {small:.2f} ms",
        at_most=TARGET,
    )


def show_plans(alias: str, shape: str, write: Callable[[str], Any]) -> list[str]:
    """Print how the database carries out one step, and return what reads a whole table."""
    from .plans import explained, statements

    bad = []
    for sql, lines, reads_all in explained(alias, statements(alias, lambda: work(alias, shape, 2))):
        write(f"{'!! ' if reads_all else ''}{sql}\n" + "".join(f"      {line}\n" for line in lines))
        bad += [sql] if reads_all else []
    return bad


def figures(name: str, shape: str, options: argparse.Namespace) -> Iterator[Figure]:
    """Measure one shape on databases of its own."""
    sizes = dict(zip(("small", "large"), options.sizes, strict=True))
    databases = {alias: CREATE[name]() for alias in sizes}
    where = f"{shape}, {TITLES[name]}"
    try:
        configure(databases)
        found = measure(sizes, shape, options.rounds, options.steps)
        for what in ("step", "call"):
            yield compared(found, sizes, what, where)
        bad = show_plans("large", shape, sys.stdout.write if options.plans else lambda _: None)
        for sql in bad:
            sys.stdout.write(f"  reads a whole table: {sql}\n")
        yield Figure(f"reads of a whole table, {where}", len(bad), "statements", at_most=0)
    finally:
        from django.db import connections

        connections.close_all()
        for leftover in (*databases.values(), *REMOVE):
            leftover.drop()


def main() -> None:
    """Measure one database and shape."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--database", choices=list(CREATE), default="postgres")
    add("--shape", choices=list(SHAPES), default="spread")
    add("--sizes", type=int, nargs=2, default=[1_000, 1_000_000], metavar=("SMALL", "LARGE"))
    add("--rounds", type=int, default=5, help="turns of each size; default 5")
    add("--steps", type=int, default=100, help="steps of a turn; default 100")
    add("--plans", action="store_true", help="print the plan of every statement of a step")
    options = parser.parse_args()
    report(figures(options.database, options.shape, options), options.json)


if __name__ == "__main__":
    main()
