"""Say how delivery is doing."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf
from django_liveactivity.health import Health, check_health
from django_liveactivity.status import UNREADABLE, AccountStatus

Cell = Callable[[AccountStatus], str]
NEXT = {"billing": "call for content", "limit": "start"}
"""What waits in a condition that lets the rest go on."""


class Command(BaseCommand):
    """Prints a row per account, and exits 1 when something is wrong: ``health.check_health``."""

    help = (
        "Show backlog, due ends, condition and heartbeat per account. Exits 1 when an end has been "
        "due for more than 5 minutes, when nothing drains, or when a database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: Any, **options: Any) -> None:
        """Print the status."""
        if not conf.accounts():
            raise CommandError("LIVEACTIVITY names no account; add LIVEACTIVITY['default'].")
        health = check_health()
        if options["json"]:
            self.stdout.write(json.dumps(_as_dict(health), indent=2))
        else:
            self._table(health.accounts)
        if not health.ok:
            raise CommandError("\n".join(map(str, health.problems)))

    def _table(self, accounts: Sequence[AccountStatus]) -> None:
        lines = [[title for title, _ in COLUMNS]]
        lines += [[cell(status) for _, cell in COLUMNS] for status in accounts]
        widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
        for line in lines:
            padded = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
            self.stdout.write("  ".join(padded).rstrip())
        for status in accounts:
            if status.reason and status.condition != UNREADABLE:
                self.stdout.write(_why(status))


def _as_dict(health: Health) -> dict[str, Any]:
    return {
        "ok": health.ok,
        "problems": [asdict(problem) for problem in health.problems],
        "accounts": [status.as_dict() for status in health.accounts],
    }


def _why(status: AccountStatus) -> str:
    text = f"{status.account}: {status.reason}"
    if status.next_call_in is None:
        return text
    what = NEXT.get(status.condition, "call")
    return f"{text} The next {what} may be made in {duration(status.next_call_in)}."


def duration(seconds: float | None) -> str:
    """Return seconds as people say them: ``45 s``, ``12 min``, ``3 h``, ``2 d``."""
    if seconds is None:
        return "-"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(seconds)} ago"


def _slots(status: AccountStatus) -> str:
    return "no limit" if status.slots is None else f"{status.slots_in_use} of {status.slots}"


def _if_read(cell: Cell) -> Cell:
    return lambda status: "?" if status.condition == UNREADABLE else cell(status)


COLUMNS: tuple[tuple[str, Cell], ...] = (
    ("account", lambda status: status.account),
    ("condition", lambda status: status.condition),
    ("backlog", _if_read(lambda status: str(status.backlog))),
    ("due ends", _if_read(lambda status: str(status.due_ends))),
    ("oldest due end", _if_read(lambda status: duration(status.oldest_due_end_age))),
    ("needs attention", _if_read(lambda status: str(status.needs_attention))),
    ("failures of hooks", _if_read(lambda status: str(status.tracking_failures))),
    ("slots in use", _if_read(_slots)),
    ("last sweep", _if_read(lambda status: _ago(status.heartbeat_age))),
)
