"""The host's objects that cards represent, looked up by their primary keys as texts."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from django.apps import apps
from django.db.models import Model

from django_liveactivity import conf
from django_liveactivity.models import LiveActivity, batched, where_written
from django_liveactivity.models.activity import NOT_OF_FIELD

T = TypeVar("T")


def look_up(read: Callable[[Sequence[str]], Mapping[str, T]], keys: Sequence[str]) -> dict[str, T]:
    """Return what the database finds by keys; it alone tells which keys are equal.

    To MariaDB's usual collations ``ABC``, ``abc``, ``abc `` and ``äbc`` are one primary key, so the
    row that is found by a key may spell it in another way. Keys that have no row cost one more
    query at the most, all together.

    Args:
        read: returns what one query finds by keys, each under the text of its row's own key.
        keys: the keys as texts.

    Returns:
        What was found, under the key that found it.
    """
    rows = read(keys) if keys else {}
    found = {key: rows[key] for key in keys if key in rows}
    rest = [key for key in keys if key not in rows]
    if not rows or not rest:
        return found
    if len(keys) == 1:
        return dict(zip(keys, rows.values(), strict=False))
    middle = 0 if found else len(rest) // 2
    return found | look_up(read, rest[:middle]) | look_up(read, rest[middle:])


def stored_keys(model: type[Model], using: str, keys: Sequence[str]) -> dict[str, str]:
    """Return, of the primary keys that have a row, how the row spells each.

    Args:
        model: the host's model.
        using: the database where its rows are looked up.
        keys: the primary keys as texts: one query for each 500, and another where some are missing.

    Raises:
        ValidationError: a text is no primary key of the model.
    """
    rows = model._base_manager.using(using).order_by()

    def read(some: Sequence[str]) -> dict[str, str]:
        found = rows.filter(pk__in=of_field(model, some)).values_list("pk", flat=True)
        return {text: text for text in map(str, found)}

    found: dict[str, str] = {}
    for some in batched(keys):
        found |= look_up(read, some)
    return found


def of_field(model: type[Model], keys: Iterable[str]) -> list[Any]:
    """Return primary keys as the field has them: a duration cannot be looked up by its text."""
    return [model._meta.pk.to_python(key) for key in keys]


def subjects(rows: Iterable[LiveActivity]) -> dict[int, Model | None]:
    """Return the object of each card by the card's id: one query per model and 500 keys.

    Where some of those have no object, it is two. It is None for a card of another scope: another
    tenant's object cannot be read here.
    """
    by_model: dict[tuple[str, str], dict[str, list[int]]] = defaultdict(lambda: defaultdict(list))
    found: dict[int, Model | None] = {}
    for row in rows:
        found[row.pk] = None
        if row.subject_model and row.subject_scope == conf.subject_scope():
            by_model[row.database, row.subject_model][row.subject_pk].append(row.pk)
    for (using, label), ids in by_model.items():
        for some in batched(list(ids)):
            for key, subject in look_up(partial(_instances, using, label), some).items():
                found |= dict.fromkeys(ids[key], subject)
    return found


def _instances(using: str, label: str, keys: Sequence[str]) -> dict[str, Model]:
    try:
        model = apps.get_model(label)
        rows = model._default_manager.using(where_written(model, using))
        return {str(row.pk): row for row in rows.filter(pk__in=of_field(model, keys))}
    except NOT_OF_FIELD:
        return {}  # the model is gone, or its primary key has another type now
