"""Forget cards that ended long ago, in small batches; never one whose end is unacknowledged."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet

from django_liveactivity.conf import Account
from django_liveactivity.models import (
    Act,
    Attempt,
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
)

from .step import step

BATCH = 200


def prune(account: Account) -> int:
    """Delete one batch of cards that ended or failed longer ago than ``Timing.keep_finished``.

    With a card go its operations, their attempts and acts, its known ids, and its lane if no
    other card needs it.

    Returns:
        The number of cards deleted.
    """
    using = account.database
    unfinished = Operation.objects.filter(activity=OuterRef("pk"), state__in=Operation.UNFINISHED)
    finished = LiveActivity.objects.using(using).filter(
        ~Exists(unfinished),
        account=account.alias,
        status__in=(LiveActivity.Status.ENDED, LiveActivity.Status.FAILED),
    )
    old = finished.filter(ended_at__lt=Now() - account.timing.keep_finished)
    cards = list(old.order_by("ended_at").values_list("pk", "lane_digest")[:BATCH])
    if cards:
        _forget(using, account, [pk for pk, _ in cards], sorted({d for _, d in cards}))
    return len(cards)


@step
def _forget(using: str, account: Account, cards: Sequence[int], digests: Sequence[str]) -> None:
    # A host may have inserted an end since: what is unfinished stays, and its card with it.
    operations = Operation.objects.using(using).filter(activity__in=cards)
    operations = operations.exclude(state__in=Operation.UNFINISHED)
    left = Operation.objects.filter(activity=OuterRef("pk"))
    gone = LiveActivity.objects.using(using).filter(~Exists(left), pk__in=cards)
    for rows in (
        Attempt.objects.using(using).filter(operation__in=operations.values("pk")),
        Act.objects.using(using).filter(operation__in=operations.values("pk")),
        operations,
        KnownActivityId.objects.using(using).filter(activity__in=gone.values("pk")),
        gone,
        _unused_lanes(using, account, digests),
    ):
        rows._raw_delete(using)


def _unused_lanes(using: str, account: Account, digests: Sequence[str]) -> QuerySet[Lane, Lane]:
    used = LiveActivity.objects.filter(account=OuterRef("account"), lane_digest=OuterRef("digest"))
    lanes = Lane.objects.using(using).filter(~Exists(used), account=account.alias)
    return lanes.filter(digest__in=digests, lease_until__lt=Now(), doubt_until__lt=Now())
