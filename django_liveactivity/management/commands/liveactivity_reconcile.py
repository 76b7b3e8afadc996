"""Compare live cards with their objects, and end or update what signals missed."""

import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db.models import Model

from django_liveactivity import tracking
from django_liveactivity.management.terminal import ProgressBars
from django_liveactivity.printable import printable
from django_liveactivity.tracking import BatchResult, SyncResult
from django_liveactivity.tracking.sync import cards_to_compare


class Command(BaseCommand):
    """Compares live cards with their objects; exits 1 when some could not be compared."""

    help = "End cards that should have ended, and update those that have changed."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument(
            "models", nargs="*", metavar="app.Model", help="only cards of these; by default all"
        )
        parser.add_argument("--dry-run", action="store_true", help="only print what would be done")

    def handle(self, *, models: list[str], dry_run: bool, **_: object) -> None:
        """Compare batch by batch, and print what was done."""
        followed = [_model(label) for label in models]
        result = SyncResult()
        batches = tracking.reconcile(followed, dry_run=dry_run)
        for batch in _with_progress(batches, followed):
            result.add(batch)
            for change in batch.changes:
                self.stdout.write(printable(change))
        would = "would be " if dry_run else ""
        self.stdout.write(
            "{examined} cards compared: {ended} {would}ended, {updated} {would}updated, "
            "{busy} busy, {failed} failed.".format(would=would, **asdict(result))
        )
        if result.failed:
            raise CommandError("Some cards could not be compared: see the log.")


def _model(label: str) -> type[Model]:
    try:
        return apps.get_model(label)
    except (LookupError, ValueError) as error:
        raise CommandError(
            f"{label!r} is not a model: give app.Model. {printable(error)}"
        ) from error


def _with_progress(
    batches: Iterable[BatchResult], models: list[type[Model]]
) -> Iterator[BatchResult]:
    """Draw a bar on a terminal for the cards that are still to be compared."""
    bars = ProgressBars(sys.stderr)
    left = cards_to_compare(models) if bars.is_seen else 0
    bars.show("reconcile", lambda: left)
    for batch in batches:
        yield batch
        left = max(0, left - batch.examined)
        bars.show("reconcile", lambda: left)  # noqa: B023 - called at once
    bars.close()
