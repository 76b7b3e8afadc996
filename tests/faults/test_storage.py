"""Faults of the database: it restarts, it is cut off, it asks for a transaction to be repeated."""

from __future__ import annotations

import itertools
import re
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from .databases import Database, administer_postgres, create_mariadb, create_postgres
from .generator import end, many, serials, show, transaction, work
from .harness import LANES, OPERATIONS, OPERATOR_ACTIONS, STATES, System
from .matrix import row
from .own_servers import own_server
from .proxy import Proxy, Trigger
from .servers import Mariadb, Pgbouncer, Postgres
from .settings import DIVISOR
from .vendor import FakeVendor


@contextmanager
def world_on(database: Database, vendor: FakeVendor, folder: Path) -> Iterator[System]:
    """A run on a database of a private server."""
    system = System(database, vendor, folder)
    try:
        yield system
    finally:
        system.close()


def survives_restarts(system: System, restart: Callable[[], None]) -> None:
    """Let hosts and workers work while the server dies twice."""
    host = system.host()
    workers = system.workers(2)
    steps = work(16, 8, updates=2)
    third = len(steps) // 3
    for start in (0, third):
        host.must(*steps[start : start + third])
        restart()
        host.do(many([]))
    host.must(*steps[2 * third :], show("kept"))
    system.judge()
    assert list(system.vendor.alive()) == ["kept"]
    assert all(worker.is_alive for worker in workers), "workers outlive the server"


@row(16)
def test_row_16_immediate_restart(database_name: str, vendor: FakeVendor, tmp_path: Path):
    with (
        own_server(Postgres) as server,
        world_on(create_postgres(server.settings), vendor, tmp_path) as system,
    ):
        survives_restarts(system, server.restart)


@row(17)
def test_row_17_kill_9_and_restart(database_name: str, vendor: FakeVendor, tmp_path: Path):
    with (
        own_server(Mariadb) as server,
        world_on(create_mariadb(server.settings), vendor, tmp_path) as system,
    ):
        survives_restarts(system, server.restart)


def through(system: System, proxy: Proxy) -> dict[str, Any]:
    """Return the settings of the run's database, seen through a proxy."""
    return {"database": system.database.settings | {"PORT": str(proxy.port)}}


COMMIT = re.compile(rb"(?<!auto)commit(?!ted)", re.IGNORECASE)


def commits(every: int = 1) -> Trigger:
    """Return what recognises each n-th COMMIT on the wire."""
    seen = itertools.count(1)
    return lambda piece: bool(COMMIT.search(piece)) and next(seen) % every == 0


def server_port(system: System) -> int:
    """Return where the run's database server listens."""
    return int(system.database.settings["PORT"])


@row(18)
def test_row_18_host_cut_off_at_commit(system: System):
    with Proxy(server_port(system)) as proxy:
        host = system.host(**through(system, proxy))
        system.worker()
        host.must(*(show(f"card-{n}") for n in range(4)))
        stored = []
        for number, passes in enumerate([True, False, True, False]):
            step = transaction(end(f"card-{number}"), show(f"new-{number}"))
            proxy.faults.pass_first, proxy.faults.cut_at = passes, commits()
            assert host.do(step)["error"], "the connection was not cut"
            proxy.faults.cut_at = None
            known = {fact.serial for fact in system.facts()}
            here = [serial in known for serial in serials(step)]
            assert len(set(here)) == 1, "half of a transaction is stored"
            stored.append(here[0])
        assert stored == [True, False, True, False]
        system.judge()
    assert sorted(system.vendor.alive()) == ["card-1", "card-3", "new-0", "new-2"]


