"""10,000 pending updates, then 5 ends: ``python -m tests.benchmarks.backlog``.

How many updates reach the vendor between the commit of the ends and the arrival of the last one,
with eight workers at real speed.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from django_liveactivity.conf import Timing
from tests.faults.databases import CREATE, REMOVE, Database, Mariadb
from tests.faults.generator import end, show, transaction
from tests.faults.harness import OPERATIONS, World
from tests.faults.vendor import FakeVendor

CARDS, UPDATES, ENDS = 2_000, 10_000, 5
WORKERS = 8
LIMIT = (300, 30.0)
UNDER_WAY = 20
"""Updates that have arrived when the ends are committed: the workers are at full speed."""


def run(database_name: str) -> dict[str, Any]:
    """Run on one database, and return what came between."""
    database = CREATE[database_name]()
    with (
        FakeVendor(rate_limit=LIMIT, concurrent=UPDATES) as vendor,
        tempfile.TemporaryDirectory(prefix="backlog-") as folder,
    ):
        world = World(database, vendor, Path(folder))
        world.run |= {"rate_limit": LIMIT, "timing": asdict(Timing())}
        try:
            return {"database": database_name} | between(world)
        finally:
            world.close()
            database.drop()


def between(world: World) -> dict[str, Any]:
    """Commit the updates, let the workers run, commit the ends, and read the vendor's log."""
    host = world.host()
    keys = [f"card-{number}" for number in range(CARDS)]
    host.must(transaction(*map(show, keys)))
    copy_operations(world.database, UPDATES // CARDS - 1)
    assert world.unfinished() == UPDATES
    for _ in range(WORKERS):
        world.start("django", "liveactivity_dispatch", name="worker")
    world.until(lambda: len(world.vendor.calls("PUT")) >= UNDER_WAY, "updates", 60.0)
    shown = [call.key for call in world.vendor.calls("PUT")][:ENDS]
    host.must(transaction(*map(end, shown)))
    committed = time.monotonic()
    world.until(lambda: len(world.vendor.calls("DELETE")) >= ENDS, "the ends", 60.0)
    last = world.vendor.calls("DELETE")[ENDS - 1].arrived
    updates = [c for c in world.vendor.calls("PUT") if committed < c.arrived < last]
    return {"updates between": len(updates), "seconds to the last end": last - committed}


def copy_operations(database: Database, times: int) -> None:
    """Write all operations so many times more, as if the hosts had inserted the same again."""
    with closing(database.connect()) as connection:
        cursor = connection.cursor()
        cursor.execute(f"SELECT * FROM {OPERATIONS}")
        quote = "`" if isinstance(database, Mariadb) else '"'
        columns = [f"{quote}{name}{quote}" for name, *_ in cursor.description if name != "id"]
        names, newest = ", ".join(columns), max(row[0] for row in cursor.fetchall())
    copy = f"INSERT INTO {OPERATIONS} ({names}) SELECT {names} FROM {OPERATIONS} WHERE id <= %s"
    for _ in range(times):
        database.execute(copy, newest)


def main() -> None:
    """Run on each database, print a line as it ends, and write the file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", default=",".join(CREATE), help="default: all three")
    parser.add_argument("--output", type=Path, help="a file for the results as JSON")
    options = parser.parse_args()
    found = []
    for name in options.databases.split(","):
        found.append(run(name))
        sys.stdout.write(
            f"{name:10} {found[-1]['updates between']:4} updates came between, the last end after "
            f"{found[-1]['seconds to the last end']:.2f} s\n"
        )
        sys.stdout.flush()
    if options.output:
        options.output.write_text(json.dumps(found, indent=2) + "\n")
    for template in REMOVE:
        template.drop()


if __name__ == "__main__":
    main()
