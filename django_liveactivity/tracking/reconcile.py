"""Compare the cards on phones with the objects they tell of, and find what signals missed."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error, router
from django.db.models import Field, Model, QuerySet

from django_liveactivity import conf, selectors, services
from django_liveactivity.models import LiveActivity, Subject, root_model
from django_liveactivity.printable import get_logger
from django_liveactivity.services.writer import recorded_as

from .registry import registered
from .results import BatchResult, Change
from .sync import GONE, SIZE, SOURCE, sync_objects

if TYPE_CHECKING:
    from .activity import ModelActivity

Cards = QuerySet[LiveActivity, LiveActivity]

logger = get_logger("django_liveactivity.tracking")


def reconcile(
    models: Collection[type[Model]] = (), *, dry_run: bool = False
) -> Iterator[BatchResult]:
    """End what should have ended, and update what has changed, batch by batch.

    A card whose object is gone ends, whoever showed it. Other cards of a ``ModelActivity`` do what
    a save of their object would do. No card is shown: that would need a look at every row of the
    host's tables, and ``ModelActivity.sync`` does it for the rows that are named.

    Args:
        models: only cards that tell of objects of these models; by default of any.
        dry_run: only tell what would be done.

    Yields:
        What came of each batch. A batch that the database refuses is logged and left.
    """
    for account in conf.accounts().values():
        for cards in _batches(_cards(account, models)):
            groups: dict[tuple[str, str], list[LiveActivity]] = defaultdict(list)
            for card in cards:
                groups[card.subject_model, card.tracked_by].append(card)
            for group in groups.values():
                yield _compare(account, group, dry_run=dry_run)


def cards_to_compare(models: Collection[type[Model]] = ()) -> int:
    """Return how many cards ``reconcile`` looks at."""
    return sum(_cards(account, models).count() for account in conf.accounts().values())


def _cards(account: conf.Account, models: Collection[type[Model]]) -> Cards:
    return selectors.tracked_cards(account, [root_model(m)._meta.label for m in models])


def _batches(rows: Cards) -> Iterator[list[LiveActivity]]:
    batch = list(rows.order_by("pk")[:SIZE])
    while batch:
        yield batch
        batch = list(rows.filter(pk__gt=batch[-1].pk).order_by("pk")[:SIZE])


def _compare(account: conf.Account, cards: Sequence[LiveActivity], *, dry_run: bool) -> BatchResult:
    """Compare cards of one model and one ``ModelActivity`` with their objects."""
    try:
        pks = _keys(cards)
        activity = _follower(account, cards[0])
        if activity is None:
            return _end_orphans(account, cards, pks, dry_run=dry_run)
        done = sync_objects(activity, account, pks, starts=False, dry_run=dry_run)
        return replace(done, examined=len(cards))
    except (Error, LookupError, ValidationError):
        logger.exception("Cards of %s could not be compared.", cards[0].subject_model)
        return BatchResult(len(cards), failed=len(cards))


def _keys(cards: Sequence[LiveActivity]) -> list[Any]:
    """Return the primary keys of the objects, as their model knows them."""
    pk: Field[Any, Any] = apps.get_model(cards[0].subject_model)._meta.pk
    return [pk.to_python(text) for text in dict.fromkeys(card.subject_pk for card in cards)]


def _follower(account: conf.Account, card: LiveActivity) -> ModelActivity[Any] | None:
    for activity in registered():
        label = root_model(activity.model)._meta.label
        name = (activity.account, activity.name, label)
        if name == (account.alias, card.tracked_by, card.subject_model):
            return activity
    return None


def _end_orphans(
    account: conf.Account, cards: Sequence[LiveActivity], pks: Collection[Any], *, dry_run: bool
) -> BatchResult:
    """End those of the cards, which no class follows, whose object is gone.

    Of a model in another database nothing is known: what is committed here may not be there yet.
    """
    model = apps.get_model(cards[0].subject_model)
    if router.db_for_write(model) != account.database:
        return BatchResult(len(cards))
    rows = model._base_manager.using(account.database).filter(pk__in=pks).order_by()
    present = {str(pk) for pk in rows.values_list("pk", flat=True)}
    orphans = [card for card in cards if card.subject_pk not in present]
    if not dry_run:
        with recorded_as(SOURCE):
            for card in orphans:
                services.end_activity(card, reason=GONE)
    changes = [Change("end", Subject(c.subject_model, c.subject_pk), str(c)) for c in orphans]
    return BatchResult(len(cards), changes)
