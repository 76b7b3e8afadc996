"""What many accounts cost that have nothing to do: ``python -m tests.benchmarks.idle``.

The statements of one sweep, one look of the loop, one health check and one status, beside so many
idle accounts, each of which has its row of state; and the connections of the loop beside so many
busy ones, on a PostgreSQL server of the run's own.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import django
from django.conf import settings

from tests.faults.databases import CREATE, REMOVE, create_postgres
from tests.faults.harness import System
from tests.faults.own_servers import own_server
from tests.faults.servers import Postgres
from tests.faults.vendor import FakeVendor

from .figures import Figure, command_line, report
from .filling import fill

GOAL = 12
LOOP_GOAL = 6
"""Connections: one for each of the loop's 4 threads, one for its looks, one to spare."""
BATCH = 1_000
CARDS = 10
"""Cards that wait for each busy account."""


def sweep() -> None:
    """Sweep as beat's task does, with wake-ups that go nowhere."""
    from django_liveactivity import delivery

    delivery.sweep(lambda alias: None)


def look() -> None:
    """Look for due accounts as the loop does between two pauses."""
    from django_liveactivity import delivery

    delivery.due_accounts("default")


def health() -> None:
    """Check the health as a host's view does."""
    from django_liveactivity.health import check_health

    check_health()


def show_status() -> None:
    """Run the command and drop what it prints."""
    from io import StringIO

    from django.core.management import call_command

    call_command("liveactivity_status", stdout=StringIO())


def remember(aliases: list[str]) -> None:
    """Write a row of state for each account, as if it had been swept just now."""
    from django_liveactivity.models import AccountState

    rows = [AccountState(account=alias) for alias in aliases]
    AccountState.objects.bulk_create(rows, batch_size=BATCH)


MEASURED: dict[str, Callable[[], None]] = {
    "sweep": sweep,
    "look": look,
    "health": health,
    "status": show_status,
}
"""What of the package is measured; with ``remember`` all that knows its names."""


def configure(database: dict[str, Any], aliases: list[str]) -> None:
    """Set Django up with these accounts."""
    account = {
        "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
        "OPTIONS": {"api_key": "ask_test"},
    }
    settings.configure(
        INSTALLED_APPS=["django_liveactivity"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        USE_TZ=True,
        DATABASES={"default": database},
        LIVEACTIVITY=dict.fromkeys(aliases, account),
    )
    django.setup()


def statements(work: Callable[[], None]) -> int:
    """Return how many statements some work runs, on whichever connection of this process."""
    from django.db import connection, connections
    from django.db.backends.signals import connection_created

    count = 0

    def note(execute: Any, *call: Any) -> Any:
        nonlocal count
        count += 1
        return execute(*call)

    def watch(connection: Any, **_: Any) -> None:
        if note not in connection.execute_wrappers:
            connection.execute_wrappers.append(note)

    connections.close_all()
    connection_created.connect(watch)
    try:
        work()
    finally:
        connection_created.disconnect(watch)
        connection.execute_wrappers.clear()
    return count


def measure(accounts: int, database: dict[str, Any]) -> dict[str, int]:
    """Count the statements of everything beside so many accounts, each after a first time."""
    aliases = [f"idle-{number}" for number in range(accounts)]
    configure(database, aliases)
    remember(aliases)
    for work in MEASURED.values():
        work()
    return {name: statements(work) for name, work in MEASURED.items()}


def idle(accounts: int, name: str) -> dict[str, int]:
    """Measure in a process of its own, on a database of its own: Django is configured once."""
    database = CREATE[name]()
    work = ["--one", str(accounts), json.dumps(database.settings)]
    try:
        command = [sys.executable, "-m", "tests.benchmarks.idle", *work]
        found: dict[str, int] = json.loads(subprocess.check_output(command, text=True))
        return found
    finally:
        database.drop()


def connections_of_loop(accounts: int, seconds: float) -> dict[str, Any]:
    """Return the most connections that the loop had beside so many busy accounts.

    Args:
        accounts: how many, each with cards to show.
        seconds: how long to look, from the first call on.
    """
    names = [f"busy-{number}" for number in range(accounts)]
    with (
        own_server(Postgres) as server,
        FakeVendor(rate_limit=(60, 60.0), concurrent=10**9) as vendor,
        tempfile.TemporaryDirectory(prefix="idle-") as folder,
    ):
        system = System(create_postgres(server.settings), vendor, Path(folder))
        system.run |= {"divisor": 1, "accounts": {name: {"api_key": name} for name in names}}
        try:
            host = system.host()
            fill(host, names, CARDS)
            host.process.kill()
            return beside_busy(system, seconds)
        finally:
            system.close()


def beside_busy(system: System, seconds: float) -> dict[str, Any]:
    """Start the loop, and count again and again who is connected to its database."""
    sql = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()"
    most = 0
    with closing(system.database.connect()) as connection:  # before the loop takes them all
        connection.autocommit = True
        loop = system.start("django", "liveactivity_dispatch", name="loop")
        system.until(system.vendor.calls, "the first call", 120.0)
        limit = time.monotonic() + seconds
        while time.monotonic() < limit:
            name = system.database.settings["NAME"]
            most = max(most, connection.execute(sql, [name]).fetchone()[0])
            time.sleep(0.1)
    served = len({call.api_key for call in system.vendor.calls()})
    return {"connections": most, "served": served, "refused": loop.output.count("too many clients")}


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Yield the statements beside each number of idle accounts, then the loop's connections."""
    for accounts in options.accounts:
        for name, count in idle(accounts, options.database).items():
            what = f"one {name}, {accounts:,} idle accounts"
            yield Figure(what, count, "statements", at_most=GOAL)
    if options.busy:
        loop = connections_of_loop(options.busy, options.seconds)
        busy = f"{options.busy:,} busy accounts"
        beside = f"{busy}, of which {loop['served']:,} were served in {options.seconds:g} s"
        most, refused = loop["connections"], loop["refused"]
        yield Figure("the loop", most, "connections", beside=beside, at_most=LOOP_GOAL)
        yield Figure("refused to the loop", refused, "connections", beside=busy, at_most=0)


def main() -> int:
    """Measure; 1 if a goal is missed."""
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--accounts", type=int, nargs="*", default=[10, 1_000, 10_000], help="that are idle")
    add("--busy", type=int, default=1_000, help="accounts beside which the loop runs; 0: none")
    add("--seconds", type=float, default=20.0, help="of the loop; default 20")
    add("--database", choices=list(CREATE), default="postgres", help="for the statements")
    add("--one", nargs=2, metavar=("ACCOUNTS", "DATABASE"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        sys.stdout.write(json.dumps(measure(int(options.one[0]), json.loads(options.one[1]))))
        return 0
    found = report(figures(options), options.json)
    for template in REMOVE:
        template.drop()
    return int(any(figure.missed for figure in found))


if __name__ == "__main__":
    sys.exit(main())
