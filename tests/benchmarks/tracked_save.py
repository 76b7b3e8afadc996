"""What one tracked save costs the host: ``python -m tests.benchmarks.tracked_save``.

Each row saves the same objects in the same way, with a ``ModelActivity`` and without one, each save
in a transaction of its own. On another database than SQLite in memory:
``TEST_DATABASE=postgres python -m tests.benchmarks.tracked_save``.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import django

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
django.setup()

from django.db import connection, transaction  # noqa: E402 - the settings come first
from django.test.runner import DiscoverRunner  # noqa: E402
from django.test.utils import CaptureQueriesContext  # noqa: E402

from tests.shop.models import Order  # noqa: E402
from tests.tracking.orders import OrderActivity, followed  # noqa: E402

from .figures import Figure, command_line, report  # noqa: E402


@dataclass(frozen=True)
class Row:
    """A kind of save.

    Args:
        name: what it is called.
        before: the fields of the object, whose card is shown if it is live.
        change: what is done to the object before the save.
        most: how many queries tracking may add.
    """

    name: str
    before: dict[str, Any]
    change: Callable[[Order], None]
    most: int = 3


def nothing(order: Order) -> None:
    """Change nothing."""


def further(order: Order) -> None:
    """Change what the card shows."""
    order.progress += 1


def deliver(order: Order) -> None:
    """End it."""
    order.status = "delivered"


def cook(order: Order) -> None:
    """Begin it."""
    order.status = "cooking"


ROWS = (
    Row("not live", {"status": "new"}, nothing, most=1),
    Row("live, unchanged", {"status": "cooking"}, nothing, most=1),
    Row("live, changed", {"status": "cooking"}, further),
    Row("ending", {"status": "cooking"}, deliver),
    Row("starting", {"status": "new"}, cook, most=4),  # before a new card the row is read again
)


@dataclass(frozen=True)
class Cost:
    """What one save cost: statements, and seconds of CPU and of the clock."""

    queries: int
    cpu: float
    wall: float


def measure(row: Row, saves: int, *, tracked: bool) -> Cost:
    """Return what a save of the row costs on average."""
    with followed(Order, OrderActivity):
        orders = [Order.objects.create(**row.before) for _ in range(saves)]
        for order in orders:
            row.change(order)
        if tracked:
            return _save(orders)
    return _save(orders)


def _save(orders: list[Order]) -> Cost:
    first, *others = orders
    with CaptureQueriesContext(connection) as queries:
        first.save()
    cpu, wall = time.process_time(), time.perf_counter()
    for order in others:
        with transaction.atomic():
            order.save()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    statements = [q for q in queries if q["sql"].split()[0] not in ("BEGIN", "COMMIT")]
    return Cost(len(statements), cpu / len(others), wall / len(others))


def best(row: Row, saves: int, rounds: int, *, tracked: bool) -> Cost:
    """Return the cheapest of some rounds: the others were disturbed."""
    return min((measure(row, saves, tracked=tracked) for _ in range(rounds)), key=lambda c: c.cpu)


def compared(row: Row, tracked: Cost, plain: Cost) -> Iterator[Figure]:
    """Yield what tracking adds to a save, in statements and in CPU time."""
    where = connection.display_name
    yield Figure(
        f"statements added to a save, {row.name}, {where}",
        tracked.queries - plain.queries,
        "statements",
        beside=f"{plain.queries} of the untracked save",
        at_most=row.most,
    )
    clock = tracked.wall / plain.wall
    beside = f"the untracked save, {plain.cpu * 1e6:.0f} µs; by the clock {clock:.2f}"
    yield Figure(f"CPU of a save, {row.name}, {where}", tracked.cpu / plain.cpu, beside=beside)


def figures(saves: int, rounds: int) -> Iterator[Figure]:
    """Yield what each kind of save costs, on a test database."""
    runner = DiscoverRunner(verbosity=0, interactive=False)
    databases = runner.setup_databases(aliases={"default"})
    try:
        for row in ROWS:
            tracked = best(row, saves, rounds, tracked=True)
            yield from compared(row, tracked, best(row, saves, rounds, tracked=False))
    finally:
        runner.teardown_databases(databases)


def main() -> None:
    """Measure on the database that ``TEST_DATABASE`` names."""
    parser = command_line(__doc__)
    parser.add_argument("--saves", type=int, default=400, help="of each kind and round")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    report(figures(options.saves, options.rounds), options.json)


if __name__ == "__main__":
    main()
