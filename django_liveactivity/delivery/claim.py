"""Lease a lane, plan it on the rows of this very moment, and write down what will be sent."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from django.db.models import F, Q

from django_liveactivity.client.answer import Outcome
from django_liveactivity.client.call import Call
from django_liveactivity.conf import Account
from django_liveactivity.content import Endpoint
from django_liveactivity.models import (
    AccountState,
    Attempt,
    Lane,
    Now,
    Operation,
    Slot,
    with_now,
)

from . import slots
from .bodies import content_call, end_call
from .gates import admit, reserve
from .planner import Plan, Rows, plan
from .settle import settle
from .step import step

Rank = Operation.Rank
logger = logging.getLogger("django_liveactivity.delivery")


class OvertakenError(Exception):
    """Another worker took the slot or the gate first; the step is rolled back."""


@dataclass(frozen=True)
class Claim:
    """One call that is about to be made: the lease, the plan behind it and the open attempt."""

    lane: Lane
    plan: Plan
    operation: Operation
    call: Call
    attempt_id: int
    started_at: int
    slot: Slot | None

    @property
    def is_end(self) -> bool:
        """Tell whether the call ends a card."""
        return self.operation.kind == Operation.Kind.END


@step
def claim(
    using: str,
    account: Account,
    state: AccountState,
    lane_id: int,
    slot: Slot | None,
    pace: slots.Pace,
) -> Claim | None:
    """Return the call to make for a lane, or None when rows alone were to be changed.

    Raises:
        OvertakenError: another worker was faster; nothing has been changed.
    """
    lane = _lease(using, account, lane_id)
    _close_open_attempt(using, account, lane)
    step_plan = plan(lane, _read(using, lane), lane.now)
    settle(using, lane, step_plan)
    made = None
    send = step_plan.send
    if send is not None and _may_send(using, state, step_plan, send, lane.now):
        made = _open(using, account, state, lane, step_plan, send, slot, pace)
    lane.wake_at = step_plan.wake_at
    lane.newest_id = step_plan.newest.pk if step_plan.newest else 0
    if made is None:
        lane.lease_until = 0
    lane.save(using=using, force_update=True)
    return made


def _lease(using: str, account: Account, lane_id: int) -> Lane:
    lanes = Lane.objects.using(using).filter(pk=lane_id)
    until = Now() + account.timing.lease
    if not lanes.filter(lease_until__lte=Now()).update(lease_until=until, fence=F("fence") + 1):
        raise OvertakenError
    return with_now(lanes).get()


def _close_open_attempt(using: str, account: Account, lane: Lane) -> None:
    """Take a call, whose worker never came back with an answer, for sent: it may arrive yet."""
    if not lane.open_attempt:
        return
    attempts = Attempt.objects.using(using).filter(pk=lane.open_attempt)
    attempt = attempts.first()
    endpoint = Endpoint.STREAM if attempt is None else Endpoint(attempt.endpoint)
    doubt(lane, endpoint, lane.now + account.timing.quarantine)
    logger.warning("Lane %s: the answer of attempt %s is unknown.", lane, lane.open_attempt)
    lane.open_attempt = 0
    if attempt is not None:
        attempts.update(outcome=Outcome.AMBIGUOUS, error="The worker did not come back.")
        operations = Operation.objects.using(using).filter(pk=attempt.operation_id)
        operations.update(tries=F("tries") + 1, setbacks=F("setbacks") + 1)


def doubt(lane: Lane, endpoint: Endpoint, until: int) -> None:
    """Note that a call may still arrive: a late PUT revives a card, a late DELETE ends one."""
    if endpoint in (Endpoint.STREAM, Endpoint.END_STREAM):
        lane.doubt_until = max(lane.doubt_until, until)
    if endpoint == Endpoint.STREAM:
        lane.stream_doubt_until = max(lane.stream_doubt_until, until)


def _read(using: str, lane: Lane) -> Rows:
    wanted = Q(state__in=Operation.UNFINISHED) | Q(pk__in=[lane.newest_id, lane.shown_id])
    found = list(
        Operation.objects.using(using)
        .filter(wanted, account=lane.account, lane_digest=lane.digest)
        .select_related("activity")
        .order_by("pk")
    )
    by_id = {o.pk: o for o in found}
    return Rows(
        unfinished=[o for o in found if o.state in Operation.UNFINISHED],
        newest=by_id.get(lane.newest_id),
        shown=by_id.get(lane.shown_id),
    )


def _may_send(using: str, state: AccountState, step_plan: Plan, send: Operation, now: int) -> bool:
    """Tell whether the gates admit the call; the lane was perhaps found by something else."""
    if send.kind == Operation.Kind.END:
        return admit(state).ends_at <= now
    if admit(state).contents_at > now:
        return False
    if not step_plan.starts or state.limit_since is None or state.limit_probe_at <= now:
        return True
    # The account has as many cards as it may: one start at a time probes, the others are parked.
    Operation.objects.using(using).filter(pk=send.pk).update(
        rank=Rank.WAITING_START, next_try_at=state.limit_probe_at
    )
    return False


def _open(
    using: str,
    account: Account,
    state: AccountState,
    lane: Lane,
    step_plan: Plan,
    operation: Operation,
    slot: Slot | None,
    pace: slots.Pace,
) -> Claim:
    is_end = operation.kind == Operation.Kind.END
    if is_end:
        call = end_call(lane, step_plan.ends, step_plan.final)
    else:
        call = content_call(lane, operation)
    attempt = Attempt.objects.using(using).insert(
        operation=operation,
        lane_id=lane.pk,
        number=operation.tries + 1,
        generation=lane.generation,
        fence=lane.fence,
        endpoint=call.endpoint,
        started_at=lane.now,
    )
    lane.open_attempt = attempt.pk
    lane.called = True
    _pass_gates(using, account, state, step_plan, is_end, pace)
    if slot is not None and not slots.take(account, slot, pace):
        raise OvertakenError
    return Claim(lane, step_plan, operation, call, attempt.pk, lane.now, slot)


def _pass_gates(
    using: str,
    account: Account,
    state: AccountState,
    step_plan: Plan,
    is_end: bool,
    pace: slots.Pace,
) -> None:
    taken = reserve(
        state,
        is_content=not is_end,
        starts=step_plan.starts,
        spacing=pace.spacing,
        timing=account.timing,
    )
    rows = AccountState.objects.using(using).filter(pk=state.pk, **taken.seen)
    if taken.updates and not rows.update(**taken.updates):
        raise OvertakenError
