"""The host's customers, each with a key of its own, as the test adds, rotates and removes them."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from .harness import System

SEEN_WITHIN = 5.0
"""Seconds after which every process has seen a change."""
OURS = "django_liveactivity_"
TABLES = {
    "django.db.backends.postgresql": "SELECT tablename FROM pg_tables WHERE schemaname = 'public'",
    "django.db.backends.mysql": "SHOW TABLES",
    "django.db.backends.sqlite3": "SELECT name FROM sqlite_master WHERE type = 'table'",
}


@dataclass
class Customers:
    """The customers of a run.

    Attributes:
        keys: the key in use of each alias.
        retired: of each key that is in use no more, the moment at which that was committed.
        removed: the keys of accounts that were removed, with that moment.
        outages: when the source did not answer, or its database did not, until it did again.
    """

    system: System
    keys: dict[str, str] = field(default_factory=dict)
    retired: dict[str, float] = field(default_factory=dict)
    removed: dict[str, float] = field(default_factory=dict)
    outages: list[tuple[float, float]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.fault = self.system.folder / "source-fault"
        self.system.run["source"] = str(self.fault)
        self.system.database.execute("INSERT INTO host_change (number) VALUES (1)")

    def suffer(self, fault: str) -> None:
        """Let the source be ``down`` or ``slow``, or well with ``""``."""
        self.fault.write_text(fault)

    def add(self, alias: str, api_key: str) -> None:
        """Add a customer."""
        self._change(
            "INSERT INTO host_customer (alias, api_key, closing) VALUES (%s, %s, %s)",
            *(alias, api_key, False),
        )
        self.keys[alias] = api_key

    def rotate(self, alias: str, api_key: str, *, refuse: bool = True) -> None:
        """Give a customer another key, which the vendor knows; it may refuse the older one."""
        old = self.keys[alias]
        self.system.vendor.rotate(old, api_key, refuse=False)
        self._change("UPDATE host_customer SET api_key = %s WHERE alias = %s", api_key, alias)
        self.keys[alias], self.retired[old] = api_key, time.monotonic()
        if refuse:
            self.system.vendor.rotate(old, api_key)

    def close(self, alias: str) -> None:
        """Say that a customer is about to leave."""
        self._change("UPDATE host_customer SET closing = %s WHERE alias = %s", True, alias)

    def remove(self, alias: str) -> None:
        """Remove a customer."""
        self._change("DELETE FROM host_customer WHERE alias = %s", alias)
        key = self.keys.pop(alias)
        self.removed[key] = self.retired[key] = time.monotonic()

    def _change(self, sql: str, *parameters: object) -> None:
        # Its number comes later than the change: a process that has read the one sees the other.
        self.system.database.execute(sql, *parameters)
        self.system.database.execute("UPDATE host_change SET number = number + 1")

    # What the checker asks of keys

    def late_calls(self) -> list[str]:
        """Return the calls with a key that was rotated or removed more than 5 s before."""
        return [
            f"call {entry.number}: {entry.method} {entry.key} with a key that was replaced "
            f"{entry.arrived - self.retired[entry.api_key]:.1f} s before"
            for entry in self.system.vendor.calls()
            if entry.arrived > self.retired.get(entry.api_key, entry.arrived) + SEEN_WITHIN
            and not self._is_in_outage(entry.arrived)
        ]

    def _is_in_outage(self, moment: float) -> bool:
        """Tell whether a process may have gone on with what it knew, or was about to ask again.

        What it knows may be older than any calm before: it asks for an account only when it uses
        it, and a run has shown a key, idle in its process, that was replaced 109 s before.
        """
        return any(since <= moment <= until + SEEN_WITHIN for since, until in self.outages)

    @contextmanager
    def outage(self) -> Iterator[None]:
        """Note that for the time of the block the source does not answer, or may not."""
        since = time.monotonic()
        try:
            yield
        finally:
            self.outages.append((since, time.monotonic()))

    def calls_after_removal(self) -> list[str]:
        """Return the calls with a key of an account that had been removed."""
        return [
            f"call {entry.number}: {entry.method} {entry.key} after its account was removed"
            for entry in self.system.vendor.calls()
            if entry.arrived > self.removed.get(entry.api_key, entry.arrived)
        ]

    def leaks(self, keys: Iterable[str] = ()) -> list[str]:
        """Return where a key is seen: in a row of ours, or in what a process printed."""
        wanted = [*keys] or [*self.keys.values(), *self.retired]
        return [
            f"a key is in {surface}"
            for surface, text in self._surfaces()
            if any(key in text for key in wanted)
        ]

    def _surfaces(self) -> Iterator[tuple[str, str]]:
        for process in self.system.processes:
            yield process.log.name, process.output
        database = self.system.database
        for (table,) in database.rows(TABLES[database.settings["ENGINE"]]):
            if table.startswith(OURS):
                yield table, str(database.rows(f"SELECT * FROM {table}"))
