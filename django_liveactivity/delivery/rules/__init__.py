"""Decide: pure functions of rows, answers and the clock; no I/O."""
