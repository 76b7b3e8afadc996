"""Rate use at saturation: ``python -m tests.benchmarks.rate --rows ours,perfect --quick``.

Every row ends the same cards under the same limit, which the vendor keeps, and the vendor's log
tells what came of it. The ideal time is what a limit used to the full needs.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

from django_liveactivity.sandbox.options import parse_rate_limit
from tests.faults.databases import CREATE, REMOVE
from tests.faults.harness import System

from .figures import Figure, command_line, report
from .saturation import TARGET_REFUSED, TARGET_USE, Load, Measured, measure, wait
from .strategies import STRATEGIES

OURS = ("ours", "celery")


def run(row: str, load: Load, database_name: str, patience: float) -> Measured:
    """Run one row in a system of its own, and return the measurements."""
    title, strategy = STRATEGIES[row]
    database = CREATE[database_name]()
    with load.vendor() as vendor, tempfile.TemporaryDirectory(prefix="rate-") as folder:
        system = System(database, vendor, Path(folder))
        try:
            with strategy(system, load) as left:
                wait(vendor, load, left, patience)
                return measure(title, load, vendor.calls())
        finally:
            system.close()
            database.drop()


def of_row(measured: Measured, row: str) -> Iterator[Figure]:
    """Yield the figures of a row; ours has goals."""
    where = f"{measured.row}, {measured.window}"
    none, few, most = (0, TARGET_REFUSED * 100, TARGET_USE) if row in OURS else (None,) * 3
    ends = f"{measured.ends:,} ends"
    yield Figure(f"lost, {where}", measured.lost, "ends", beside=ends, at_most=none)
    yield Figure(f"calls per end, {where}", measured.calls / measured.ends)
    refused = 100 * measured.refused / max(1, measured.calls)
    yield Figure(f"answered 429, {where}", refused, "%", at_most=few)
    if measured.use:
        beside = f"an ideal of {measured.ideal:.1f} s; it took {measured.seconds:.1f} s"
        yield Figure(f"use, {where}", measured.use, beside=beside, at_least=most)


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Run the rows under each shape of the limit."""
    for window in ["fixed", "sliding"] if options.window == "both" else [options.window]:
        for row in options.rows:
            load = Load(options.ends, *options.limit, window)
            yield from of_row(run(row, load, options.database, options.patience), row)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--rows", default=",".join(STRATEGIES), help=f"of {','.join(STRATEGIES)}; default all")
    add("--ends", type=int, default=2400)
    add("--limit", type=parse_rate_limit, default="300/30", metavar="CALLS/SECONDS")
    add("--window", choices=["fixed", "sliding", "both"], default="both")
    add("--database", choices=list(CREATE), default="postgres", help="for our rows")
    add("--quick", action="store_true", help="240 ends, 60 calls per 6 s")
    add("--patience", type=float, default=1800.0, help="seconds a row may take; default 1800")
    options = parser.parse_args()
    options.rows = options.rows.split(",")
    if unknown := set(options.rows) - set(STRATEGIES):
        parser.error(
            f"--rows: unknown {', '.join(sorted(unknown))}; known: {', '.join(STRATEGIES)}"
        )
    if options.quick:
        options.ends, options.limit = 240, (60, 6.0)
    if options.ends <= options.limit[0]:
        parser.error("--ends: give more than one window's calls, or nothing is saturated")
    return options


def main() -> None:
    """Run the rows."""
    options = parse()
    report(figures(options), options.json)
    for template in REMOVE:
        template.drop()


if __name__ == "__main__":
    main()
