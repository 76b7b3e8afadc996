"""Read a lane without changing it: its row, its unfinished operations, and the plan for them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction
from django.db.models import Case, Q, QuerySet, When

from django_liveactivity.conf import Account
from django_liveactivity.delivery.rules.plan import LaneRows, Plan, plan
from django_liveactivity.models import Lane, LiveActivity, Operation, batched, compiled, with_now

from .candidates import Target


@dataclass(frozen=True)
class LaneSnapshot:
    """A lane that was not leased when it was read, and its next step.

    It is valid until the lane's fence changes: a lease, an eviction and an operator's action
    raise the fence.
    """

    lane: Lane
    plan: Plan


def read_lane(account: Account, target: Target, now: int) -> LaneSnapshot | None:
    """Return a lane and its plan, or None if another worker has it.

    The lane is read before its operations: whatever changes in between changes the fence too,
    except for rows that a host inserts.

    Args:
        account: the account.
        target: the lane to read.
        now: the database's clock a moment ago, in milliseconds; a new lane begins then.
    """
    if target.is_new:
        lane = _create(account, target, now)
    else:
        key = {"account": account.alias, "digest": target.digest}
        lane = next(iter(compiled.run(_lane, account.database, **key)), None)
    if lane is None or lane.lease_until > lane.now:
        return None
    decided = plan(lane, _read_operations(account.database, lane), lane.now)
    if decided.ended_cards:  # of these, rarely any is still marked as pending
        pending = _pending_cards(account.database, decided.ended_cards)
        decided = replace(decided, ended_cards=list(pending))
    return LaneSnapshot(lane, decided)


def _pending_cards(using: str, cards: Sequence[int]) -> Iterator[int]:
    pending = LiveActivity.objects.using(using).filter(status=LiveActivity.Status.PENDING)
    for some in batched(cards):
        yield from pending.filter(pk__in=some).values_list("pk", flat=True)


def _lane(using: str) -> QuerySet[Lane, Lane]:
    lanes = Lane.objects.using(using)
    return with_now(
        lanes.filter(account=compiled.Param("account"), digest=compiled.Param("digest"))
    )


def _create(account: Account, target: Target, now: int) -> Lane | None:
    if not (target.stream_key or target.activity_id):
        raise LookupError("Its LiveActivity row was deleted, and its key or id with it.")
    lane = Lane(account=account.alias, digest=target.digest, stream_key=target.stream_key)
    lane.activity_id = "" if target.stream_key else target.activity_id
    try:
        with transaction.atomic(using=account.database):
            lane.save(using=account.database, force_insert=True)
    except IntegrityError:  # another worker was faster
        return None
    lane.now = now
    return lane


def _read_operations(using: str, lane: Lane) -> LaneRows:
    known = {"newest": lane.newest_content_id, "shown": lane.displayed_id}
    found = compiled.run(_operations, using, account=lane.account, digest=lane.digest, **known)
    by_id = {o.pk: o for o in found}
    return LaneRows(
        unfinished=[o for o in found if o.state in Operation.UNFINISHED],
        moved=frozenset(o.pk for o in found if o.moved),
        newest=by_id.get(lane.newest_content_id),
        shown=by_id.get(lane.displayed_id),
    )


def _operations(using: str) -> QuerySet[Operation, Operation]:
    # Each part of the OR has an index of its own; with the lane outside of it SQLite would read
    # the lane's whole history.
    unfinished = Q(
        account=compiled.Param("account"),
        lane_digest=compiled.Param("digest"),
        state__in=Operation.UNFINISHED,
    )
    known = Q(pk=compiled.integer_param("newest")) | Q(pk=compiled.integer_param("shown"))
    rows = Operation.objects.using(using).filter(unfinished | known).order_by("pk")
    # Asked of scheduled ends only: MariaDB would search for newer rows beside each content.
    scheduled = When(Operation.SCHEDULED, kind=Operation.Kind.END, then=Operation.is_moved())
    annotated: QuerySet[Operation, Operation] = rows.annotate(moved=Case(scheduled, default=False))
    return annotated
