"""Faults of the workers: killed at any line, frozen past their lease, stopped in good order."""

from __future__ import annotations

import random
import signal
import time
from pathlib import Path

from . import behaviors
from .brokers import Redis
from .generator import end, many, show, work
from .harness import LANES, PERMITS, SLOTS, World
from .matrix import row
from .own_servers import private
from .processes import ask


def until_struck(world: World, strike: dict[str, str]) -> None:
    """Wait until the fault has struck."""
    world.until(Path(strike["mark"]).exists, "the strike")


@row(9)
def test_row_09_worker_killed_after_the_claim_before_sending(world: World):
    host = world.host()
    for method in ("PUT", "DELETE"):
        strike = world.strike("before", method)
        worker = world.worker(strike=strike)
        host.must(show("card-1") if method == "PUT" else end("card-1"))
        until_struck(world, strike)
        worker.popen.wait(5)
        assert not world.vendor.calls(method)
        successor = world.worker()
        world.until_called(method)
        world.drained()
        successor.kill()
    world.judge()
    assert world.outcomes().count("ambiguous") == 2


@row(10)
def test_row_10_worker_killed_during_the_request(world: World):
    host = world.host()
    for method in ("PUT", "DELETE"):
        world.vendor.rule(behaviors.process_and_hang, method)
        worker = world.worker()
        host.must(show("card-1") if method == "PUT" else end("card-1"))
        world.until_called(method)
        worker.kill()
    world.worker()
    world.judge()
    assert len(world.vendor.calls("DELETE")) >= 2


@row(11)
def test_row_11_worker_killed_after_the_answer_before_it_is_stored(world: World):
    host = world.host()
    patient = world.worker()
    host.must(show("card-1"))
    world.drained()
    patient.kill()
    strike = world.strike("after", "DELETE")
    world.worker(strike=strike)
    host.must(end("card-1"))
    until_struck(world, strike)
    world.worker()
    world.judge()
    assert len(world.vendor.calls("DELETE")) == 2, "one duplicate end at most"


@row(12)
def test_row_12_worker_killed_holding_a_slot(world: World):
    rate_limit = {"rate_limit": (1, 1.0)}
    strike = world.strike("before")
    host = world.host()
    host.must(show("card-1"))
    world.worker(strike=strike, **rate_limit)
    until_struck(world, strike)
    host.must(show("card-2"), end("card-1"))
    world.worker(**rate_limit)
    world.judge()
    now = round(time.time() * 1000)
    assert world.database.rows(f"SELECT COUNT(*) FROM {SLOTS}") == [(1,)]
    world.until(lambda: world.database.rows(f"SELECT free_at FROM {SLOTS}")[0][0] < now + 1100, "")


@row(13)
def test_row_13_one_of_four_workers_killed_again_and_again(world: World):
    dice = random.Random(13)
    world.vendor.latency = 0.05
    host = world.host()
    workers = world.workers(4)
    steps = work(13, 12, lives=2, updates=2, undo=0.1)
    kills = 0
    for start in range(0, len(steps), 6):
        host.must(*steps[start : start + 6])
        time.sleep(0.5)
        victim = dice.randrange(4)
        workers[victim].kill()
        kills += 1
        workers[victim] = world.worker()
    world.judge()
    assert kills >= 8
    assert world.vendor.alive() == {}


@row(13)
def test_row_13_one_of_two_workers_of_django_tasks_killed_again_and_again(world: World):
    migrate = ("django", "migrate", "-v0", "django_tasks_database")
    tables = world.start(*migrate, name="migrate", dispatcher="tasks")
    assert tables.popen.wait(60) == 0, tables.output
    world.vendor.latency = 0.05
    host = world.host(dispatcher="tasks")
    workers = [world.task_worker() for _ in range(2)]
    steps = work(13, 8, lives=2, updates=2, undo=0.1)
    for number, start in enumerate(range(0, len(steps), 6)):
        host.must(*steps[start : start + 6])
        time.sleep(0.7)
        workers[number % 2].kill()
        workers[number % 2] = world.task_worker()
    host.must(show("last"), end("last"))  # it wakes a drain, should the sweep have been lost
    world.judge()
    assert number >= 4
    assert world.vendor.alive() == {}


