"""Write what a plan decides without a call, and what an answer changes in the rows of cards."""

from collections.abc import Sequence

from django.db.models import Case, F, Model, When

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import Account
from django_liveactivity.delivery.limits.admission import Changes
from django_liveactivity.delivery.rules.bodies import inherit_options
from django_liveactivity.delivery.rules.plan import Plan, is_over
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import (
    KnownActivityId,
    Lane,
    LiveActivity,
    Now,
    Operation,
    Source,
    batched,
    compiled,
    lane_digest,
    rows_of,
)

State = Operation.State
Status = LiveActivity.Status


def lane_changes(lane: Lane, plan: Plan) -> Changes:
    """Return what a plan changes in its lane, before any call."""
    changes: Changes = {
        "ever_called": lane.ever_called or plan.may_predate_us,
        "cards": generation_cards(lane, plan),
        "deadline_at": plan.deadline_at,
        "newest_content_id": plan.newest.pk if plan.newest else 0,
    }
    if plan.never_started:
        changes |= next_generation(lane, plan.ends)
    return changes


def apply_plan(using: str, lane: Lane, plan: Plan) -> None:
    """Write what the plan decides for its operations and cards without a call."""
    finish_operations(using, plan.superseded, State.SUPERSEDED)
    finish_operations(using, plan.cancelled_schedules, State.DONE)
    finish_operations(using, plan.already_covered, State.DONE, Outcome.ALREADY_ENDED)
    if plan.ended_cards:
        ended: Changes = {"status": Status.ENDED, "ended_at": Now()}
        update_cards(using, plan.ended_cards, ended, status=Status.PENDING)
    if lane.displayed_id and not plan.ends:
        to_come = {o.activity_id for o in (plan.send, *plan.deferred) if o is not None}
        joined = {*generation_cards(lane, plan)} - {*lane.cards} - to_come
        mark_displayed(using, lane, sorted(joined))
    if plan.defer_until is not None:
        update_unfinished(using, [*plan.deferred, *plan.ends], next_try_at=plan.defer_until)
    if plan.unsent:
        heir = plan.send or plan.deferred[0]
        inherited = inherit_options([*plan.unsent, heir])
        Operation.objects.using(using).filter(pk=heir.pk).update(inherited_options=inherited)
    if plan.expired and plan.newest is not None:
        _insert_end(using, lane, plan.newest)
    if plan.never_started:
        finish_operations(using, plan.ends, State.DONE, Outcome.NEVER_STARTED)
        mark_ended(using, lane, generation_cards(lane, plan))


def generation_cards(lane: Lane, plan: Plan) -> list[int]:
    """Return the rows that stand for the card of this generation: two hosts may show one key."""
    operations = [*plan.superseded, *plan.ends]
    if not plan.ends:
        operations += filter(None, [plan.send, *plan.deferred])
    return sorted({*lane.cards, *(o.activity_id for o in operations if not is_over(o, lane))})


def next_generation(lane: Lane, ends: Sequence[Operation]) -> Changes:
    """Return what begins the lane's next generation: nothing from before these ends is sent."""
    scheduled = (e.due_at for e in ends if e.is_scheduled)
    return {
        "ended_through_id": max(lane.ended_through_id, *(e.pk for e in ends)),
        "ended_through_at": max(lane.ended_through_at, *scheduled, 0),
        "generation": lane.generation + 1,
        "displayed_id": 0,
        "hidden_because": "",
        "cards": [],
    }


def _insert_end(using: str, lane: Lane, newest: Operation) -> None:
    Operation.objects.using(using).insert(
        activity_id=newest.activity_id,
        account=lane.account,
        lane_digest=lane.digest,
        kind=Operation.Kind.END,
        rank=Operation.Rank.END,
        due_at=Now(),
        created_at=Now(),
        next_try_at=Now(),
        source=Source.TIME_TO_LIVE,
        reason="No content came within the time to live.",
    )


def finish_operations(
    using: str, operations: Sequence[Operation], state: State, outcome: str = ""
) -> None:
    """Move operations into a final state: they are not tried any more."""
    changes: Changes = {
        "state": state,
        "outcome": outcome,
        "next_try_at": None,
        "finished_at": Now(),
    }
    _update(Operation, using, [o.pk for o in operations], changes)


def update_unfinished(using: str, operations: Sequence[Operation], **changes: object) -> None:
    """Change operations, except those that were given up meanwhile."""
    pks = [o.pk for o in operations]
    _update(Operation, using, pks, changes, state__in=Operation.UNFINISHED)


@durable_transaction
def defer_lane(account: Account, digest: str) -> None:
    """Make everything in a lane wait that cannot be planned, which is a defect."""
    until = Now() + account.timing.backoff_cap
    operations = rows_of(account, Operation).filter(lane_digest=digest, next_try_at__lte=Now())
    operations.update(next_try_at=until)
    lanes = rows_of(account, Lane).filter(digest=digest, deadline_at__isnull=False)
    lanes.update(deadline_at=until)


def update_cards(using: str, cards: Sequence[int], changes: Changes, **only: str) -> None:
    """Change the rows of a lane's card, or those ``only`` that have these values."""
    _update(LiveActivity, using, cards, changes, **only)


def _update(
    model: type[Model], using: str, pks: Sequence[int], changes: Changes, **only: object
) -> None:
    for some in batched(pks):
        compiled.update(model, using, {"pk__in": [*some], **only}, changes)


def mark_displayed(using: str, lane: Lane, cards: Sequence[int]) -> None:
    """Give rows that were never sent themselves the status of the card they stand for."""
    status = lane.hidden_because or Status.LIVE
    changes: Changes = {"status": status, "generation": lane.generation}
    update_cards(using, cards, changes, status=Status.PENDING)


def mark_ended(
    using: str, lane: Lane, cards: Sequence[int], *, attention: bool = False, **also: str
) -> None:
    """Mark the rows of a lane's card as ended; ``also`` are other columns to write."""
    ended = {"status": Status.ENDED, "ended_at": Now(), "generation": lane.generation}
    update_cards(using, cards, {**ended, "needs_attention": attention, **also})


def evict(account: Account, answer: Answer, operation: Operation) -> None:
    """Record that the vendor ended another card to make room for this operation's, if it did."""
    if not answer.ended_activity_id:
        return
    digest = lane_digest(activity_id=answer.ended_activity_id)
    known = rows_of(account, KnownActivityId).filter(id_digest=digest)
    cards = rows_of(account, LiveActivity)
    named = cards.filter(pk__in=known.values("activity")) | cards.filter(lane_digest=digest)
    for some in batched(list(named.exclude(status=Status.ENDED))):
        _evict(account, some, operation)


def _evict(account: Account, evicted: Sequence[LiveActivity], operation: Operation) -> None:
    using, ids = account.database, [card.pk for card in evicted]
    update_cards(using, ids, {"status": Status.EVICTED, "evicted_by": operation.pk})
    lanes = rows_of(account, Lane).filter(digest__in=[card.lane_digest for card in evicted])
    # The new fence makes a worker read such a lane again, unless it has leased it already.
    idle = Case(When(lease_until__lte=Now(), then=1), default=0)
    lanes.update(hidden_because=Lane.HiddenBecause.EVICTED, fence=F("fence") + idle)
    unsent = rows_of(account, Operation).filter(
        activity__in=ids, state=State.PENDING, kind__in=Operation.CONTENT_KINDS
    )
    finish_operations(using, list(unsent.only("pk")), State.SUPERSEDED)
