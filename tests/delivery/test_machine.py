"""The planner, under hosts, workers and a vendor that do anything in any order: no database.

``test_machine_rows.py`` plays the same game with real rows.
"""

from __future__ import annotations

from .memory import Memory
from .state_machine import Machine, games


class PlannerMachine(Machine):
    """The machine over the planner alone."""

    driver = Memory


TestPlanner = PlannerMachine.TestCase
TestPlanner.settings = games(2.0)
