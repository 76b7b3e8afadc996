"""The live activities of the objects on a page, read in one query."""

from __future__ import annotations

from collections.abc import Iterable

from django.db.models import Model

from django_liveactivity import selectors
from django_liveactivity.conf import account
from django_liveactivity.models import LiveActivity, Subject


def newest_cards(objects: Iterable[Model]) -> list[tuple[Model, LiveActivity | None]]:
    """Return each object with its newest card, or with None if it never had one."""
    subjects = {Subject.of(instance): instance for instance in objects}
    rows = selectors.activities(account()).filter(
        subject_model__in={subject.model for subject in subjects},
        subject_pk__in=[subject.pk for subject in subjects],
    )
    cards = {row.named_subject: row for row in rows.order_by("pk")}
    return [(instance, cards.get(subject)) for subject, instance in subjects.items()]


def other_cards(count: int) -> list[LiveActivity]:
    """Return the newest cards that belong to no object."""
    return list(selectors.activities(account()).filter(subject_model="")[:count])
