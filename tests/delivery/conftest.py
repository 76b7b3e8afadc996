"""What of these tests is SQLite's alone."""

from __future__ import annotations

from tests.settings import SERVER

collect_ignore = [] if SERVER["NAME"] == ":memory:" else ["test_state_machine_rows.py"]
"""The simulation with real rows sets SQLite's clock, which no server would let it do."""
