"""Lease a lane for the step that was planned for it, and write down what will be sent."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from django_liveactivity.client.call import Call
from django_liveactivity.conf import Account
from django_liveactivity.models import AccountState, Attempt, Lane, Now, Operation

from . import slots
from .bodies import content_call, end_call
from .gates import admit, reserve
from .planner import Plan
from .settle import settle, settled
from .sight import Sight
from .step import step


class OvertakenError(Exception):
    """Another worker took the lane, the slot or the gate first; the step is rolled back."""


@dataclass(frozen=True)
class Claim:
    """One call that is about to be made: the lease, the plan behind it and the open attempt."""

    lane: Lane
    plan: Plan
    operation: Operation
    call: Call
    attempt_id: int
    slot: int | None

    @property
    def is_end(self) -> bool:
        """Tell whether the call ends a card."""
        return self.operation.kind == Operation.Kind.END

    @property
    def started_at(self) -> int:
        """When the lane was read, before the call, in milliseconds of the database's clock."""
        return self.lane.now


@step
def claim(
    using: str,
    account: Account,
    state: AccountState,
    sight: Sight,
    slot: int | None,
    pace: slots.Pace,
) -> Claim | None:
    """Return the call to make for a lane, or None when rows alone were to be changed.

    Raises:
        OvertakenError: another worker was faster; nothing has been changed.
    """
    send = _admitted(state, sight, slot, pace)
    made = None if send is None else _open(using, sight, send, slot)
    _take_lane(using, account, sight, made)
    settle(using, sight.lane, sight.plan)
    if made is not None:
        _pass_gates(using, account, state, sight.plan, made, pace)
    elif _waits_for_room(state, sight):
        _park(using, state, sight.plan)
    return made


def _admitted(
    state: AccountState, sight: Sight, slot: int | None, pace: slots.Pace
) -> Operation | None:
    """Return what the plan sends, if the account's gates and pace admit a call for it."""
    send = sight.plan.send
    if send is None or (pace.calls and slot is None):
        return None
    admission = admit(state)
    if send.kind == Operation.Kind.END:
        return send if admission.ends_at <= sight.lane.now else None
    admitted = admission.contents_at <= sight.lane.now and not _waits_for_room(state, sight)
    return send if admitted else None


def _waits_for_room(state: AccountState, sight: Sight) -> bool:
    """Tell whether the call would start a card, and the account has as many as it may."""
    full = state.limit_since is not None and state.limit_probe_at > sight.lane.now
    return sight.plan.starts and full


def _park(using: str, state: AccountState, step_plan: Plan) -> None:
    """Let a start wait without calls: one at a time probes for all of them."""
    if step_plan.send is not None:
        Operation.objects.using(using).filter(pk=step_plan.send.pk).update(
            rank=Operation.Rank.WAITING_START, next_try_at=state.limit_probe_at
        )


def _open(using: str, sight: Sight, operation: Operation, slot: int | None) -> Claim:
    """Store the attempt that the call will be, and return the claim on it."""
    lane = copy.copy(sight.lane)
    if operation.kind == Operation.Kind.END:
        call = end_call(lane, sight.plan.ends, sight.plan.final)
    else:
        call = content_call(lane, operation, sight.plan.unsent)
    lane.fence += 1
    attempt = Attempt.objects.using(using).insert(
        operation=operation,
        lane_id=lane.pk,
        number=operation.tries + 1,
        generation=lane.generation,
        fence=lane.fence,
        endpoint=call.endpoint,
        started_at=lane.now,
    )
    return Claim(lane, sight.plan, operation, call, attempt.pk, slot)


def _take_lane(using: str, account: Account, sight: Sight, made: Claim | None) -> None:
    """Write what the plan makes of the lane, if it is as it was seen; lease it for a call."""
    changes: dict[str, Any] = settled(sight.lane, sight.plan)
    if made is not None:
        changes |= {"called": True, "open_attempt": made.attempt_id}
        for name, value in changes.items():
            setattr(made.lane, name, value)
        changes["lease_until"] = Now() + account.timing.lease
    lanes = Lane.objects.using(using).filter(pk=sight.lane.pk, fence=sight.lane.fence)
    if not lanes.filter(lease_until__lte=Now()).update(fence=F("fence") + 1, **changes):
        raise OvertakenError


def _pass_gates(
    using: str,
    account: Account,
    state: AccountState,
    step_plan: Plan,
    made: Claim,
    pace: slots.Pace,
) -> None:
    taken = reserve(
        state,
        is_content=not made.is_end,
        starts=step_plan.starts,
        spacing=pace.spacing,
        timing=account.timing,
    )
    rows = AccountState.objects.using(using).filter(pk=state.pk, **taken.seen)
    if taken.updates and not rows.update(**taken.updates):
        raise OvertakenError
    if made.slot is not None and not slots.take(account, made.slot, made.attempt_id, pace):
        raise OvertakenError
