"""Forget cards that ended long ago, in small batches; never one whose end is unacknowledged."""

import time
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TypeVar

from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery

from django_liveactivity import conf
from django_liveactivity.models import (
    Attempt,
    EndBatch,
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    TrackingFailure,
    batched,
)
from django_liveactivity.selectors import TRACKING_FAILURES_KEPT_MS

from .transaction import durable_transaction

CARDS = 200
"""Cards deleted in one step."""
ROWS = 500
"""Operations, or operators' decisions, deleted in one step: its locks are held for milliseconds."""
SECONDS = 2.0
"""How long one sweep prunes a database, so that its heart goes on beating."""

CHOICES_KEPT_MS = 24 * 3600 * 1000
"""How long a choice of cards is kept without an end that belongs to it."""

M = TypeVar("M", bound=Model)
Operations = QuerySet[Operation, Operation]


def prune(using: str, accounts: conf.DatabaseAccounts) -> int:
    """Delete cards that ended or failed longer ago than ``Timing.keep_finished``.

    With a card go its operations, their attempts and operators' decisions, its known ids, and its
    lane if no other card needs it. Decisions on an account itself go by their own age, and choices
    of cards after a day, once no operation names them. Batch follows upon batch for 2 s at most:
    what is left then goes with the next sweep.

    Args:
        using: the database.
        accounts: its accounts; those of the source count on when they are removed. As long as they
            keep finished rows for equally long, which only tests change, the number of statements
            does not grow with them.

    Returns:
        The number of cards deleted.
    """
    deadline, deleted = time.monotonic() + SECONDS, 0
    for age, mine in _ages(accounts):
        deleted += _prune_cards(using, mine, age, deadline)
        # Those on an account: they belong to no operation.
        decisions = OperatorAction.objects.using(using).filter(mine, operation=None)
        _delete_first(decisions.filter(applied_at__lt=Now() - age))
    _delete_unused_batches(using)
    failures = TrackingFailure.objects.using(using)
    _delete_first(failures.filter(created_at__lt=Now() - TRACKING_FAILURES_KEPT_MS))
    return deleted


def _ages(accounts: conf.DatabaseAccounts) -> Iterator[tuple[int, Q]]:
    """Yield for how long accounts keep finished rows, with a condition that names the accounts."""
    ages = defaultdict(list)
    for account in accounts.named.values():
        ages[account.timing.keep_finished].append(account.alias)
    if accounts.has_source:
        yield conf.timing_of_source().keep_finished, ~Q(account__in=[*accounts.named])
    for age, aliases in ages.items():
        yield age, Q(account__in=aliases)


def _delete_unused_batches(using: str) -> None:
    """Delete some choices of cards that no end belongs to: not confirmed, or long ago."""
    own = Operation.objects.filter(batch=OuterRef("pk"))
    # One that is being confirmed has ends that are not seen here yet.
    confirmed_lately = Q(ended_at__gte=Now() - CHOICES_KEPT_MS)
    rows = EndBatch.objects.using(using).exclude(confirmed_lately)
    old = rows.filter(~Exists(own), created_at__lt=Now() - CHOICES_KEPT_MS)
    ids = list(old.values_list("pk", flat=True)[:ROWS])
    rows.filter(pk__in=ids)._raw_delete(using)


def _delete_first(rows: QuerySet[M, M]) -> None:
    """Delete some of the rows, by their ids: hosts INSERT into their table meanwhile."""
    ids = list(rows.values_list("pk", flat=True)[:ROWS])
    rows.model._base_manager.using(rows.db).filter(pk__in=ids)._raw_delete(rows.db)


