"""The planner, under hosts, workers and a vendor that do anything in any order: no database.

``test_state_machine_rows.py`` runs the same simulation with real rows.
"""

from __future__ import annotations

from .memory import Memory
from .state_machine import Machine, random_runs


class PlannerMachine(Machine):
    """The machine over the planner alone."""

    driver = Memory


TestPlanner = PlannerMachine.TestCase
TestPlanner.settings = random_runs(2.0)
