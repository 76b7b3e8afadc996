"""Read the project's own rows of a card."""

from __future__ import annotations

from django.core.management.base import CommandError

from django_liveactivity import selectors
from django_liveactivity.models import LiveActivity, Operation

from .report import Card


def describe(scenario: str, row: LiveActivity) -> Card:
    """Return a card from its row, its newest content and its newest end."""
    row = selectors.described(LiveActivity.objects.all()).get(pk=row.pk)
    end = row.operations.filter(kind=Operation.Kind.END).order_by("pk").last()
    content = row.newest_content or (end.content if end else None) or {}
    return Card(
        scenario=scenario,
        type=content.get("type", ""),
        title=content.get("title", ""),
        stream_key=row.stream_key,
        activity_id=row.activity_id,
        status=row.status,
        end_state=end.state if end else "",
        end_outcome=end.outcome if end else "",
    )


def refuse_a_database_in_use() -> None:
    """Stop before the demo would send work meant for the vendor to its sandbox.

    Raises:
        CommandError: the database holds operations that wait for delivery.
    """
    if Operation.objects.filter(state__in=Operation.UNFINISHED).exists():
        raise CommandError(
            "Operations in this database wait for delivery, and the demo would send them to its "
            "sandbox. Give the demo a database of its own, or unset DATABASE_URL."
        )
