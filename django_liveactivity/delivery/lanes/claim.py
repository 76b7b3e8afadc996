"""Lease a lane for the call that was planned for it, and record the call before it is made.

An attempt without an outcome may have been sent. If its worker never comes back, the lease
expires, and the next worker that finds the lane treats the call as ambiguous.
"""

import copy
from dataclasses import dataclass

from django.db.models import F
from django.db.models.functions import Greatest

from django_liveactivity.client.answer import Outcome
from django_liveactivity.client.call import Call
from django_liveactivity.conf import Account, Timing
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.limits import rate
from django_liveactivity.delivery.limits.admission import Changes, admission, reserve
from django_liveactivity.delivery.rules.bodies import content_call, end_call
from django_liveactivity.delivery.rules.plan import Plan
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import AccountState, Attempt, Lane, Now, Operation, compiled
from django_liveactivity.printable import get_logger

from .apply import apply_plan, lane_changes
from .snapshot import LaneSnapshot

logger = get_logger("django_liveactivity.delivery")


class OvertakenError(Exception):
    """Another worker took the lane, the slot or the account's probe first; nothing is written."""


@dataclass(frozen=True)
class DrainContext:
    """What a drain knows as it makes a call: account, current state, rate limit, which key."""

    account: Account
    state: AccountState
    rate_limit: rate.RateLimit
    key_fingerprint: str = ""

    @property
    def database(self) -> str:
        """The alias of the account's database."""
        return self.account.database

    @property
    def timing(self) -> Timing:
        """The account's durations."""
        return self.account.timing


@dataclass(frozen=True)
class Claim:
    """One call that is about to be made: the lane as leased, its plan and the open attempt."""

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
def claim(context: DrainContext, snapshot: LaneSnapshot, slot: int | None) -> Claim | None:
    """Return the call to make for a lane, or None if the plan needed no call or none may go now.

    Args:
        context: the drain.
        snapshot: the lane as it was read, and its plan.
        slot: the id of a free rate-limit slot; None if there is none or the call needs none.

    Raises:
        OvertakenError: another worker was faster; nothing has been changed.
    """
    send = _admitted(context, snapshot, slot)
    claimed = None if send is None else _open_attempt(context, snapshot, send, slot)
    _take_lane(context, snapshot, claimed)
    apply_plan(context.database, snapshot.lane, snapshot.plan)
    start = snapshot.plan.send
    if claimed is not None:
        _reserve(context, claimed)
    elif start is not None and _waits_for_room(context.state, snapshot):
        # It waits without calls: one start at a time probes for all of them.
        Operation.objects.using(context.database).filter(pk=start.pk).update(
            rank=Operation.Rank.WAITING_START, next_try_at=context.state.limit_probe_at
        )
    return claimed


def _admitted(context: DrainContext, snapshot: LaneSnapshot, slot: int | None) -> Operation | None:
    """Return what the plan sends, if the account and its rate limit admit a call for it."""
    send = snapshot.plan.send
    if send is None or (context.rate_limit.calls and slot is None):
        return None
    admitted, now = admission(context.state), snapshot.lane.now
    if send.kind == Operation.Kind.END:
        return send if admitted.ends_at <= now else None
    waits = admitted.contents_at > now or _waits_for_room(context.state, snapshot)
    return None if waits else send


def _waits_for_room(state: AccountState, snapshot: LaneSnapshot) -> bool:
    """Tell whether the call would start a card while the account has as many as it may."""
    full = state.limit_since is not None and state.limit_probe_at > snapshot.lane.now
    return snapshot.plan.starts and full


def _open_attempt(
    context: DrainContext, snapshot: LaneSnapshot, operation: Operation, slot: int | None
) -> Claim:
    """Store the attempt that the call will be, and return the claim on it."""
    lane = copy.copy(snapshot.lane)
    if operation.kind == Operation.Kind.END:
        call = end_call(lane, snapshot.plan.ends, snapshot.plan.final)
    else:
        call = content_call(lane, operation, snapshot.plan.unsent)
    lane.fence += 1
    attempt = Attempt.objects.using(context.database).insert(
        operation=operation,
        number=operation.tries + 1,
        endpoint=call.endpoint,
        started_at=lane.now,
        key_fingerprint=context.key_fingerprint,
    )
    return Claim(lane, snapshot.plan, operation, call, attempt.pk, slot)


def _take_lane(context: DrainContext, snapshot: LaneSnapshot, claimed: Claim | None) -> None:
    """Write what the plan changes in the lane, if its fence is as it was read; lease it."""
    changes: Changes = lane_changes(snapshot.lane, snapshot.plan)
    if claimed is not None:
        changes |= {"ever_called": True, "open_attempt": claimed.attempt_id}
        for name, value in changes.items():
            setattr(claimed.lane, name, value)
        changes["lease_until"] = Now() + context.timing.lease
    changes["fence"] = F("fence") + 1
    seen = {"pk": snapshot.lane.pk, "fence": snapshot.lane.fence, "lease_until__lte": Now()}
    if not compiled.update(Lane, context.database, seen, changes):
        raise OvertakenError


def _reserve(context: DrainContext, claimed: Claim) -> None:
    """Pass the account's admission and take the slot, if both are as they were read."""
    taken = reserve(
        context.state,
        is_content=not claimed.is_end,
        starts=claimed.plan.starts,
        spacing=context.rate_limit.spacing,
        timing=context.timing,
    )
    seen = {"pk": context.state.pk, **taken.seen}
    if taken.updates and not compiled.update(AccountState, context.database, seen, taken.updates):
        raise OvertakenError
    slot, attempt = claimed.slot, claimed.attempt_id
    if slot is not None and not rate.take(context.account, slot, attempt, context.rate_limit):
        raise OvertakenError


def recover_expired_lease(account: Account, lane: Lane) -> None:
    """Recover a lane whose worker died during a call, which counts as ambiguous."""
    attempts = Attempt.objects.using(account.database)
    _recover(account, lane, attempts.filter(pk=lane.open_attempt).first())


@durable_transaction
def _recover(account: Account, lane: Lane, attempt: Attempt | None) -> None:
    using = account.database
    endpoint = Endpoint.STREAM if attempt is None else Endpoint(attempt.endpoint)
    rows = Lane.objects.using(using).filter(pk=lane.pk, fence=lane.fence, lease_until__lte=Now())
    changes: Changes = {**quarantine(endpoint, account.timing.quarantine)}
    if not rows.update(open_attempt=0, lease_until=0, fence=F("fence") + 1, **changes):
        return
    logger.warning(
        "Lane %s: the worker of attempt %s stored no answer; the call may have been sent.",
        lane,
        lane.open_attempt,
    )
    if attempt is not None:
        Attempt.objects.using(using).filter(pk=attempt.pk).update(
            outcome=Outcome.AMBIGUOUS, error="The worker stopped before it stored an answer."
        )
        Operation.objects.using(using).filter(pk=attempt.operation_id).update(
            tries=F("tries") + 1, failures=F("failures") + 1
        )


def quarantine(endpoint: Endpoint, duration: int) -> dict[str, Greatest]:
    """Return what an ambiguous call changes in its lane.

    A late PUT revives a card, and a late DELETE ends one; calls by activity id do neither.

    Args:
        endpoint: what was called.
        duration: how long the call may still be applied, in milliseconds from now.
    """
    names = {
        Endpoint.STREAM: ("ambiguous_until", "stream_ambiguous_until"),
        Endpoint.END_STREAM: ("ambiguous_until",),
    }
    return {name: Greatest(F(name), Now() + duration) for name in names.get(endpoint, ())}
