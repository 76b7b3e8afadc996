"""Say how delivery is doing."""

from __future__ import annotations

import json
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf, selectors

OVERDUE = 300.0
COLUMNS = (
    ("account", "account"),
    ("condition", "condition"),
    ("backlog", "backlog"),
    ("due ends", "due_ends"),
    ("oldest due end (s)", "oldest_due_end_age"),
    ("needs attention", "needs_attention"),
    ("slots in use", "slots_in_use"),
    ("heartbeat (s ago)", "heartbeat_age"),
)


class Command(BaseCommand):
    """Prints a row per account; exits 1 when an end has been due for more than 5 minutes."""

    help = "Show backlog, due ends, condition and heartbeat per account."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the status."""
        rows = [selectors.account_status(account) for account in conf.accounts().values()]
        if options["json"]:
            self.stdout.write(json.dumps([row.as_dict() for row in rows], indent=2))
        else:
            self._table([row.as_dict() for row in rows])
        overdue = [row.account for row in rows if (row.oldest_due_end_age or 0) > OVERDUE]
        if overdue:
            raise CommandError(f"Ends have been due for over 5 minutes: {', '.join(overdue)}.")

    def _table(self, rows: list[dict[str, Any]]) -> None:
        cells = [[title for title, _ in COLUMNS]]
        cells += [[_text(row[name]) for _, name in COLUMNS] for row in rows]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        for line in cells:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(padded).rstrip())
        for row in rows:
            if row["reason"]:
                self.stdout.write(f"{row['account']}: {row['reason']}")


def _text(value: Any) -> str:
    if value is None:
        return "-"
    return f"{value:.0f}" if isinstance(value, float) else str(value)
