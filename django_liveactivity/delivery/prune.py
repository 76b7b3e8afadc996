"""Forget cards that ended long ago, in small batches; never one whose end is unacknowledged."""

from __future__ import annotations

import time
from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet, Subquery

from django_liveactivity.conf import Account
from django_liveactivity.models import (
    Attempt,
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    TrackingFailure,
)
from django_liveactivity.selectors import TRACKING_FAILURES_KEPT_MS

from .transaction import durable_transaction

CARDS = 200
"""Cards deleted in one step."""
ROWS = 500
"""Operations, or acts, deleted in one step: its locks are held for some milliseconds."""
SECONDS = 2.0
"""How long one sweep prunes an account, so that its heart goes on beating."""

Cards = QuerySet[LiveActivity, LiveActivity]
Operations = QuerySet[Operation, Operation]


def prune(account: Account) -> int:
    """Delete cards that ended or failed longer ago than ``Timing.keep_finished``.

    With a card go its operations, their attempts and acts, its known ids, and its lane if no
    other card needs it. Acts on the account itself go by their own age. Batch follows upon batch
    for 2 s at most: what is left then goes with the next sweep.

    Returns:
        The number of cards deleted.
    """
    using, deadline = account.database, time.monotonic() + SECONDS
    deleted = cancelled_schedules = 0
    while time.monotonic() < deadline:
        found = list(_old_cards(account)[cancelled_schedules : cancelled_schedules + CARDS])
        cards = _without_unfinished(using, found)
        if not _thin_out(using, cards, deadline):
            break
        gone = _forget(using, account, cards)
        deleted, cancelled_schedules = deleted + gone, cancelled_schedules + len(found) - gone
        if len(found) < CARDS:
            break
    _forget_acts(account)
    _forget_failures(account)
    return deleted


def _old_cards(account: Account) -> Cards:
    finished = LiveActivity.objects.using(account.database).filter(
        account=account.alias, status__in=LiveActivity.OVER
    )
    old = finished.filter(ended_at__lt=Now() - account.timing.keep_finished)
    return old.only("pk", "lane_digest").order_by("ended_at")


def _without_unfinished(using: str, cards: Sequence[LiveActivity]) -> list[LiveActivity]:
    """Return the cards that nothing is left to do for.

    Asked of the found cards only: as one query with the search for them, the databases read every
    operation there is.
    """
    rows = Operation.objects.using(using).filter(activity__in=[card.pk for card in cards])
    unfinished = rows.filter(state__in=Operation.UNFINISHED)
    busy = set(unfinished.values_list("activity", flat=True)) if cards else set()
    return [card for card in cards if card.pk not in busy]


def _finished_operations(using: str, cards: Sequence[LiveActivity]) -> Operations:
    rows = Operation.objects.using(using).filter(activity__in=[card.pk for card in cards])
    return rows.exclude(state__in=Operation.UNFINISHED)


def _thin_out(using: str, cards: Sequence[LiveActivity], deadline: float) -> bool:
    """Delete most content of the cards, step by step; False if time is up before it is gone.

    A card that was updated every second has a hundred thousand rows of it. The first operation of
    a card and its ends stay until the card goes: without them it would seem to live.
    """
    if not cards:
        return True
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
    for rows in (
        Attempt.objects.using(using).filter(operation__in=ids),
        OperatorAction.objects.using(using).filter(operation__in=ids),
        Operation.objects.using(using).filter(pk__in=ids),
    ):
        rows._raw_delete(using)


def _forget(using: str, account: Account, cards: Sequence[LiveActivity]) -> int:
    if not cards:
        return 0
    # What is finished stays so on a card that ended a month ago: the ids may be read beforehand.
    ids = list(_finished_operations(using, cards).values_list("pk", flat=True))
    return _delete_cards(using, account, cards, ids)


@durable_transaction
def _delete_cards(
    using: str, account: Account, cards: Sequence[LiveActivity], ids: Sequence[int]
) -> int:
    _delete_operations(using, ids)
    # A host may have inserted an operation since: it stays, and its card with it.
    own = Operation.objects.filter(activity=OuterRef("activity"))
    known = KnownActivityId.objects.using(using).filter(~Exists(own))
    known.filter(activity__in=[card.pk for card in cards])._raw_delete(using)
    left = Operation.objects.filter(activity=OuterRef("pk"))
    gone = LiveActivity.objects.using(using).filter(~Exists(left))
    deleted: int = gone.filter(pk__in=[card.pk for card in cards])._raw_delete(using)
    _unused_lanes(account, [card.lane_digest for card in cards])._raw_delete(using)
    return deleted


def _unused_lanes(account: Account, digests: Sequence[str]) -> QuerySet[Lane, Lane]:
    used = LiveActivity.objects.filter(account=OuterRef("account"), lane_digest=OuterRef("digest"))
    lanes = Lane.objects.using(account.database).filter(~Exists(used), account=account.alias)
    return lanes.filter(digest__in=digests, lease_until__lt=Now(), ambiguous_until__lt=Now())


def _forget_acts(account: Account) -> None:
    """Delete old acts that decided on the account and belong to no operation."""
    operator_actions = OperatorAction.objects.using(account.database).filter(
        account=account.alias, operation=None
    )
    old = operator_actions.filter(applied_at__lt=Now() - account.timing.keep_finished)
    ids = list(old.values_list("pk", flat=True)[:ROWS])
    if ids:
        _delete_acts(account.database, ids)


@durable_transaction
def _delete_acts(using: str, ids: Sequence[int]) -> None:
    OperatorAction.objects.using(using).filter(pk__in=ids)._raw_delete(using)


def _forget_failures(account: Account) -> None:
    """Delete the failures of hooks that the status counts no more, by their ids: hosts INSERT."""
    rows = TrackingFailure.objects.using(account.database)
    old = rows.filter(account=account.alias, created_at__lt=Now() - TRACKING_FAILURES_KEPT_MS)
    ids = list(old.values_list("pk", flat=True)[:ROWS])
    if ids:
        rows.filter(pk__in=ids)._raw_delete(account.database)