@row(14)
def test_row_14_worker_frozen_past_its_lease(world: World):
    host = world.host()
    strike = world.strike("after", "DELETE", "SIGSTOP")
    frozen = world.worker(strike=strike)
    host.must(show("card-1"))
    world.drained()
    host.must(end("card-1"))
    frozen.wait_stopped()
    world.worker()
    world.drained()
    new = show("card-1")
    host.must(new)
    world.drained()
    before = world.database.rows(LANE_AND_OPERATIONS), world.operations()
    frozen.signal(signal.SIGCONT)
    world.until(lambda: "the lease ran out" in frozen.output, "the fence")
    assert (world.database.rows(LANE_AND_OPERATIONS), world.operations()) == before
    world.judge()
    assert world.vendor.alive() == {"card-1": new["serial"]}
    assert "ambiguous" not in world.outcomes(), "its attempt is stored"


LANE_AND_OPERATIONS = (
    "SELECT l.fence, l.lease_until, l.open_attempt, l.generation, l.displayed_id, "
    "l.ambiguous_until, "
    "o.id, o.tries, o.next_try_at, o.finished_at FROM django_liveactivity_lane l "
    "JOIN django_liveactivity_operation o ON o.lane_digest = l.digest ORDER BY o.id"
)


@row(31)
def test_row_31_worker_whose_clock_is_an_hour_off(world: World, database_name: str):
    clocks = [{"clock": "+1h"}, {"clock": "-1h"}, {}]
    everywhere = {}
    if database_name == "sqlite":  # its clock is its process's, and one machine has one clock
        everywhere = {"clock": "+1h"}
        clocks = [everywhere] * 3
    for settings in clocks:
        wrong = float(ask(world.run | settings, "import time; print(time.time())")) - time.time()
        assert abs(wrong) > 3500 or not settings
        world.worker(**settings)
    host = world.host(**everywhere)
    host.must(*work(31, 6, lives=2, updates=1))
    host.must(many([show("kept")]))
    world.judge()
    assert list(world.vendor.alive()) == ["kept"]
    assert set(world.outcomes()) <= {"delivered", "already_ended", "not_found"}


@row(40)
def test_row_40_a_whole_celery_node_killed_with_four_busy_processes(world: World):
    world.run |= {"divisor": 1, "rate_limit": (60, 3.0)}
    with private(Redis) as redis:
        run = redis.run_settings()
        host = world.host(**run)
        node = world.celery("-c", "4", **run)
        host.must(show("card-1"))
        world.until(lambda: world.vendor.alive(), "the card")
        world.drained()
        world.vendor.rule(behaviors.hang, "PUT", times=None)
        host.must(many([show(f"busy-{n}") for n in range(8)]))
        world.until(lambda: len(awaited(world)) == 4, "four busy processes")
        node.kill()
        world.vendor.end_rules()
        node = world.celery("-c", "4", **run)
        host.must(end("card-1"))
        world.until(lambda: is_acknowledged(world, "card-1"), "the end", 20.0)
        node.kill()
    for table in (LANES, PERMITS):  # a minute later
        world.database.execute(f"UPDATE {table} SET lease_until = lease_until - 60000")
    world.worker(divisor=20)
    world.judge()
    assert len(world.vendor.alive()) == 8


def awaited(world: World) -> list[str]:
    """Return the keys of the calls that are in flight now."""
    return [e.key for e in world.vendor.calls() if e.answered is None and e.gone is None]


def is_acknowledged(world: World, key: str) -> bool:
    """Tell whether the end of a card is."""
    return any(call.acknowledges for call in world.vendor.calls("DELETE", key))
