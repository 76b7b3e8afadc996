"""Bring many cards up to date with their objects, and find what signals missed.

Objects and cards are read in batches: without a query for each, in bounded memory.
"""

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import Error, connections, router, transaction
from django.db.models import Model, QuerySet

from django_liveactivity import conf, selectors, services
from django_liveactivity.exceptions import InvalidInputError, LiveActivityError
from django_liveactivity.models import LiveActivity, Source, Subject, root_model
from django_liveactivity.printable import get_logger
from django_liveactivity.services.writer import recorded_as

from .activity import AnyActivity, BatchResult, Change, ModelActivity, SyncResult
from .decision import Decision, apply_decision, decide, log_hook_errors, writers
from .follow import account_of, read_objects
from .registry import followers, registered

T = TypeVar("T")
Cards = QuerySet[LiveActivity, LiveActivity]
BATCH_SIZE = 100
GONE = "The subject is gone."

logger = get_logger("django_liveactivity.tracking")


def _sync_registered(cls: type[AnyActivity], queryset: QuerySet[Model]) -> SyncResult:
    model: type[Model] = queryset.model
    activities = [a for a in followers(model) if type(a) is cls]
    if not activities:
        message = f"{cls.__name__} is not registered for {model.__name__}."
        raise InvalidInputError.at("queryset", message)
    result = SyncResult()
    for activity in activities:
        account = account_of(activity, router.db_for_write(activity.model))
        for pks in _batches(queryset.using(account.database).values_list("pk", flat=True)):
            result.add(sync_objects(activity, account, [*map(str, pks)]))
    return result


ModelActivity._sync = _sync_registered


def sync_objects(
    activity: AnyActivity,
    account: conf.Account,
    keys: Sequence[str],
    *,
    starts: bool = True,
    dry_run: bool = False,
) -> BatchResult:
    """Bring the cards of some objects up to date.

    What differs is decided once more while its rows are locked: a save in between is either seen
    here, or waits for these few INSERTs and sees them.

    Args:
        activity: how the cards live.
        account: the account of the cards, or a stand-in for those that the class chooses among.
        keys: the objects' primary keys as texts; two of them may name one object.
        starts: whether an object without a card may get one.
        dry_run: write nothing, only return what would be done.
    """
    examined = _Examined(activity, account, starts, counted=not dry_run)
    decisions = examined.decisions(keys)
    if dry_run or not decisions:
        return BatchResult(len(keys), examined.changes(decisions), failed=examined.failed)
    with transaction.atomic(using=account.database):
        gone = {pk for pk, decision in decisions.items() if decision.subject is None}
        if activity.hidden_is_gone:
            gone -= existing(activity, account, gone)
        free = lock_objects(activity, account, decisions.keys() - gone) | gone
        done = examined.apply([key for key in keys if examined.stored[key] in free])
    busy = len(decisions) - len(free)
    return BatchResult(len(keys), examined.changes(done), busy, examined.failed)


@dataclass
class _Examined:
    """The objects of one ``ModelActivity`` beside their cards.

    Attributes:
        stored: how the row of each key spells it; of a key without a row, the key itself.
        failed: objects whose hooks raised.
    """

    activity: AnyActivity
    account: conf.Account
    starts: bool
    counted: bool
    stored: dict[str, str] = field(default_factory=dict, init=False)
    failed: int = field(default=0, init=False)

    def subject(self, pk: str) -> Subject:
        model = root_model(self.activity.model)
        return Subject(model._meta.label, pk, conf.subject_scope())

    def decisions(self, keys: Sequence[str]) -> dict[str, Decision]:
        """Return what is to be written for each object, by its primary key as its row has it."""
        cards = self._cards(keys)
        every = [*dict.fromkeys([*keys, *(card.subject_pk for card in cards)])]
        rows = read_objects(self.activity, self.account.database, every)
        self.stored = {key: str(rows[key].pk) if key in rows else key for key in every}
        own: dict[str, list[LiveActivity]] = defaultdict(list)
        for card in cards:
            own[self.stored[card.subject_pk]].append(card)
        found = {}
        for pk, row in {self.stored[key]: rows.get(key) for key in keys}.items():
            decision = self._decide(pk, row, own[pk])
            if decision is not None and decision.writes:
                found[pk] = decision
        return found

    def _cards(self, keys: Sequence[str]) -> list[LiveActivity]:
        activity, subjects = self.activity, map(self.subject, keys)
        return selectors.followed_cards(
            self.account, subjects, activity.name, anywhere=activity.chooses_account
        )

    def _decide(self, pk: str, row: Model | None, cards: list[LiveActivity]) -> Decision | None:
        if not (cards or self.starts):
            return None
        with log_hook_errors(self.activity, self.account, self.subject(pk), counted=self.counted):
            return decide(self.activity, self.account.database, row, cards)
        self.failed += 1
        return None

    def apply(self, keys: Sequence[str]) -> dict[str, Decision]:
        """Write what is to be written for each object, and return it."""
        done = {}
        for pk, decision in self.decisions(keys).items():
            reason = GONE if decision.subject is None else ""
            with log_hook_errors(self.activity, self.account, self.subject(pk)):
                apply_decision(self.activity, writers(Source.RECONCILE, reason), decision)
                done[pk] = decision
            self.failed += pk not in done
        return done

    def changes(self, decisions: dict[str, Decision]) -> list[Change]:
        return [
            change
            for pk, decision in decisions.items()
            for change in _changes(self.subject(pk), decision)
        ]


