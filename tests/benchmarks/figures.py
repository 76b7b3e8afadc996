"""A figure: what every benchmark yields, how it is printed, and how it is stored."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

TITLES = {"sqlite": "SQLite", "postgres": "PostgreSQL", "mariadb": "MariaDB"}
"""The databases' own names, by those of ``tests.faults.databases.CREATE``."""


@dataclass(frozen=True)
class Figure:
    """One value that a benchmark measured.

    Args:
        what: was measured; a baseline knows the figure by it, so it is unique in a benchmark.
        value: a count if it is a whole number.
        unit: of the value.
        beside: what the value is a ratio to, or what else there was.
        at_most: the goal, where the value should not be higher.
        at_least: the goal, where the value should not be lower.
    """

    what: str
    value: float
    unit: str = "ratio"
    beside: str = ""
    at_most: float | None = None
    at_least: float | None = None

    def __str__(self) -> str:
        goal = f"  {'MISSED' if self.missed else 'ok'}: {self.goal}" if self.goal else ""
        beside = f"  beside {self.beside}" if self.beside else ""
        return f"{self.what:56} {self.shown:>8} {self.unit:12}{goal}{beside}"

    @property
    def shown(self) -> str:
        """The value in three digits, or a count in full."""
        if isinstance(self.value, int):
            return f"{self.value:,}"
        return f"{self.value:#.3g}".rstrip(".")

    @property
    def goal(self) -> str:
        """The goal in words."""
        if self.at_most is not None:
            return f"at most {self.at_most:g}"
        return "" if self.at_least is None else f"at least {self.at_least:g}"

    @property
    def missed(self) -> bool:
        """Whether there is a goal, and the value does not meet it."""
        above = self.at_most is not None and self.value > self.at_most
        return above or (self.at_least is not None and self.value < self.at_least)


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return a parser with what the command lines of all benchmarks have in common."""
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="store the figures in this file")
    return parser


def report(figures: Iterable[Figure], file: Path | None) -> list[Figure]:
    """Print each figure as soon as it is measured, store them when all are, and return them."""
    found = []
    for figure in figures:
        found.append(figure)
        sys.stdout.write(f"{figure}\n")
        sys.stdout.flush()
    if file:
        file.write_text(json.dumps([asdict(figure) for figure in found], indent=2) + "\n")
    return found
