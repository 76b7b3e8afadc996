"""Faults of the host: what it undoes, and where it dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from . import behaviors
from .generator import Step, end, many, show, transaction, work
from .harness import CARDS, OPERATIONS, Host, System
from .matrix import row


@row(1)
def test_row_01_rollback_and_savepoint_rollback(system: System):
    system.worker()
    host = system.host()
    host.must(*work(1, 8, lives=2, updates=2, undo=0.6))
    host.must(transaction(show("ghost-1"), end("ghost-1"), undo=True))
    host.must(transaction(show("kept"), transaction(end("kept"), undo=True)))
    system.judge()
    assert list(system.vendor.alive()) == ["kept"]


@row(2)
def test_row_02_host_killed_before_commit(system: System):
    system.worker()
    first, second = system.host(), system.host()
    first.must(show("card-1"), show("card-2"))
    first.dies(transaction(end("card-1"), show("ghost"), {"do": "die"}))
    second.must(*work(2, 4), end("card-2"))
    system.judge()
    assert list(system.vendor.alive()) == ["card-1"]


@row(3)
def test_row_03_host_killed_after_commit_before_the_wake_up(system: System):
    first, second = system.host(dispatcher="immediate"), system.host()
    second.must(show("card-1"))
    first.dies(transaction({"do": "die_after_commit"}, end("card-1"), show("card-2")))
    assert not system.vendor.calls()
    system.worker()
    system.judge()
    assert list(system.vendor.alive()) == ["card-2"]


@contextmanager
def commits_late(system: System, host: Host, *steps: Step) -> Iterator[None]:
    """Let a host do steps whose rows appear when the block is over, with the ids of before it.

    SQLite has one writer at a time, so there the rows are taken away and put back.
    """
    if system.database.settings["ENGINE"].endswith("sqlite3"):
        rows, execute = system.database.rows, system.database.execute
        newest = {
            t: rows(f"SELECT COALESCE(MAX(id), 0) FROM {t}")[0][0] for t in (CARDS, OPERATIONS)
        }
        host.must(*steps)
        for table, number in newest.items():
            execute(f"CREATE TABLE late_{table} AS SELECT * FROM {table} WHERE id > {number}")
            execute(f"DELETE FROM {table} WHERE id > %s", number)
        yield
        for table in newest:
            execute(f"INSERT INTO {table} SELECT * FROM late_{table}")
    else:
        host.must({"do": "begin"}, *steps)
        yield
        host.must({"do": "commit"})


@row(32)
def test_row_32_lower_id_commits_after_a_higher_id(system: System):
    slow, fast = system.host(), system.host()
    first = system.worker()
    fast.must(show("card-1"), show("card-2"))
    system.drained()
    first.kill()
    newest = show("card-2")
    with commits_late(system, slow, show("card-1"), show("card-2")):
        fast.must(end("card-1"), newest)
        system.worker()
        system.until_called("DELETE", "card-1")
        system.until_called("PUT", "card-2", count=2)
    system.judge()
    assert system.vendor.alive() == {"card-2": newest["serial"]}
    states = [row.state for row in system.operations().values()]
    assert states.count("superseded") == 2


@row(45)
def test_row_45_content_commits_after_the_end_of_its_key(system: System):
    slow, fast = system.host(), system.host()
    first = system.worker()
    fast.must(show("card-2"))
    system.drained()
    first.kill()  # on SQLite the late rows are there for a moment
    with commits_late(system, slow, show("card-1"), show("card-2")):
        fast.must(end("card-1"), end("card-2"))
        system.worker()
        system.until_called("DELETE", count=2)
        system.drained()
    system.judge()
    assert system.vendor.alive() == {}
    states = [row.state for row in system.operations().values()]
    assert states.count("superseded") == 2
    assert {status for (status,) in system.database.rows(f"SELECT status FROM {CARDS}")} == {
        "ended"
    }


@row(33)
def test_row_33_end_races_an_update_in_flight(system: System):
    system.vendor.latency = 0.3
    host = system.host()
    system.workers(2)
    host.must(many([show("card-1"), show("card-2")]))
    system.until_called("PUT", count=2)
    host.must(many([show("card-1"), show("card-2")]))
    system.until_called("PUT", count=4)
    host.must(many([end("card-1"), end("card-2")]))
    system.judge()
    assert system.vendor.alive() == {}


@row(33)
def test_row_33_end_races_an_update_whose_worker_died(system: System):
    system.vendor.rule(behaviors.process_and_hang, "PUT")
    host = system.host()
    workers = system.workers(2)
    host.must(show("card-1"))
    put = system.until_called("PUT", "card-1")
    next(worker for worker in workers if "sending PUT" in worker.output).kill()
    host.must(end("card-1"))
    system.judge()
    first_end = system.vendor.calls("DELETE", "card-1")[0]
    assert first_end.arrived - put.arrived >= 2.9, "the end did not wait for the lease"
