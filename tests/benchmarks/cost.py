"""What a drain step costs beside a long history: ``python -m tests.benchmarks.cost``.

A step is from the end of one call to the next: store the answer, find, plan and claim the next
lane. Both sizes are measured in turns, so that what else the machine does strikes both alike.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from tests.faults.databases import CREATE, REMOVE

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


def work(alias: str, shape: str, steps: int) -> list[float]:
    """Deliver so many ends and one more, and return the milliseconds of each step."""
    from django_liveactivity import Progress, services
    from django_liveactivity.delivery import drain

    from .history import LONG_KEY
    from .instant import InstantBackend

    left = iter(range(steps))

    def host() -> None:
        number = next(left, None)
        if number is not None:
            key = LONG_KEY if shape == "one lane" else f"card-{number}"
            content = Progress(title=f"Order {number}", percentage=100)
            services.end_activity(content=content, stream_key=key, account=alias)

    InstantBackend.steps.clear()
    InstantBackend.left_at, InstantBackend.host = None, staticmethod(host)
    host()
    drain(alias)
    return list(InstantBackend.steps)


def measure(sizes: dict[str, int], shape: str, rounds: int, steps: int) -> dict[str, float]:
    """Return the median milliseconds of a step for each alias."""
    from .history import fill

    for alias, size in sizes.items():
        fill(alias, size, SHAPES[shape])
        work(alias, shape, steps)
    found: dict[str, list[float]] = {alias: [] for alias in sizes}
    for _ in range(rounds):
        for alias in sizes:
            found[alias] += work(alias, shape, steps)
    return {alias: statistics.median(milliseconds) for alias, milliseconds in found.items()}


def show_plans(alias: str, shape: str, write: Callable[[str], Any]) -> list[str]:
    """Print how the database carries out one step, and return what reads a whole table."""
    from .plans import explained, statements

    bad = []
    for sql, lines, reads_all in explained(alias, statements(alias, lambda: work(alias, shape, 2))):
        write(f"{'!! ' if reads_all else ''}{sql}\n" + "".join(f"      {line}\n" for line in lines))
        bad += [sql] if reads_all else []
    return bad


def run(name: str, shape: str, options: argparse.Namespace) -> dict[str, Any]:
    """Measure one shape on databases of its own, and return what was found."""
    small, large = options.sizes
    sizes = {"small": small, "large": large}
    databases = {alias: CREATE[name]() for alias in sizes}
    try:
        configure(databases)
        medians = measure(sizes, shape, options.rounds, options.steps)
        ratio = medians["large"] / medians["small"]
        verdict = "ok" if ratio <= TARGET else "ABOVE TARGET"
        sys.stdout.write(
            f"{name:10} {shape:9} {small:>9,}: {medians['small']:6.2f} ms  "
            f"{large:>9,}: {medians['large']:6.2f} ms  ratio {ratio:.2f}  {verdict}\n"
        )
        bad = show_plans("large", shape, sys.stdout.write if options.plans else lambda _: None)
        for sql in bad:
            sys.stdout.write(f"  reads a whole table: {sql}\n")
        return {"database": name, "shape": shape, "ratio": ratio, "whole tables": bad} | medians
    finally:
        from django.db import connections

        connections.close_all()
        for leftover in (*databases.values(), *REMOVE):
            leftover.drop()


def main() -> None:
    """Measure one database and shape, and append to the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--database", choices=list(CREATE), default="postgres")
    add("--shape", choices=list(SHAPES), default="spread")
    add("--sizes", type=int, nargs=2, default=[1_000, 1_000_000], metavar=("SMALL", "LARGE"))
    add("--rounds", type=int, default=5, help="turns of each size; default 5")
    add("--steps", type=int, default=100, help="steps of a turn; default 100")
    add("--plans", action="store_true", help="print the plan of every statement of a step")
    add("--output", type=Path, help="a file to which the result is added as a line of JSON")
    options = parser.parse_args()
    found = run(options.database, options.shape, options)
    if options.output:
        with options.output.open("a") as file:
            file.write(json.dumps(found) + "\n")


if __name__ == "__main__":
    main()
