"""The statements of one drain step, and how the database means to carry them out."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db import connections

Statement = tuple[str, Any]
EXPLAIN = {"postgresql": "EXPLAIN", "mysql": "EXPLAIN", "sqlite": "EXPLAIN QUERY PLAN"}
GREAT_TABLES = r"django_liveactivity_(operation|attempt|liveactivity|lane|knownactivityid)\b"
WHOLE_TABLE = {
    "postgresql": rf"Seq Scan on {GREAT_TABLES}",
    "mysql": r"\| (ALL|index) \|",
    "sqlite": rf"SCAN ({GREAT_TABLES}|(?P<alias>[UVW]\d)\b)",
}
MANY_ROWS = 1_000


def statements(alias: str, work: Callable[[], Any]) -> list[Statement]:
    """Return the statements that some work runs and that read tables, each once."""
    seen: dict[str, Any] = {}

    def note(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")) and "django_liveactivity" in sql:
            seen.setdefault(sql, params)
        return execute(sql, params, many, context)

    with connections[alias].execute_wrapper(note):
        work()
    return list(seen.items())


def explained(alias: str, found: list[Statement]) -> Iterator[tuple[str, list[str], bool]]:
    """Yield each statement, shortened, its plan, and whether it reads a whole table."""
    vendor = connections[alias].vendor
    for sql, params in found:
        with connections[alias].cursor() as cursor:
            cursor.execute(f"{EXPLAIN[vendor]} {sql}", params)
            lines = [" | ".join(map(str, row)) for row in cursor.fetchall()]
        yield _shortened(sql), lines, any(_is_bad(vendor, sql, line) for line in lines)


def _is_bad(vendor: str, sql: str, line: str) -> bool:
    found = re.search(WHOLE_TABLE[vendor], line)
    if not found:
        return False
    if alias := found.groupdict().get("alias"):  # which tables of one row have, too
        return bool(re.search(rf'{GREAT_TABLES}"? {alias}\b', sql))
    rows = [int(number) for number in re.findall(r"\| (\d+) \|", line)]
    return vendor != "mysql" or max(rows, default=0) > MANY_ROWS


def _shortened(sql: str) -> str:
    """Return the statement without the list of its columns."""
    short = re.sub(r"[`\"]", "", sql).replace("django_liveactivity_", "")
    return re.sub(r"^SELECT .*? FROM (?!clock|\()", "SELECT … FROM ", short)[:600]
