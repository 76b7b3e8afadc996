"""What the project's own rows say of a card."""

from __future__ import annotations

from django.core.management.base import CommandError

from django_liveactivity import selectors
from django_liveactivity.models import LiveActivity, Operation
from example_project.demo.report import Card


def describe(way: str, row: LiveActivity) -> Card:
    """Return a card as its row, its newest content and its newest end have it."""
    row = selectors.described(LiveActivity.objects.all()).get(pk=row.pk)
    end = row.operations.filter(kind=Operation.Kind.END).order_by("pk").last()
    content = row.newest_content or (end.content if end else None) or {}
    return Card(
        way=way,
        type=content.get("type", ""),
        title=content.get("title", ""),
        stream_key=row.stream_key,
        activity_id=row.activity_id,
        status=row.status,
        end_state=end.state if end else "",
        end_outcome=end.outcome if end else "",
    )


def refuse_a_database_in_use() -> None:
    """Stop before the sandbox would swallow what somebody means for the vendor.

    Raises:
        CommandError: operations of somebody else wait for their delivery.
    """
    if Operation.objects.filter(state__in=Operation.UNFINISHED).exists():
        raise CommandError(
            "In this database operations wait for their delivery, and the demo would deliver them "
            "to its sandbox. Give it a database of its own, or none: unset DATABASE_URL."
        )
