"""Write down what a plan knows without a call, and what an answer makes of a lane's rows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import QuerySet

from django_liveactivity.client.answer import Outcome
from django_liveactivity.conf import Account
from django_liveactivity.models import Lane, LiveActivity, Now, Operation

from .bodies import carry
from .planner import Plan, is_over

State = Operation.State
BATCH = 500
"""Rows named in one statement; every database takes so many parameters."""


def settled(lane: Lane, step_plan: Plan) -> dict[str, Any]:
    """Return what a plan changes in its lane, before any call."""
    changes: dict[str, Any] = {
        "called": lane.called or step_plan.adopts,
        "cards": cards_in(lane, step_plan),
        "wake_at": step_plan.wake_at,
        "newest_id": step_plan.newest.pk if step_plan.newest else 0,
    }
    if step_plan.never_started:
        changes |= closing(lane, step_plan.ends)
    return changes


def settle(using: str, lane: Lane, step_plan: Plan) -> None:
    """Write down what the plan knows of its operations and cards without a call."""
    finish(using, step_plan.superseded, State.SUPERSEDED)
    finish(using, step_plan.kept, State.DONE)
    finish(using, step_plan.covered, State.DONE, Outcome.ALREADY_ENDED)
    _mark_over(using, step_plan.over)
    if lane.shown_id and not step_plan.ends:
        _join(using, lane, step_plan)
    if step_plan.wait_until is not None:
        postpone(using, [*step_plan.waiting, *step_plan.ends], step_plan.wait_until)
    if step_plan.unsent:
        _carry_over(using, step_plan)
    if step_plan.expired and step_plan.newest is not None:
        _insert_end(using, lane, step_plan.newest)
    if step_plan.never_started:
        finish(using, step_plan.ends, State.DONE, Outcome.NEVER_STARTED)
        mark_ended(using, lane, cards_in(lane, step_plan), attention=False)


def cards_in(lane: Lane, step_plan: Plan) -> list[int]:
    """Return the rows that stand for the card of this generation: two hosts may show one key."""
    seen = [*step_plan.superseded, *step_plan.ends]
    if not step_plan.ends:
        seen += filter(None, [step_plan.send, *step_plan.waiting])
    mine = [o for o in seen if not is_over(o, lane)]
    return sorted({*lane.cards, *(o.activity_id for o in mine)})


def _carry_over(using: str, step_plan: Plan) -> None:
    """Let the newest content say what older content said that was never sent."""
    heir = step_plan.send or step_plan.waiting[0]
    carried = carry([*step_plan.unsent, heir])
    Operation.objects.using(using).filter(pk=heir.pk).update(carried=carried)


def _mark_over(using: str, cards: Sequence[int]) -> None:
    """Say of rows that no call stands for that they have ended with their lane."""
    if cards:
        rows = cards_of(using, cards).filter(status=LiveActivity.Status.PENDING)
        rows.update(status=LiveActivity.Status.ENDED, ended_at=Now())


def _join(using: str, lane: Lane, step_plan: Plan) -> None:
    """Say of rows whose content came too late for the open generation that its card is theirs."""
    to_come = {o.activity_id for o in (step_plan.send, *step_plan.waiting) if o is not None}
    show_joined(using, lane, sorted({*cards_in(lane, step_plan)} - {*lane.cards} - to_come))


def show_joined(using: str, lane: Lane, cards: Sequence[int]) -> None:
    """Say of rows that stand for a card on phones, and were never sent themselves, how it is."""
    if cards:
        rows = cards_of(using, cards).filter(status=LiveActivity.Status.PENDING)
        rows.update(status=lane.held or LiveActivity.Status.LIVE, generation=lane.generation)


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


def finish(using: str, operations: Sequence[Operation], state: str, outcome: str = "") -> None:
    """Move operations into a final state: nothing will be tried for them any more."""
    changes = {"state": state, "outcome": outcome, "next_try_at": None, "finished_at": Now()}
    for start in range(0, len(operations), BATCH):
        ids = [o.pk for o in operations[start : start + BATCH]]
        Operation.objects.using(using).filter(pk__in=ids).update(**changes)


def postpone(using: str, operations: Sequence[Operation], until: Any) -> None:
    """Let operations wait, so that no drain looks at them before; given up ones stay so."""
    if operations:
        rows = Operation.objects.using(using).filter(pk__in=[o.pk for o in operations])
        rows.filter(state__in=Operation.UNFINISHED).update(next_try_at=until)


def set_aside(using: str, account: Account, digest: str) -> None:
    """Let everything of a lane wait: something in it cannot be planned, which is a defect."""
    due = Operation.objects.using(using).filter(
        account=account.alias, lane_digest=digest, next_try_at__lte=Now()
    )
    until = Now() + account.timing.backoff_cap
    due.update(next_try_at=until)
    lanes = Lane.objects.using(using).filter(account=account.alias, digest=digest)
    lanes.filter(wake_at__isnull=False).update(wake_at=until)


def closing(lane: Lane, ends: Sequence[Operation]) -> dict[str, Any]:
    """Return what begins the next generation: nothing from before these ends is ever sent."""
    scheduled = (e.due_at for e in ends if e.is_scheduled)
    return {
        "closed_id": max(lane.closed_id, *(e.pk for e in ends)),
        "closed_at": max(lane.closed_at, *scheduled, 0),
        "generation": lane.generation + 1,
        "shown_id": 0,
        "held": "",
        "cards": [],
    }


def cards_of(using: str, cards: Sequence[int]) -> QuerySet[LiveActivity, LiveActivity]:
    """Return the rows of a lane's card."""
    return LiveActivity.objects.using(using).filter(pk__in=cards)


def mark_ended(using: str, lane: Lane, cards: Sequence[int], *, attention: bool) -> None:
    """Say of the rows of a lane's card that it has ended."""
    cards_of(using, cards).update(
        status=LiveActivity.Status.ENDED,
        ended_at=Now(),
        needs_attention=attention,
        generation=lane.generation,
    )
