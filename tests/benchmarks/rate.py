"""Rate use at saturation: ``python -m tests.benchmarks.rate --rows ours,perfect --quick``.

Every row ends the same cards under the same limit, which the vendor keeps, and the vendor's log
tells what came of it. The ideal time is what a limit used to the full needs.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path

from django_liveactivity.sandbox.options import parse_rate_limit
from tests.faults.databases import CREATE, REMOVE
from tests.faults.harness import World

from .saturation import Load, Measured, measure, wait
from .ways import WAYS

COLUMNS = (
    f"{'row':40} {'window':8} {'ends':>6} {'LOST':>6} {'calls':>7} {'per end':>8} {'429':>7} "
    f"{'seconds':>8} {'ideal':>7} {'use':>6}"
)
OURS = ("ours", "celery")


def run(row: str, load: Load, database_name: str, patience: float) -> Measured:
    """Run one row in a world of its own, and return what came of it."""
    title, way = WAYS[row]
    database = CREATE[database_name]()
    with load.vendor() as vendor, tempfile.TemporaryDirectory(prefix="rate-") as folder:
        world = World(database, vendor, Path(folder))
        try:
            with way(world, load) as left:
                wait(vendor, load, left, patience)
                return measure(title, load, vendor.calls())
        finally:
            world.close()
            database.drop()


def line(measured: Measured, row: str) -> str:
    """Return a row of the table; ours is held against the targets."""
    calls = max(1, measured.calls)
    verdict = "" if row not in OURS else "  ok" if measured.meets_targets else "  BELOW TARGET"
    use = f"{measured.use:6.3f}" if measured.use else f"{'-':>6}"
    return (
        f"{measured.row:40} {measured.window:8} {measured.acknowledged:6} {measured.lost:6} "
        f"{measured.calls:7} {measured.calls / measured.ends:8.2f} {measured.refused / calls:7.2%} "
        f"{measured.seconds:8.1f} {measured.ideal:7.1f} {use}{verdict}"
    )


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    add = parser.add_argument
    add("--rows", default=",".join(WAYS), help=f"of {','.join(WAYS)}; default all")
    add("--ends", type=int, default=2400)
    add("--limit", type=parse_rate_limit, default="300/30", metavar="CALLS/SECONDS")
    add("--window", choices=["fixed", "sliding", "both"], default="both")
    add("--database", choices=list(CREATE), default="postgres", help="for our rows")
    add("--quick", action="store_true", help="240 ends, 60 calls per 6 s")
    add("--patience", type=float, default=1800.0, help="seconds a row may take; default 1800")
    add("--output", type=Path, help="a file for the results as JSON, written as each row ends")
    options = parser.parse_args()
    options.rows = options.rows.split(",")
    if unknown := set(options.rows) - set(WAYS):
        parser.error(f"--rows: unknown {', '.join(sorted(unknown))}; known: {', '.join(WAYS)}")
    if options.quick:
        options.ends, options.limit = 240, (60, 6.0)
    if options.ends <= options.limit[0]:
        parser.error("--ends: give more than one window's calls, or nothing is saturated")
    return options


def main() -> None:
    """Run the rows, print a table as each ends, and write the file."""
    options = parse()
    windows = ["fixed", "sliding"] if options.window == "both" else [options.window]
    results = []
    sys.stdout.write(COLUMNS + "\n")
    for window in windows:
        for row in options.rows:
            load = Load(options.ends, *options.limit, window)
            measured = run(row, load, options.database, options.patience)
            results.append(measured.as_json() | {"database": options.database})
            sys.stdout.write(line(measured, row) + "\n")
            sys.stdout.flush()
            if options.output:
                options.output.write_text(json.dumps(results, indent=2) + "\n")
    for template in REMOVE:
        template.drop()


if __name__ == "__main__":
    main()
