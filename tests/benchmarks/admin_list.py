"""The admin's pages beside a million cards and beside a thousand: ``tests.benchmarks.admin_list``.

Both databases are filled on PostgreSQL (``many_cards``), and an operator asks for whole pages with
Django's test client: the larger side, the smaller one, and so on, so that what else the machine
does strikes both alike. A page shows the same number of rows on both sides, or the run fails: it is
full on both, or has the same few. What is compared is what the other cards cost.

The larger side has some 9,400 cards that are not over, 300 of them with an end that is due, and a
batch of 2,000 ends; the smaller one some 400, 110 and 110 (``many_cards``).
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import django
from django.conf import settings

from tests import settings as of_tests
from tests.faults.databases import Postgres, administer_postgres, fresh_name, postgres_server

from .figures import Figure, command_line, report
from .many_cards import ACCOUNTS, BATCH, LARGE, OLD_ACCOUNT, SMALL, Size, fill

TARGET = 2.0
SIZES = {"large": LARGE, "small": SMALL}
AFTERNOON = 13
"""The hour of the run: some cards have been created today on both sides, whenever it is run."""


def configure() -> None:
    """Set Django up with the tests' project, several accounts, and an afternoon."""
    zone = time.gmtime().tm_hour - AFTERNOON
    own = {name: value for name, value in vars(of_tests).items() if name.isupper()} | {
        "DATABASES": {"default": postgres_server() | {"NAME": "postgres"}},
        "LIVEACTIVITY": dict.fromkeys((*ACCOUNTS, OLD_ACCOUNT), of_tests.LIVEACTIVITY["default"]),
        "SESSION_ENGINE": "django.contrib.sessions.backends.signed_cookies",
        "TIME_ZONE": f"Etc/GMT{zone:+d}" if zone else "UTC",
    }
    settings.configure(**own)
    django.setup()


@dataclass(frozen=True)
class Page:
    """A page of the admin.

    Args:
        name: as the table calls it.
        query: of a list, what is asked for.
        card: of a card's page, which one.
    """

    name: str
    query: dict[str, Any] = field(default_factory=dict)
    card: Callable[[], int] | None = None

    def url(self) -> str:
        """Return where it is."""
        from django.urls import reverse

        name = "admin:django_liveactivity_liveactivity_"
        if self.card is not None:
            return reverse(f"{name}change", args=[self.card()])
        return reverse(f"{name}changelist", query=self.query)


