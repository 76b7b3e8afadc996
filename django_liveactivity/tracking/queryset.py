"""Objects as their rows say they are now, and the hold on a row that keeps it so."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django.db import connections
from django.db.models import Model, QuerySet

from django_liveactivity import conf
from django_liveactivity.models import root_model

if TYPE_CHECKING:
    from .activity import ModelActivity


def read(
    activity: ModelActivity[Any], account: conf.Account, pks: Collection[Any]
) -> dict[str, Model]:
    """Return the objects by their primary keys as text; who is missing is gone. One query."""
    rows = activity.get_queryset().using(account.database).filter(pk__in=pks).order_by()
    return {str(row.pk): row for row in rows}


def hold(activity: ModelActivity[Any], account: conf.Account, pks: Collection[Any]) -> set[str]:
    """Lock the rows of objects until the transaction ends, and return the keys that were free.

    A save that is under way holds its row, and is followed by itself: nobody waits for it, so that
    hosts never wait for long and nobody can deadlock. SQLite has one writer, and no such locks.

    The model's managers and its ordering are left out: PostgreSQL locks no row of an outer join or
    of a GROUP BY, and one may be in them.
    """
    features = connections[account.database].features
    rows: QuerySet[Any] = QuerySet(root_model(activity.model), using=account.database)
    free = (
        rows.filter(pk__in=pks)
        .order_by("pk")
        .select_for_update(
            skip_locked=features.has_select_for_update_skip_locked,
            no_key=features.has_select_for_no_key_update,
        )
    )
    return {str(pk) for pk in free.values_list("pk", flat=True)}
