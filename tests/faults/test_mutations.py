"""The checker finds each way in which the engine is broken on purpose, and by its letters alone.

Every scenario runs twice, with the sound engine and with a broken one. What it must cost is
written down beside it: those letters and no others. Whatever else goes wrong in a run is an
exception, and fails the test.
"""

from __future__ import annotations

import signal
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from . import behaviors
from .checker import Violation
from .generator import end, many, show, transaction
from .harness import OPERATIONS, System
from .mutations import MUTATIONS
from .scenarios import a_put_held_until_after_the_end

PACE = (20, 3.0)
SLOW = {"rate_limit": (10, 3.0)}
OTHERS = 60
"""So many cards wait for content when the ends come."""


def a_frozen_worker_wakes_up_while_its_successor_waits(system: System) -> None:
    patient = {"timing": {"call_deadline": 2000, "permit": 2050}}
    host = system.host()
    frozen = system.worker(strike=system.strike("after", "PUT", "SIGSTOP"), **patient)
    host.must(show("card-1"))
    frozen.wait_stopped()
    system.vendor.latency = 1.2
    system.worker(**patient)
    system.until_called("PUT", count=2)
    host.must(show("card-1"))
    frozen.signal(signal.SIGCONT)
    system.drained()


def a_put_is_applied_after_the_end(system: System) -> None:
    put = a_put_held_until_after_the_end(system)
    system.until(lambda: put.applied, "the late PUT")
    system.drained()


def one_end_is_rolled_back_and_one_host_dies(system: System) -> None:
    system.worker()
    host, mortal = system.host(), system.host()
    host.must(show("card-1"), show("card-2"))
    system.drained()
    host.must(transaction(end("card-1"), undo=True))
    mortal.dies(transaction({"do": "die_after_commit"}, end("card-2")))
    system.until_called("DELETE")
    system.drained()


def more_ends_than_the_limit_lets_through(system: System) -> None:
    system.vendor.policy.rate_limit = PACE
    system.host().must(many([end(f"card-{n}") for n in range(3 * PACE[0] + 5)]))
    system.database.execute(f"UPDATE {OPERATIONS} SET rank = 0")  # as if we had shown the cards
    system.workers(2, rate_limit=PACE)
    system.drained()


def content_waits_when_the_end_comes(system: System) -> None:
    host, first = system.host(), system.worker()
    host.must(show("card-1"))
    system.drained()
    first.kill()
    host.must(show("card-1"), end("card-1"))
    system.worker()
    system.drained()


def ends_come_behind_a_backlog_and_the_time_is_short(system: System) -> None:
    keys = [f"card-{n}" for n in range(3)]
    host, first = system.host(), system.worker(**SLOW)
    host.must(many([show(key) for key in keys]))
    system.drained()
    first.kill()
    host.must(many([show(f"other-{n}") for n in range(OTHERS)]))
    host.must(many([end(key) for key in keys]))
    worker = system.worker(**SLOW)
    system.until_called("PUT", count=len(keys) + OTHERS // 5)
    worker.kill()


def two_keys_differ_in_case(system: System) -> None:
    system.worker()
    host = system.host()
    host.must(show("Order-42"), show("order-42"))
    system.drained()
    host.must(end("order-42"))
    system.drained()


def an_end_fails_five_times(system: System) -> None:
    system.worker()
    host = system.host()
    host.must(show("card-1"))
    system.drained()
    system.vendor.rule(behaviors.status(500), "DELETE", times=5)
    host.must(end("card-1"))
    system.drained()


@dataclass(frozen=True)
class Case:
    """A way to break the engine, the run that shows it, and the letters that it must cost."""

    mutation: str
    letters: str
    scenario: Callable[[System], None]
    database: str = "postgres"
    saturated: tuple[int, float] | None = None

    def violations(self, system: System) -> list[Violation]:
        """Run the scenario, and return what the checker finds."""
        self.scenario(system)
        return system.violations(self.saturated)


CASES = [
    Case("no_fence", "S", a_frozen_worker_wakes_up_while_its_successor_waits),
    Case("no_quarantine", "A", a_put_is_applied_after_the_end),
    Case("kick_instead_of_row", "LAR", one_end_is_rolled_back_and_one_host_dies),
    Case("no_slot", "P", more_ends_than_the_limit_lets_through, saturated=PACE),
    Case("update_after_end", "AO", content_waits_when_the_end_comes),
    Case("first_in_first_out", "LA", ends_come_behind_a_backlog_and_the_time_is_short),
    Case("keys_without_case", "LR", two_keys_differ_in_case, database="mariadb"),
    Case("retries_run_out", "LA", an_end_fails_five_times),
]
CELLS = pytest.mark.parametrize(
    ("case", "database_name"),
    [pytest.param(case, case.database, id=f"{case.mutation}-{case.database}") for case in CASES],
)


@CELLS
def test_the_sound_engine_passes(system: System, case: Case):
    violations = case.violations(system)
    assert not violations, "\n".join([*map(str, violations), system.story()])


@CELLS
def test_the_broken_engine_costs_its_letters(system: System, case: Case):
    system.run["mutation"] = case.mutation
    violations = case.violations(system)
    found = {violation.letter for violation in violations}
    assert found == set(case.letters), "\n".join([*map(str, violations), system.story()])


def test_every_way_and_every_letter_is_shown():
    assert [case.mutation for case in CASES] == list(MUTATIONS)
    assert set("".join(case.letters for case in CASES)) == set("LAROSP")