def pages(size: Size) -> Iterator[Page]:
    """Yield what is measured; the words differ where a name does."""
    from django_liveactivity.admin.queryset import LIMIT
    from django_liveactivity.models import Operation

    def with_end(state: str) -> Callable[[], int]:
        ends = Operation.objects.filter(kind="end", state=state).order_by("pk")
        return lambda: ends.values_list("activity_id", flat=True)[0]

    middle = size.cards // 2
    yield Page("first page")
    yield Page("last page", {"p": min(size.cards, LIMIT) // 100})
    yield Page("oldest first", {"o": 4})
    yield Page("exact key", {"q": f"order-{middle}"})
    yield Page("exact subject", {"q": f"shop.Order {middle}"})
    yield Page("part of a title", {"q": "harbor"})
    yield Page("part of a rare title", {"q": "quarr"})
    yield Page("a word that none has", {"q": "lighthouse"})
    yield Page("one of two words", {"q": "quarry lighthouse"})
    yield Page("needs attention", {"attention": 1})
    yield Page("needs no attention", {"attention": 0})
    yield Page("type", {"type": "progress"})
    yield Page("account", {"account": "us"})
    yield Page("account of old cards", {"account": OLD_ACCOUNT})
    for state in ("open", "pending", "live", "paused", "evicted", "ending", "expired", "scheduled"):
        yield Page(f"state {state}", {"state": state})
    for state in ("ended", "failed"):
        yield Page(f"state {state}", {"state": state})
    for outcome in ("delivered", "rejected", "forced"):
        yield Page(f"outcome {outcome}", {"outcome": outcome})
    for created in ("today", "1d", "7d", "30d", "older"):
        yield Page(f"created {created}", {"created": created})
    yield Page("account and state", {"account": "default", "state": "ended"})
    yield Page("batch of ends", {"batch": BATCH})
    yield Page("card, ended", card=lambda: middle)
    yield Page("card, end refused", card=with_end("needs_operator"))
    yield Page("card, end to come", card=with_end("pending"))


class Side:
    """A database of a size, and an operator who looks at it."""

    def __init__(self, size: Size) -> None:
        from django.db import connection

        self.size = size
        self.database = Postgres(postgres_server() | {"NAME": fresh_name("admin")})
        with administer_postgres(self.database.settings) as admin:
            admin.execute(f"CREATE DATABASE {self.database.settings['NAME']}")
        self.connection = type(connection._connections["default"])(
            connection.settings_dict | self.database.settings, "default"
        )

    @contextmanager
    def chosen(self) -> Iterator[None]:
        """Let the block's queries ask this database."""
        from django.db import connections

        connections["default"] = self.connection
        yield

    def fill(self) -> None:
        """Write the cards, and log the operator in."""
        from django.contrib.auth.models import User
        from django.core.management import call_command
        from django.test import Client

        with self.chosen():
            call_command("migrate", verbosity=0, run_syncdb=True)
            fill(self.size)
            self.client = Client()
            self.client.force_login(User.objects.create_superuser("ana"))
            self.pages = {page.name: page.url() for page in pages(self.size)}

    def ask(self, name: str) -> tuple[float, int | None]:
        """Return how many milliseconds a page takes, and how many rows it shows if it is a list."""
        with self.chosen():
            begun = time.perf_counter()
            answer = self.client.get(self.pages[name])
            taken = (time.perf_counter() - begun) * 1000
        if answer.status_code != 200:
            raise SystemExit(f"{name}: {answer.status_code}")
        shown = answer.context_data.get("cl")
        return taken, None if shown is None else len(shown.result_list)

    def slowest(self, name: str) -> list[tuple[float, str]]:
        """Return the statements of a page with their milliseconds, the slowest first."""
        found = []

        def note(execute: Any, sql: Any, params: Any, many: bool, context: Any) -> Any:
            begun = time.perf_counter()
            result = execute(sql, params, many, context)
            found.append(((time.perf_counter() - begun) * 1000, sql % params if params else sql))
            return result

        with self.chosen(), self.connection.execute_wrapper(note):
            self.ask(name)
        return sorted(found, reverse=True)


def compare(name: str, sides: dict[str, Side], rounds: int) -> Figure:
    """Return the ratio of the medians of a page on both sides."""
    taken: dict[str, list[float]] = {alias: [] for alias in sides}
    rows = {alias: side.ask(name)[1] for alias, side in sides.items()}
    if rows["large"] != rows["small"]:
        raise SystemExit(f"{name}: {rows} rows are no fair comparison.")
    for _ in range(rounds):
        for alias, side in sides.items():
            taken[alias].append(side.ask(name)[0])
    large, small = (statistics.median(taken[alias]) for alias in sides)
    shown = "" if rows["large"] is None else f", {rows['large']} rows"
    beside = f"a thousand cards, {small:.0f} ms"
    return Figure(f"{name}{shown}", large / small, beside=beside, at_most=TARGET)


def figures(options: argparse.Namespace) -> Iterator[Figure]:
    """Fill both sides, and yield the ratio of each page."""
    sides = {alias: Side(size) for alias, size in SIZES.items()}
    try:
        for side in sides.values():
            side.fill()
        names = [name for name in sides["large"].pages if options.pages in name]
        yield from (compare(name, sides, options.rounds) for name in names)
        for name in names if options.statements else ():
            for milliseconds, sql in sides["large"].slowest(name)[: options.statements]:
                sys.stdout.write(f"{name}: {milliseconds:.0f} ms  {sql}\n")
    finally:
        for side in sides.values():
            side.connection.close()
            side.database.drop()


def main() -> None:
    parser = command_line(__doc__)
    add = parser.add_argument
    add("--rounds", type=int, default=15, help="turns of each page and side; default 15")
    add("--pages", default="", help="only the pages with this text in their names")
    add("--statements", type=int, default=0, help="print so many of the slowest of a large page")
    options = parser.parse_args()
    configure()
    report(figures(options), options.json)


if __name__ == "__main__":
    main()
