"""``liveactivity_list``: the cards of this project, for a terminal or for programs."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf, selectors
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.management.terminal import subject_argument
from django_liveactivity.models import LiveActivity
from django_liveactivity.printable import printable

COLUMNS = ("account", "state", "name", "title", "subject", "created")
Row = dict[str, object]


class Command(BaseCommand):
    """Lists cards, the newest first; changes nothing."""

    help = "List live activities, the newest first: by default those that have not ended."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "--account", action="append", dest="accounts", help="repeatable; by default all"
        )
        parser.add_argument(
            "--state",
            action="append",
            dest="states",
            choices=LiveActivity.Status.values,
            help="repeatable; by default all but ended and failed",
        )
        parser.add_argument(
            "--subject",
            metavar="APP.MODEL:PK",
            type=subject_argument,
            help="only cards of this object, ended ones too: shop.Order:42; of several tenants' "
            "objects that of the tenant that runs this",
        )
        parser.add_argument(
            "--needs-attention", action="store_true", help="only cards that need attention"
        )
        parser.add_argument(
            "--limit", type=int, default=100, help="at most so many; 100 by default"
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, **options: Any) -> None:
        """Print the cards."""
        if options["limit"] < 1:
            raise CommandError("--limit: give a number above 0.")
        try:
            databases = conf.databases(options["accounts"])
        except InvalidInputError as error:
            raise CommandError(printable(error)) from error
        found = [card for using in databases for card in _cards(using, options)]
        found.sort(key=lambda card: card.created_at, reverse=True)
        shown = [_row(card) for card in found[: options["limit"]]]
        if options["format"] == "json":
            self.stdout.write(json.dumps(shown, indent=2))
            return
        for line in _table(shown):
            self.stdout.write(line)
        if len(found) > len(shown):
            self.stderr.write(f"There are more: the newest {len(shown)} are listed; see --limit.")


def _cards(using: str, options: dict[str, Any]) -> Iterator[LiveActivity]:
    rows = selectors.activities_in(using)
    if options["accounts"]:
        rows = rows.filter(account__in=options["accounts"])
    if options["states"]:
        rows = rows.filter(status__in=options["states"])
    elif options["subject"] is None:
        rows = rows.exclude(status__in=LiveActivity.OVER)
    if options["needs_attention"]:
        rows = rows.filter(needs_attention=True)
    if options["subject"] is not None:
        rows = selectors.of_subject(rows, options["subject"])
    return iter(rows[: options["limit"] + 1])


def _row(card: LiveActivity) -> Row:
    subject = f"{card.subject_model}:{card.subject_pk}" if card.subject_model else None
    return {
        "id": card.pk,
        "account": card.account,
        "state": card.status,
        "name": str(card),
        "stream_key": card.stream_key or None,
        "activity_id": card.activity_id or None,
        "type": card.type or None,
        "title": card.title or None,
        "subject": subject,
        "created": card.created.isoformat(timespec="seconds"),
        "ended": card.ended.isoformat(timespec="seconds") if card.ended else None,
        "needs_attention": card.needs_attention,
    }


def _table(rows: Sequence[Row]) -> Iterator[str]:
    if not rows:
        yield "No live activities."
        return
    lines = [COLUMNS, *([printable(str(row[name] or "-")) for name in COLUMNS] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    marks = ["", *("  needs attention" if row["needs_attention"] else "" for row in rows)]
    for line, mark in zip(lines, marks, strict=True):
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        yield "  ".join(cells).rstrip() + mark
