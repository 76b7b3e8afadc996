"""The table of FAULTS.md: which row is to be green on which databases."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from typing import Any

import pytest

DATABASES = {"P": "postgres", "M": "mariadb", "S": "sqlite"}

ROWS = dict.fromkeys(range(1, 39), "PMS") | {
    7: "PM",
    16: "P",
    17: "M",
    18: "PM",
    36: "PM",
    39: "P",
    40: "PM",
    41: "PMS",
    42: "PM",
    43: "PMS",
    44: "PMS",
    45: "PMS",
}
"""The last column of the table."""

written: set[tuple[int, str]] = set()


def row(number: int, only: str = "") -> Callable[[Any], Any]:
    """Run a test on the databases of its row's cells, or only on some of them."""
    letters = only or ROWS[number]
    written.update((number, letter) for letter in letters)
    names = [DATABASES[letter] for letter in letters]

    def decorate(function: Any) -> Any:
        assert function.__name__.startswith(f"test_row_{number:02}_")
        return pytest.mark.parametrize("database_name", names)(function)

    return decorate


def missing() -> list[str]:
    """Return the cells of the table that have no test."""
    package = importlib.import_module(__package__ or "tests.faults")
    for module in pkgutil.iter_modules(package.__path__):
        if module.name.startswith("test_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
    table = {(number, letter) for number, letters in ROWS.items() for letter in letters}
    return [f"row {n}, {DATABASES[letter]}" for n, letter in sorted(table - written)]
