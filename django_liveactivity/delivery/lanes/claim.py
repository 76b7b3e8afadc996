"""Lease a lane for the step that was planned for it, and write down what will be sent."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

from django.db.models import F

from django_liveactivity.client.call import Call
from django_liveactivity.conf import Account
from django_liveactivity.delivery.limits import rate
from django_liveactivity.delivery.limits.admission import admission, reserve
from django_liveactivity.delivery.rules.bodies import content_call, end_call
from django_liveactivity.delivery.rules.plan import Plan
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import AccountState, Attempt, Lane, Now, Operation

from .apply import apply_plan, lane_changes
from .snapshot import LaneSnapshot


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


@durable_transaction
def claim(
    using: str,
    account: Account,
    state: AccountState,
    snapshot: LaneSnapshot,
    slot: int | None,
    rate_limit: rate.RateLimit,
) -> Claim | None:
    """Return the call to make for a lane, or None when rows alone were to be changed.

    Raises:
        OvertakenError: another worker was faster; nothing has been changed.
    """
    send = _admitted(state, snapshot, slot, rate_limit)
    made = None if send is None else _open(using, snapshot, send, slot)
    _take_lane(using, account, snapshot, made)
    apply_plan(using, snapshot.lane, snapshot.plan)
    if made is not None:
        _pass_gates(using, account, state, snapshot.plan, made, rate_limit)
    elif _waits_for_room(state, snapshot):
        _park(using, state, snapshot.plan)
    return made


def _admitted(
    state: AccountState, snapshot: LaneSnapshot, slot: int | None, rate_limit: rate.RateLimit
) -> Operation | None:
    """Return what the plan sends, if the account's gates and pace admit a call for it."""
    send = snapshot.plan.send
    if send is None or (rate_limit.calls and slot is None):
        return None
    admitted = admission(state)
    if send.kind == Operation.Kind.END:
        return send if admitted.ends_at <= snapshot.lane.now else None
    may_go = admitted.contents_at <= snapshot.lane.now and not _waits_for_room(state, snapshot)
    return send if may_go else None


def _waits_for_room(state: AccountState, snapshot: LaneSnapshot) -> bool:
    """Tell whether the call would start a card, and the account has as many as it may."""
    full = state.limit_since is not None and state.limit_probe_at > snapshot.lane.now
    return snapshot.plan.starts and full


def _park(using: str, state: AccountState, plan_: Plan) -> None:
    """Let a start wait without calls: one at a time probes for all of them."""
    if plan_.send is not None:
        Operation.objects.using(using).filter(pk=plan_.send.pk).update(
            rank=Operation.Rank.WAITING_START, next_try_at=state.limit_probe_at
        )


def _open(using: str, snapshot: LaneSnapshot, operation: Operation, slot: int | None) -> Claim:
    """Store the attempt that the call will be, and return the claim on it."""
    lane = copy.copy(snapshot.lane)
    if operation.kind == Operation.Kind.END:
        call = end_call(lane, snapshot.plan.ends, snapshot.plan.final)
    else:
        call = content_call(lane, operation, snapshot.plan.unsent)
    lane.fence += 1
    attempt = Attempt.objects.using(using).insert(
        operation=operation,
        number=operation.tries + 1,
        endpoint=call.endpoint,
        started_at=lane.now,
    )
    return Claim(lane, snapshot.plan, operation, call, attempt.pk, slot)


def _take_lane(using: str, account: Account, snapshot: LaneSnapshot, made: Claim | None) -> None:
    """Write what the plan makes of the lane, if it is as it was seen; lease it for a call."""
    changes: dict[str, Any] = lane_changes(snapshot.lane, snapshot.plan)
    if made is not None:
        changes |= {"ever_called": True, "open_attempt": made.attempt_id}
        for name, value in changes.items():
            setattr(made.lane, name, value)
        changes["lease_until"] = Now() + account.timing.lease
    lanes = Lane.objects.using(using).filter(pk=snapshot.lane.pk, fence=snapshot.lane.fence)
    if not lanes.filter(lease_until__lte=Now()).update(fence=F("fence") + 1, **changes):
        raise OvertakenError


def _pass_gates(
    using: str,
    account: Account,
    state: AccountState,
    plan_: Plan,
    made: Claim,
    rate_limit: rate.RateLimit,
) -> None:
    taken = reserve(
        state,
        is_content=not made.is_end,
        starts=plan_.starts,
        spacing=rate_limit.spacing,
        timing=account.timing,
    )
    rows = AccountState.objects.using(using).filter(pk=state.pk, **taken.seen)
    if taken.updates and not rows.update(**taken.updates):
        raise OvertakenError
    if made.slot is not None and not rate.take(account, made.slot, made.attempt_id, rate_limit):
        raise OvertakenError