@row(18)
def test_row_18_worker_cut_off_at_commit(system: System):
    with Proxy(server_port(system)) as proxy:
        host = system.host()
        steps = work(18, 5, updates=1)
        worker = system.worker(**through(system, proxy))
        for passes in (True, False):
            proxy.faults.pass_first, proxy.faults.cut_at = passes, commits(every=7)
            for step in steps[: len(steps) // 2] if passes else steps[len(steps) // 2 :]:
                host.must(step)
                time.sleep(0.2)
        system.until(lambda: proxy.faults.cuts >= 2, "a cut")
        proxy.faults.cut_at = None
        system.judge()
        assert worker.is_alive


@dataclass(frozen=True)
class Conflict:
    """How a worker is brought into conflict with the nemesis.

    Args:
        worker: the worker's database settings.
        statements: what the nemesis does in one transaction.
        seconds: its pause after each UPDATE.
        commits: whether it commits; else it rolls back.
    """

    worker: dict[str, Any]
    statements: tuple[str, ...]
    seconds: float
    commits: bool = False

    def provoke(self, database: Database) -> None:
        """Hold the locks for a while; the nemesis itself may be asked to repeat."""
        with closing(database.connect()) as connection:
            try:
                for statement in self.statements:
                    connection.cursor().execute(statement)
                    time.sleep(self.seconds if "UPDATE" in statement else 0)
                (connection.commit if self.commits else connection.rollback)()
            except Exception as error:
                if not re.search("deadlock|try restarting", str(error), re.IGNORECASE):
                    raise


HEARTBEAT = "django_liveactivity_heartbeat"
LOCK_STATE = f"UPDATE {STATES} SET failures = failures"
CHANGE_STATE = f"UPDATE {STATES} SET limit_probes = limit_probes + 1"
LOCK_LANES = f"UPDATE {LANES} SET hidden_because = hidden_because"
WEIGHT = "INSERT INTO host_fact (serial, card, kind) SELECT 1000000 + seq, '', '' FROM seq_1_to_500"
"""MariaDB rolls back whoever has changed less."""


def sqlite_conflicts(settings: dict[str, Any]) -> list[Conflict]:
    """SQLITE_BUSY."""
    impatient = settings | {"OPTIONS": {"timeout": 0.1}}
    return [Conflict(impatient, ("BEGIN IMMEDIATE", LOCK_STATE), 0.6)]


def postgres_conflicts(settings: dict[str, Any]) -> list[Conflict]:
    """40P01, 55P03 and 40001."""
    victim = settings | {"OPTIONS": {"options": "-c deadlock_timeout=700ms"}}
    patient = "SET LOCAL deadlock_timeout = '20s'"
    timeout = settings | {"OPTIONS": {"options": "-c lock_timeout=100ms"}}
    serializable = settings | {"OPTIONS": {"isolation_level": 4}}
    return [
        Conflict(victim, (patient, LOCK_STATE, LOCK_LANES), 0.4),
        Conflict(timeout, (LOCK_STATE,), 0.5),
        Conflict(serializable, (CHANGE_STATE,), 0.3, commits=True),
    ]


def mariadb_conflicts(settings: dict[str, Any]) -> list[Conflict]:
    """1213 and 1205; 1020 has a test of its own."""
    timeout = settings | {"OPTIONS": {"init_command": "SET innodb_lock_wait_timeout=1"}}
    return [
        Conflict(settings, (WEIGHT, LOCK_STATE, LOCK_LANES), 0.4),
        Conflict(timeout, (LOCK_STATE,), 1.4),
    ]


CONFLICTS = {
    "sqlite": sqlite_conflicts,
    "postgres": postgres_conflicts,
    "mariadb": mariadb_conflicts,
}


@row(19)
def test_row_19_locks_and_deadlocks(system: System, database_name: str):
    host = system.host()
    for number, conflict in enumerate(CONFLICTS[database_name](system.database.settings)):
        key = f"card-{number}"
        worker = system.worker(database=conflict.worker)
        host.must(show(key))
        system.drained()

        def provoked() -> bool:
            host.must(show(key))  # noqa: B023 - used in this round only
            conflict.provoke(system.database)  # noqa: B023
            return "database lock conflict" in worker.output  # noqa: B023

        system.until(provoked, f"lock {number}", 8.0)
        host.must(end(key))
        system.drained()
        worker.kill()
    system.judge()
    assert system.vendor.alive() == {}


@row(19, only="M")
def test_row_19_record_has_changed_since_last_read(system: System):
    snapshot = {
        "isolation_level": "repeatable read",
        "init_command": "SET SESSION innodb_snapshot_isolation=ON",
    }
    host = system.host()
    host.must(show("card-1"))
    system.database.execute(f"UPDATE {OPERATIONS} SET next_try_at = next_try_at + 3600000")
    worker = system.worker(database=system.database.settings | {"OPTIONS": snapshot})
    system.until(lambda: system.database.rows(f"SELECT beat_at FROM {HEARTBEAT}"), "the worker")
    with closing(system.database.connect()) as nemesis:
        nemesis.cursor().execute(f"UPDATE {OPERATIONS} SET failures = failures + 1")
        system.database.execute(RETRY_FIRST)  # where a worker reads before it writes
        time.sleep(2.0)
        nemesis.commit()
    system.until(lambda: "_apply: database lock conflict" in worker.output, "1020")
    system.until_called("PUT", "card-1")
    host.must(end("card-1"))
    system.judge()


RETRY_FIRST = (
    f"INSERT INTO {OPERATOR_ACTIONS} (account, operation_id, kind, actor, reason, created_at) "
    "VALUES ('default', 1, 'retry', 'nemesis', '', 0)"
)


@contextmanager
def pooled(database: Database, name: str) -> Iterator[dict[str, Any]]:
    """Give the block Django's settings for a database behind a pooler, as users write them."""
    if name == "postgres":
        with own_server(Pgbouncer) as pooler:
            seen_through = {"PORT": str(pooler.port), "DISABLE_SERVER_SIDE_CURSORS": True}
            yield database.settings | seen_through
    else:
        yield database.settings | {"ENGINE": "tests.faults.pooled"}


@row(36)
def test_row_36_transaction_pooling(system: System, database_name: str):
    with pooled(system.database, database_name) as settings:
        system.workers(2, database=settings)
        host = system.host(database=settings)
        host.must(*work(36, 6, lives=2, updates=1, undo=0.3))
        system.judge()
        assert system.vendor.alive() == {}


@row(36)
def test_row_36_one_long_host_transaction(system: System):
    slow, quick = system.host(), system.host()
    system.workers(2)
    quick.must(show("shared"), show("card-1"))
    system.drained()
    slow.must({"do": "begin"}, show("slow"), end("shared"), show("card-1"))
    for step in (show("shared"), show("card-1"), end("card-1"), show("card-2"), end("card-2")):
        begun = time.monotonic()
        quick.must(step)
        assert time.monotonic() - begun < 1.0, "a host waited for another"
        system.drained(5.0)
    assert "slow" not in system.vendor.alive()
    slow.must({"do": "commit"})
    system.drained()
    system.until(lambda: "slow" in system.vendor.alive(), "what the long transaction showed")


@contextmanager
def failover(database: Database, server: Postgres) -> Iterator[None]:
    """Let no session write for the time of the block, and none that is older than its end."""
    with administer_postgres(server.settings) as admin:
        admin.execute("ALTER SYSTEM SET default_transaction_read_only = on")
        admin.execute("SELECT pg_reload_conf()")
        yield
        admin.execute("SET default_transaction_read_only = off")
        name = database.settings["NAME"]  # of new sessions only; the others have the system's
        admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = off")


FAILOVER = 10.0 / DIVISOR
SESSIONS = {"kept": {"CONN_MAX_AGE": None}, "pooled": {"OPTIONS": {"pool": True}}}


@row(39)
@pytest.mark.parametrize("sessions", SESSIONS)
def test_row_39_session_turned_read_only(
    database_name: str, sessions: str, vendor: FakeVendor, tmp_path: Path
):
    unaffected = {"OPTIONS": {"options": "-c default_transaction_read_only=off"}}
    with (
        own_server(Postgres) as server,
        world_on(create_postgres(server.settings), vendor, tmp_path) as system,
    ):
        settings = system.database.settings
        host = system.host(database=settings | unaffected)
        worker = system.worker(database=settings | SESSIONS[sessions])
        host.must(show("card-1"), show("kept"))
        system.drained()
        with failover(system.database, server):
            host.must(end("card-1"))
            system.until(lambda: "read-only transaction" in worker.output, "the fault")
            time.sleep(FAILOVER)
        system.judge()
        assert list(system.vendor.alive()) == ["kept"]
        assert worker.is_alive
