"""An account source that a test changes, stops, or slows down."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Any, ClassVar

from django_liveactivity.account_source import AccountSource

PATH = "tests.accounts.sources.Customers"


class Customers(AccountSource):
    """One account per customer; what the process asked for is kept in ``asked``."""

    rows: ClassVar[dict[str, Mapping[str, Any]]] = {}
    asked: ClassVar[list[str]] = []
    number: ClassVar[int] = 0
    error: ClassVar[Exception | None] = None
    goes_on: ClassVar[threading.Event] = threading.Event()

    def get(self, alias: str) -> Mapping[str, Any] | None:
        """Return the entry, a new dict each time."""
        self._answer(alias)
        entry = self.rows.get(alias)
        return None if entry is None else {**entry, "OPTIONS": {**entry.get("OPTIONS", {})}}

    def version(self) -> object:
        """Return how often a test has changed the rows."""
        self._answer("version")
        return type(self).number

    def _answer(self, question: str) -> None:
        self.asked.append(question)
        self.goes_on.wait(20)
        if self.error is not None:
            raise self.error

    @classmethod
    def put(cls, alias: str, **entry: Any) -> None:
        """Add or replace an account."""
        cls.rows[alias] = entry
        cls.number += 1

    @classmethod
    def remove(cls, alias: str) -> None:
        """Take an account away."""
        del cls.rows[alias]
        cls.number += 1

    @classmethod
    def reset(cls) -> None:
        """Begin with no account, up and quick."""
        cls.rows, cls.asked, cls.number, cls.error = {}, [], 0, None
        cls.goes_on.set()
