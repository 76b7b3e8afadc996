"""Write down what a plan knows without a call, and what an answer makes of a lane's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from django_liveactivity.client.answer import Outcome
from django_liveactivity.conf import Account
from django_liveactivity.delivery.rules.bodies import carry
from django_liveactivity.delivery.rules.plan import Plan, is_over
from django_liveactivity.models import Lane, LiveActivity, Now, Operation

State = Operation.State
BATCH = 500
"""Rows named in one statement; every database takes so many parameters."""


def lane_changes(lane: Lane, plan_: Plan) -> dict[str, Any]:
    """Return what a plan changes in its lane, before any call."""
    changes: dict[str, Any] = {
        "ever_called": lane.ever_called or plan_.may_predate_us,
        "cards": generation_cards(lane, plan_),
        "deadline_at": plan_.deadline_at,
        "newest_content_id": plan_.newest.pk if plan_.newest else 0,
    }
    if plan_.never_started:
        changes |= next_generation(lane, plan_.ends)
    return changes


def apply_plan(using: str, lane: Lane, plan_: Plan) -> None:
    """Write down what the plan knows of its operations and cards without a call."""
    finish_operations(using, plan_.superseded, State.SUPERSEDED)
    finish_operations(using, plan_.cancelled_schedules, State.DONE)
    finish_operations(using, plan_.already_covered, State.DONE, Outcome.ALREADY_ENDED)
    _mark_over(using, plan_.over)
    if lane.displayed_id and not plan_.ends:
        _join(using, lane, plan_)
    if plan_.defer_until is not None:
        defer_operations(using, [*plan_.deferred, *plan_.ends], plan_.defer_until)
    if plan_.unsent:
        _carry_over(using, plan_)
    if plan_.expired and plan_.newest is not None:
        _insert_end(using, lane, plan_.newest)
    if plan_.never_started:
        finish_operations(using, plan_.ends, State.DONE, Outcome.NEVER_STARTED)
        mark_ended(using, lane, generation_cards(lane, plan_), attention=False)


def generation_cards(lane: Lane, plan_: Plan) -> list[int]:
    """Return the rows that stand for the card of this generation: two hosts may show one key."""
    seen = [*plan_.superseded, *plan_.ends]
    if not plan_.ends:
        seen += filter(None, [plan_.send, *plan_.deferred])
    mine = [o for o in seen if not is_over(o, lane)]
    return sorted({*lane.cards, *(o.activity_id for o in mine)})


def _carry_over(using: str, plan_: Plan) -> None:
    """Let the newest content say what older content said that was never sent."""
    heir = plan_.send or plan_.deferred[0]
    inherited_options = carry([*plan_.unsent, heir])
    Operation.objects.using(using).filter(pk=heir.pk).update(inherited_options=inherited_options)


def _mark_over(using: str, cards: Sequence[int]) -> None:
    """Say of rows that no call stands for that they have ended with their lane."""
    if cards:
        rows = card_rows(using, cards).filter(status=LiveActivity.Status.PENDING)
        rows.update(status=LiveActivity.Status.ENDED, ended_at=Now())


def _join(using: str, lane: Lane, plan_: Plan) -> None:
    """Say of rows whose content came too late for the open generation that its card is theirs."""
    to_come = {o.activity_id for o in (plan_.send, *plan_.deferred) if o is not None}
    show_joined(using, lane, sorted({*generation_cards(lane, plan_)} - {*lane.cards} - to_come))


def show_joined(using: str, lane: Lane, cards: Sequence[int]) -> None:
    """Say of rows that stand for a card on phones, and were never sent themselves, how it is."""
    if cards:
        rows = card_rows(using, cards).filter(status=LiveActivity.Status.PENDING)
        rows.update(
            status=lane.hidden_because or LiveActivity.Status.LIVE, generation=lane.generation
        )


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
        source="time_to_live",
        reason="No content came within the time to live.",
    )


def finish_operations(
    using: str, operations: Sequence[Operation], state: str, outcome: str = ""
) -> None:
    """Move operations into a final state: nothing will be tried for them any more."""
    changes = {"state": state, "outcome": outcome, "next_try_at": None, "finished_at": Now()}
    for start in range(0, len(operations), BATCH):
        ids = [o.pk for o in operations[start : start + BATCH]]
        Operation.objects.using(using).filter(pk__in=ids).update(**changes)


def defer_operations(using: str, operations: Sequence[Operation], until: Any) -> None:
    """Let operations wait, so that no drain looks at them before; given up ones stay so."""
    if operations:
        rows = Operation.objects.using(using).filter(pk__in=[o.pk for o in operations])
        rows.filter(state__in=Operation.UNFINISHED).update(next_try_at=until)


def defer_lane(using: str, account: Account, digest: str) -> None:
    """Let everything of a lane wait: something in it cannot be planned, which is a defect."""
    due = Operation.objects.using(using).filter(
        account=account.alias, lane_digest=digest, next_try_at__lte=Now()
    )
    until = Now() + account.timing.backoff_cap
    due.update(next_try_at=until)
    lanes = Lane.objects.using(using).filter(account=account.alias, digest=digest)
    lanes.filter(deadline_at__isnull=False).update(deadline_at=until)


def next_generation(lane: Lane, ends: Sequence[Operation]) -> dict[str, Any]:
    """Return what begins the next generation: nothing from before these ends is ever sent."""
    scheduled = (e.due_at for e in ends if e.is_scheduled)
    return {
        "ended_through_id": max(lane.ended_through_id, *(e.pk for e in ends)),
        "ended_through_at": max(lane.ended_through_at, *scheduled, 0),
        "generation": lane.generation + 1,
        "displayed_id": 0,
        "hidden_because": "",
        "cards": [],
    }


def card_rows(using: str, cards: Sequence[int]) -> QuerySet[LiveActivity, LiveActivity]:
    """Return the rows of a lane's card."""
    return LiveActivity.objects.using(using).filter(pk__in=cards)


def mark_ended(using: str, lane: Lane, cards: Sequence[int], *, attention: bool) -> None:
    """Say of the rows of a lane's card that it has ended."""
    card_rows(using, cards).update(
        status=LiveActivity.Status.ENDED,
        ended_at=Now(),
        needs_attention=attention,
        generation=lane.generation,
    )