def _prune_cards(using: str, mine: Q, age: int, deadline: float) -> int:
    deleted = kept = 0
    finished = LiveActivity.objects.using(using).filter(mine, status__in=LiveActivity.OVER)
    old = finished.filter(ended_at__lt=Now() - age).order_by("ended_at")
    while time.monotonic() < deadline:
        found = list(old.only("pk", "account", "lane_digest")[kept : kept + CARDS])
        cards = _without_unfinished(using, found)
        if not _thin_out(using, cards, deadline):
            break
        gone = _forget(using, cards)
        deleted, kept = deleted + gone, kept + len(found) - gone
        if len(found) < CARDS:
            break
    return deleted


def _without_unfinished(using: str, cards: Sequence[LiveActivity]) -> list[LiveActivity]:
    """Return the cards that nothing is left to do for.

    Asked of the found cards only: as one query with the search for them, the databases read every
    operation there is.
    """
    rows = Operation.objects.using(using).filter(activity__in=[card.pk for card in cards])
    unfinished = rows.filter(state__in=Operation.UNFINISHED)
    busy = set(unfinished.values_list("activity", flat=True))
    return [card for card in cards if card.pk not in busy]


def _finished_operations(using: str, cards: Sequence[LiveActivity]) -> Operations:
    rows = Operation.objects.using(using).filter(activity__in=[card.pk for card in cards])
    return rows.exclude(state__in=Operation.UNFINISHED)


def _thin_out(using: str, cards: Sequence[LiveActivity], deadline: float) -> bool:
    """Delete most content of the cards, step by step; False if time is up before it is gone.

    A card that was updated every second has a hundred thousand rows of it. The first operation of
    a card and its ends stay until the card goes: without them it would seem to live.
    """
    first = Operation.objects.filter(activity=OuterRef("activity")).order_by("pk").values("pk")
    rows = _finished_operations(using, cards).exclude(kind=Operation.Kind.END)
    ids = rows.filter(pk__gt=Subquery(first[:1])).values_list("pk", flat=True)
    while time.monotonic() < deadline:
        found = list(ids[:ROWS])
        if not found:
            return True
        durable_transaction(_delete_operations)(using, found)
    return False


def _delete_operations(using: str, ids: Sequence[int]) -> None:
    """Delete operations by their ids.

    MariaDB answers a DELETE by a subquery with a look at, and a lock on, every row of the table.
    """
    for some in batched(ids):
        Attempt.objects.using(using).filter(operation__in=some)._raw_delete(using)
        OperatorAction.objects.using(using).filter(operation__in=some)._raw_delete(using)
        Operation.objects.using(using).filter(pk__in=some)._raw_delete(using)


def _forget(using: str, cards: Sequence[LiveActivity]) -> int:
    if not cards:
        return 0
    # What is finished stays so on a card that ended a month ago: the ids may be read beforehand.
    ids = list(_finished_operations(using, cards).values_list("pk", flat=True))
    return _delete_cards(using, cards, ids)


@durable_transaction
def _delete_cards(using: str, cards: Sequence[LiveActivity], ids: Sequence[int]) -> int:
    _delete_operations(using, ids)
    # A host may have inserted an operation since: it stays, and its card with it.
    own = Operation.objects.filter(activity=OuterRef("activity"))
    known = KnownActivityId.objects.using(using).filter(~Exists(own))
    known.filter(activity__in=[card.pk for card in cards])._raw_delete(using)
    left = Operation.objects.filter(activity=OuterRef("pk"))
    gone = LiveActivity.objects.using(using).filter(~Exists(left))
    deleted: int = gone.filter(pk__in=[card.pk for card in cards])._raw_delete(using)
    _unused_lanes(using, cards)._raw_delete(using)
    return deleted


def _unused_lanes(using: str, cards: Sequence[LiveActivity]) -> QuerySet[Lane, Lane]:
    used = LiveActivity.objects.filter(account=OuterRef("account"), lane_digest=OuterRef("digest"))
    lanes = Lane.objects.using(using).filter(
        ~Exists(used),
        account__in={card.account for card in cards},
        digest__in={card.lane_digest for card in cards},
    )
    return lanes.filter(lease_until__lt=Now(), ambiguous_until__lt=Now())
