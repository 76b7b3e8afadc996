"""Say how delivery is doing."""

import json
import textwrap
from collections.abc import Callable, Iterator
from dataclasses import asdict
from functools import partial

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf
from django_liveactivity.health import AccountStatus, Condition, Problem, check_health
from django_liveactivity.health.status import NamedCards
from django_liveactivity.printable import printable, printable_lines

COLUMNS = 80
fill = partial(textwrap.fill, break_on_hyphens=False)  # keys have them
NEXT = {Condition.BILLING: "call for content", Condition.LIMIT: "call for a new card"}
"""What waits in a condition that lets the rest go on."""


class Command(BaseCommand):
    """Prints a block per account, and exits 1 when something is wrong: ``health.check_health``."""

    help = (
        "Show backlog, due ends, condition and heartbeat per account. Exits 1 when an end has been "
        "due for more than 5 minutes, when nothing drains, or when a database does not answer."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--json", action="store_true", help="print JSON")

    def handle(self, *_: object, **options: object) -> None:
        """Print the status."""
        if not conf.databases():
            raise CommandError("LIVEACTIVITY names no account; add LIVEACTIVITY['default'].")
        health = check_health()
        if options["json"]:
            facts = asdict(health)
            shown = {"ok": health.ok, "problems": facts["problems"], "accounts": facts["accounts"]}
            self.stdout.write(printable_lines(json.dumps(shown, indent=2)))
        else:
            self.stdout.write("\n\n".join(map(_block, health.accounts)))
        if not health.ok:
            raise CommandError("\n".join(map(_problem, health.problems)))


def _block(status: AccountStatus) -> str:
    """Return what is known of an account as lines of at most 80 columns."""
    lines = [f"{status.account}: {status.condition}"]
    if status.condition != Condition.UNREADABLE:  # the error of that one is in the last lines
        lines += [f"  {name:<18}{tell(status)}" for name, tell in ROWS]
        lines += [_wrapped(text) for text in _remarks(status)]
    return "\n".join(lines)


def _problem(problem: Problem) -> str:
    """Return a problem as lines of at most 80 columns, with what manage.py puts before them."""
    width = COLUMNS - len("CommandError: ")
    return fill(printable(problem), width, subsequent_indent="  ")


def _wrapped(text: str) -> str:
    return fill(printable(text), COLUMNS, initial_indent="  ", subsequent_indent="    ")


def _remarks(status: AccountStatus) -> Iterator[str]:
    if status.reason:
        yield _why(status)
    for problem, cards in (
        ("Overdue", status.overdue_cards),
        ("Needs an operator", status.operator_cards),
        ("Needs attention", status.attention_cards),
    ):
        if cards.count:
            yield f"{problem}: {_names(cards)}."


def _names(cards: NamedCards) -> str:
    more = cards.count - len(cards.names)
    return ", ".join(cards.names) + (f" and {more} more" if more else "")


def _why(status: AccountStatus) -> str:
    text = status.reason
    if status.waiting_starts:
        count = status.waiting_starts
        cards = "1 card waits" if count == 1 else f"{count} cards wait"
        alive = "as many are alive as the vendor allows."
        if status.vendor_limit is not None:
            alive = f"{status.vendor_limit} are alive, which is the vendor's limit."
        text = f"{cards}: {alive}"
    if status.next_call_in is None:
        return text
    what = NEXT.get(status.condition, "call")
    return f"{text} The next {what} may be made in {duration(status.next_call_in)}."


def duration(seconds: float) -> str:
    """Return seconds as people say them: ``45 s``, ``12 min``, ``3 h``, ``2 d``."""
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{seconds:.0f} s"


def _ago(seconds: float | None) -> str:
    return "never" if seconds is None else f"{duration(seconds)} ago"


def _slots(status: AccountStatus) -> str:
    return "no limit" if status.slots is None else f"{status.slots_in_use} of {status.slots}"


def _due_ends(status: AccountStatus) -> str:
    age = status.oldest_due_end_age
    return f"{status.due_ends}" + ("" if age is None else f", the oldest for {duration(age)}")


ROWS: tuple[tuple[str, Callable[[AccountStatus], str]], ...] = (
    ("backlog", lambda status: str(status.backlog)),
    ("due ends", _due_ends),
    ("needs attention", lambda status: str(status.needs_attention)),
    ("failures of hooks", lambda status: str(status.tracking_failures)),
    ("slots in use", _slots),
    ("last sweep", lambda status: _ago(status.heartbeat_age)),
)
