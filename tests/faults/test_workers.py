"""Faults of the workers: killed at any line, frozen past their lease, stopped in good order."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from . import behaviors
from .brokers import Redis
from .generator import end, many, show, work
from .harness import LANES, PERMITS, SLOTS, System
from .matrix import row
from .own_servers import own_server
from .processes import ask


def until_struck(system: System, strike: dict[str, str]) -> None:
    """Wait until the fault has struck."""
    system.until(Path(strike["mark"]).exists, "the strike")


@row(9)
def test_row_09_worker_killed_after_the_claim_before_sending(system: System):
    host = system.host()
    for method in ("PUT", "DELETE"):
        strike = system.strike("before", method)
        worker = system.worker(strike=strike)
        host.must(show("card-1") if method == "PUT" else end("card-1"))
        until_struck(system, strike)
        worker.popen.wait(5)
        assert not system.vendor.calls(method)
        successor = system.worker()
        system.until_called(method)
        system.drained()
        successor.kill()
    system.judge()
    assert system.outcomes().count("ambiguous") == 2


@row(10)
def test_row_10_worker_killed_during_the_request(system: System):
    host = system.host()
    for method in ("PUT", "DELETE"):
        system.vendor.rule(behaviors.process_and_hang, method)
        worker = system.worker()
        host.must(show("card-1") if method == "PUT" else end("card-1"))
        system.until_called(method)
        worker.kill()
    system.worker()
    system.judge()
    assert len(system.vendor.calls("DELETE")) >= 2


@row(11)
def test_row_11_worker_killed_after_the_answer_before_it_is_stored(system: System):
    host = system.host()
    patient = system.worker()
    host.must(show("card-1"))
    system.drained()
    patient.kill()
    strike = system.strike("after", "DELETE")
    system.worker(strike=strike)
    host.must(end("card-1"))
    until_struck(system, strike)
    system.worker()
    system.judge()
    assert len(system.vendor.calls("DELETE")) == 2, "one duplicate end at most"


@row(12)
def test_row_12_worker_killed_holding_a_slot(system: System):
    rate_limit = {"rate_limit": (1, 1.0)}
    strike = system.strike("before")
    host = system.host()
    host.must(show("card-1"))
    system.worker(strike=strike, **rate_limit)
    until_struck(system, strike)
    host.must(show("card-2"), end("card-1"))
    system.worker(**rate_limit)
    system.judge()
    now = round(time.time() * 1000)
    assert system.database.rows(f"SELECT COUNT(*) FROM {SLOTS}") == [(1,)]
    system.until(
        lambda: system.database.rows(f"SELECT free_at FROM {SLOTS}")[0][0] < now + 1100, ""
    )


@row(13)
def test_row_13_one_of_four_workers_killed_again_and_again(system: System):
    dice = random.Random(13)
    system.vendor.latency = 0.05
    host = system.host()
    workers = system.workers(4)
    steps = work(13, 12, lives=2, updates=2, undo=0.1)
    kills = 0
    for start in range(0, len(steps), 6):
        host.must(*steps[start : start + 6])
        time.sleep(0.5)
        victim = dice.randrange(4)
        workers[victim].kill()
        kills += 1
        workers[victim] = system.worker()
    system.judge()
    assert kills >= 8
    assert system.vendor.alive() == {}


@row(13)
def test_row_13_one_of_two_workers_of_django_tasks_killed_again_and_again(system: System):
    migrate = ("django", "migrate", "-v0", "django_tasks_database")
    tables = system.start(*migrate, name="migrate", dispatcher="tasks")
    assert tables.popen.wait(60) == 0, tables.output
    system.vendor.latency = 0.05
    host = system.host(dispatcher="tasks")
    workers = [system.task_worker() for _ in range(2)]
    steps = work(13, 8, lives=2, updates=2, undo=0.1)
    for number, start in enumerate(range(0, len(steps), 6)):
        host.must(*steps[start : start + 6])
        time.sleep(0.7)
        workers[number % 2].kill()
        workers[number % 2] = system.task_worker()
    host.must(show("last"), end("last"))  # it wakes a drain, should the sweep have been lost
    system.judge()
    assert number >= 4
    assert system.vendor.alive() == {}


@row(14)
def test_row_14_worker_frozen_past_its_lease(system: System):
    host = system.host()
    strike = system.strike("after", "DELETE", "SIGSTOP")
    frozen = system.worker(strike=strike)
    host.must(show("card-1"))
    system.drained()
    host.must(end("card-1"))
    frozen.wait_stopped()
    system.worker()
    system.drained()
    new = show("card-1")
    host.must(new)
    system.drained()
    before = system.database.rows(LANE_AND_OPERATIONS), system.operations()
    frozen.signal(signal.SIGCONT)
    system.until(lambda: "the lease ran out" in frozen.output, "the fence")
    assert (system.database.rows(LANE_AND_OPERATIONS), system.operations()) == before
    system.judge()
    assert system.vendor.alive() == {"card-1": new["serial"]}
    assert "ambiguous" not in system.outcomes(), "its attempt is stored"


@row(14)
def test_row_14_worker_frozen_between_its_lease_and_its_call(system: System):
    host = system.host()
    frozen = system.worker(strike=system.strike("before", "PUT", "SIGSTOP"))
    host.must(show("card-1"))
    frozen.wait_stopped()
    system.worker()
    host.must(end("card-1"))
    system.drained()
    frozen.signal(signal.SIGCONT)
    system.until(lambda: "the lease ran out" in frozen.output, "the fence")
    system.judge()
    assert system.vendor.alive() == {}
    assert [entry.method for entry in system.vendor.log].count("PUT") == 0


LANE_AND_OPERATIONS = (
    "SELECT l.fence, l.lease_until, l.open_attempt, l.generation, l.displayed_id, "
    "l.ambiguous_until, "
    "o.id, o.tries, o.next_try_at, o.finished_at FROM django_liveactivity_lane l "
    "JOIN django_liveactivity_operation o ON o.lane_digest = l.digest ORDER BY o.id"
)


@row(31)
def test_row_31_worker_whose_clock_is_an_hour_off(system: System, database_name: str):
    clocks = [{"clock": "+1h"}, {"clock": "-1h"}, {}]
    everywhere = {}
    if database_name == "sqlite":  # its clock is its process's, and one machine has one clock
        everywhere = {"clock": "+1h"}
        clocks = [everywhere] * 3
    for settings in clocks:
        wrong = float(ask(system.run | settings, "import time; print(time.time())")) - time.time()
        assert abs(wrong) > 3500 or not settings
        system.worker(**settings)
    host = system.host(**everywhere)
    host.must(*work(31, 6, lives=2, updates=1))
    host.must(many([show("kept")]))
    system.judge()
    assert list(system.vendor.alive()) == ["kept"]
    assert set(system.outcomes()) <= {"delivered", "already_ended", "not_found"}


@row(40)
def test_row_40_a_whole_celery_node_killed_with_four_busy_processes(system: System):
    system.run |= {"divisor": 1, "rate_limit": (60, 3.0)}
    with own_server(Redis) as redis:
        run = redis.run_settings()
        host = system.host(**run)
        node = system.celery("-c", "4", **run)
        host.must(show("card-1"))
        system.until(lambda: system.vendor.alive(), "the card")
        system.drained()
        system.vendor.rule(behaviors.hang, "PUT", times=None)
        host.must(many([show(f"busy-{n}") for n in range(8)]))
        system.until(lambda: len(awaited(system)) == 4, "four busy processes")
        node.kill()
        system.vendor.end_rules()
        node = system.celery("-c", "4", **run)
        host.must(end("card-1"))
        system.until(lambda: is_acknowledged(system, "card-1"), "the end", 20.0)
        node.kill()
    for table in (LANES, PERMITS):  # a minute later
        system.database.execute(f"UPDATE {table} SET lease_until = lease_until - 60000")
    system.worker(divisor=20)
    system.judge()
    assert len(system.vendor.alive()) == 8


def awaited(system: System) -> list[str]:
    """Return the keys of the calls that are in flight now."""
    return [e.key for e in system.vendor.calls() if e.answered is None and e.gone is None]


def is_acknowledged(system: System, key: str) -> bool:
    """Tell whether the end of a card is."""
    return any(call.acknowledges for call in system.vendor.calls("DELETE", key))
