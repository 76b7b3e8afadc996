"""10,000 pending updates, then 5 ends: ``python -m tests.benchmarks.backlog``.

How many updates reach the vendor between the commit of the ends and the arrival of the last one,
with eight workers at real speed.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from django_liveactivity.conf import Timing
from tests.faults.databases import CREATE, REMOVE, Database, Mariadb
from tests.faults.generator import end, show, transaction
from tests.faults.harness import OPERATIONS, System
from tests.faults.vendor import FakeVendor

from .figures import TITLES, Figure, command_line, report

CARDS, UPDATES, ENDS = 2_000, 10_000, 5
WORKERS = 8
LIMIT = (300, 30.0)
UNDER_WAY = 20
"""Updates that have arrived when the ends are committed: the workers are at full speed."""


def run(database_name: str) -> tuple[int, float]:
    """Run on one database, and return what came between."""
    database = CREATE[database_name]()
    with (
        FakeVendor(rate_limit=LIMIT, concurrent=UPDATES) as vendor,
        tempfile.TemporaryDirectory(prefix="backlog-") as folder,
    ):
        system = System(database, vendor, Path(folder))
        system.run |= {"rate_limit": LIMIT, "timing": asdict(Timing())}
        try:
            return between(system)
        finally:
            system.close()
            database.drop()


def between(system: System) -> tuple[int, float]:
    """Commit updates, let the workers run, commit ends; return what came between, and seconds."""
    host = system.host()
    keys = [f"card-{number}" for number in range(CARDS)]
    host.must(transaction(*map(show, keys)))
    copy_operations(system.database, UPDATES // CARDS - 1)
    assert system.unfinished() == UPDATES
    for _ in range(WORKERS):
        system.start("django", "liveactivity_dispatch", name="worker")
    system.until(lambda: len(system.vendor.calls("PUT")) >= UNDER_WAY, "updates", 60.0)
    shown = [call.key for call in system.vendor.calls("PUT")][:ENDS]
    host.must(transaction(*map(end, shown)))
    committed = time.monotonic()
    system.until(lambda: len(system.vendor.calls("DELETE")) >= ENDS, "the ends", 60.0)
    last = system.vendor.calls("DELETE")[ENDS - 1].arrived
    updates = [c for c in system.vendor.calls("PUT") if committed < c.arrived < last]
    return len(updates), last - committed


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


def figures(names: list[str]) -> Iterator[Figure]:
    """Yield what came between, and for how long, on each database."""
    for name in names:
        updates, seconds = run(name)
        where, beside = TITLES[name], f"{UPDATES:,} pending updates"
        yield Figure(f"updates before the last end, {where}", updates, "updates", beside=beside)
        yield Figure(f"commit to the last end, {where}", seconds, "s", beside=beside)


def main() -> None:
    """Run on each database."""
    parser = command_line(__doc__)
    parser.add_argument("--databases", default=",".join(CREATE), help="default: all three")
    options = parser.parse_args()
    report(figures(options.databases.split(",")), options.json)
    for template in REMOVE:
        template.drop()


if __name__ == "__main__":
    main()
