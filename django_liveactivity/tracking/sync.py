"""Compare many objects with their cards: without a query for each, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from django.db import transaction
from django.db.models import Model, QuerySet

from django_liveactivity import conf, selectors
from django_liveactivity.models import LiveActivity, Subject, root_model
from django_liveactivity.services.writer import enter

from .apply import apply_decision
from .decision import Decision, decide
from .failures import log_hook_errors
from .queryset import hold, read
from .results import BatchResult, Change

if TYPE_CHECKING:
    from .activity import ModelActivity

SIZE = 100
SOURCE = "reconcile"
GONE = "The subject is gone."


def sync(activity: ModelActivity[Any], queryset: QuerySet[Any]) -> Iterator[BatchResult]:
    """Bring the cards of a queryset's objects up to date, batch by batch."""
    account = conf.account(activity.account)
    rows = queryset.using(account.database).order_by("pk").values_list("pk", flat=True)
    pks = list(rows[:SIZE])
    while pks:
        yield sync_objects(activity, account, pks)
        pks = list(rows.filter(pk__gt=pks[-1])[:SIZE])


def sync_objects(
    activity: ModelActivity[Any],
    account: conf.Account,
    pks: Collection[Any],
    *,
    starts: bool = True,
    dry_run: bool = False,
) -> BatchResult:
    """Bring the cards of some objects up to date.

    What differs is decided once more while its rows are held: a save that comes in between is
    either seen, or waits for these few INSERTs and sees them.

    Args:
        activity: how the cards live.
        account: the account of the cards.
        pks: the objects' primary keys, or the same as texts.
        starts: whether an object without a card may get one.
        dry_run: only tell what would be done.
    """
    examined = _Examined(activity, account, starts, counted=not dry_run)
    decisions = examined.decisions(pks)
    if dry_run or not decisions:
        return BatchResult(len(pks), examined.changes(decisions), failed=examined.failed)
    with transaction.atomic(using=account.database):
        gone = {pk for pk, decision in decisions.items() if decision.subject is None}
        free = hold(activity, account, decisions.keys() - gone) | gone
        done = examined.apply_decision([pk for pk in decisions if pk in free])
    busy = len(decisions) - len(free)
    return BatchResult(len(pks), examined.changes(done), busy, examined.failed)


@dataclass
class _Examined:
    """The objects of one ``ModelActivity`` beside their cards."""

    activity: ModelActivity[Any]
    account: conf.Account
    starts: bool
    counted: bool
    failed: int = field(default=0, init=False)

    def subject(self, pk: Any) -> Subject:
        return Subject(root_model(self.activity.model)._meta.label, str(pk))

    def decisions(self, pks: Collection[Any]) -> dict[str, Decision]:
        """Return what is to be written for each object, by its primary key as text."""
        rows, cards = read(self.activity, self.account, pks), self._cards(pks)
        found = {}
        for pk in map(str, pks):
            decision = self._decide(pk, rows.get(pk), cards[pk])
            if decision is not None and decision.writes:
                found[pk] = decision
        return found

    def _cards(self, pks: Collection[Any]) -> dict[str, list[LiveActivity]]:
        subjects = map(self.subject, pks)
        by_pk: dict[str, list[LiveActivity]] = defaultdict(list)
        for card in selectors.open_cards(self.account, subjects, self.activity.name):
            by_pk[card.subject_pk].append(card)
        return by_pk

    def _decide(self, pk: str, row: Model | None, cards: list[LiveActivity]) -> Decision | None:
        if not (cards or self.starts):
            return None
        with log_hook_errors(self.activity, self.account, self.subject(pk), counted=self.counted):
            return decide(self.activity, row, cards)
        self.failed += 1
        return None

    def apply_decision(self, pks: Collection[str]) -> dict[str, Decision]:
        """Write what is to be written for each object, and return it."""
        done = {}
        for pk, decision in self.decisions(pks).items():
            reason = GONE if decision.subject is None else ""
            door = enter(
                self.account.alias, using=self.account.database, source=SOURCE, reason=reason
            )
            with log_hook_errors(self.activity, self.account, self.subject(pk)):
                apply_decision(self.activity, door, decision)
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