def _changes(subject: Subject, decision: Decision) -> Iterator[Change]:
    for card in decision.ends:
        yield Change("end", subject, card.stream_key)
    if decision.card is not None and decision.show is not None:
        yield Change("update", subject, decision.card.stream_key)
    elif decision.show is not None:
        yield Change("show", subject, "")


def lock_objects(activity: AnyActivity, account: conf.Account, pks: Collection[str]) -> set[str]:
    """Lock the rows of objects until the transaction ends, and return the keys that were free.

    A save that is under way holds its row, and is followed by itself: the lock skips it instead of
    waiting, so that no save waits for long and no deadlock can arise. SQLite has one writer, and no
    such locks.

    The model's managers and its ordering are left out: PostgreSQL locks no row of an outer join or
    of a GROUP BY, and one may be in them.
    """
    features = connections[account.database].features
    free = (
        _rows(activity, account, pks)
        .order_by("pk")
        .select_for_update(
            skip_locked=features.has_select_for_update_skip_locked,
            no_key=features.has_select_for_no_key_update,
        )
    )
    return {str(pk) for pk in free.values_list("pk", flat=True)}


def existing(activity: AnyActivity, account: conf.Account, pks: Collection[str]) -> set[str]:
    """Return the keys that have a row: a hidden object may be restored in between."""
    return {str(pk) for pk in _rows(activity, account, pks).values_list("pk", flat=True)}


def _rows(
    activity: AnyActivity, account: conf.Account, pks: Collection[str]
) -> QuerySet[Model, Model]:
    model = root_model(activity.model)
    rows: QuerySet[Model] = QuerySet(model, using=account.database)
    return rows.filter(pk__in=selectors.of_field(model, pks))


def reconcile(
    models: Collection[type[Model]] = (), *, dry_run: bool = False
) -> Iterator[BatchResult]:
    """End what should have ended, and update what has changed, batch by batch.

    A card whose object is gone ends, whether a ``ModelActivity`` showed it or not. Other cards of a
    ``ModelActivity`` do what a save of their object would do. No card is shown: that would need a
    look at every row of the model's table, and ``ModelActivity.sync`` does it for the rows that are
    named.

    Args:
        models: only cards that represent objects of these models; by default of any.
        dry_run: write nothing, only return what would be done.

    Yields:
        The result of each batch. A batch that the database refuses is logged and left out.
    """
    for using, rows in _cards(models):
        for cards in _batches(rows):
            groups: dict[tuple[str, str, str], list[LiveActivity]] = defaultdict(list)
            for card in cards:
                groups[card.account, card.subject_model, card.tracked_by].append(card)
            for group in groups.values():
                yield _compare(using, group, dry_run=dry_run)


def cards_to_compare(models: Collection[type[Model]] = ()) -> int:
    """Return how many cards ``reconcile`` compares."""
    return sum(rows.count() for _, rows in _cards(models))


def _cards(models: Collection[type[Model]]) -> Iterator[tuple[str, Cards]]:
    """Yield the cards to compare, with their database: of each account, and of the source's."""
    labels = [root_model(model)._meta.label for model in models]
    for using, accounts in conf.databases().items():
        for account in accounts.named.values():
            yield using, selectors.tracked_cards(selectors.activities(account), labels)
        if accounts.has_source:
            others = selectors.activities_in(using).exclude(account__in=[*accounts.named])
            yield using, selectors.tracked_cards(others, labels)


def _batches(rows: QuerySet[Model, T]) -> Iterator[list[T]]:
    """Yield rows, or their primary keys, batch by batch: each begins behind the one before."""
    rows = rows.order_by("pk")
    batch = list(rows[:BATCH_SIZE])
    while batch:
        yield batch
        last = batch[-1]
        batch = list(rows.filter(pk__gt=getattr(last, "pk", last))[:BATCH_SIZE])


def _compare(using: str, cards: Sequence[LiveActivity], *, dry_run: bool) -> BatchResult:
    """Compare cards of one account, one model and one ``ModelActivity`` with their objects."""
    try:
        activity = _follower(cards[0])
        if activity is None:
            return _end_orphans(using, cards, dry_run=dry_run)
        keys, account = _keys(cards), account_of(activity, using)
        done = sync_objects(activity, account, keys, starts=False, dry_run=dry_run)
        return replace(done, examined=len(cards))
    except (Error, LookupError, ValidationError, LiveActivityError):
        logger.exception("Cards of %s could not be compared.", cards[0].subject_model)
        return BatchResult(len(cards), failed=len(cards))


def _keys(cards: Sequence[LiveActivity]) -> list[str]:
    return [*dict.fromkeys(card.subject_pk for card in cards)]


def _follower(card: LiveActivity) -> AnyActivity | None:
    wanted = (card.tracked_by, card.subject_model)
    for activity in registered():
        if (activity.name, root_model(activity.model)._meta.label) == wanted and (
            activity.chooses_account or activity.account == card.account
        ):
            return activity
    return None


def _end_orphans(using: str, cards: Sequence[LiveActivity], *, dry_run: bool) -> BatchResult:
    """End those of the cards, which no class follows, whose object is gone.

    Cards of a model in another database stay: what is committed here may not be there yet.
    """
    model = apps.get_model(cards[0].subject_model)
    if router.db_for_write(model) != using:
        return BatchResult(len(cards))
    present = selectors.stored_keys(model, using, _keys(cards))
    orphans = [card for card in cards if card.subject_pk not in present]
    if not dry_run:
        with recorded_as(Source.RECONCILE):
            for card in orphans:
                services.end_activity(card, reason=GONE)
    changes = [Change("end", c.named_subject, str(c)) for c in orphans]
    return BatchResult(len(cards), changes)
