"""Decisions changed on purpose, one at a time: tests have to fail. ``python -m tests.mutants``."""
