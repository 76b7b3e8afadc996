"""Deliver what is due for an account, one call after the other, for a bounded time."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from django.db import Error

from django_liveactivity import conf
from django_liveactivity.backends import BaseBackend, get_backend
from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import Account
from django_liveactivity.health.status import condition_of
from django_liveactivity.models import AccountState, with_now
from django_liveactivity.printable import get_logger

from .lanes import candidates
from .lanes.apply import defer_lane
from .lanes.candidates import Target
from .lanes.claim import Claim, OvertakenError, claim
from .lanes.complaint import call_line, complaint
from .lanes.lost import recover_expired_lease
from .lanes.record import record
from .lanes.snapshot import read_lane
from .limits import permits, rate
from .limits.admission import admission
from .notify import send_plan_signals, send_signals
from .operator_actions import apply_operator_actions
from .rules.verdicts import resolve
from .transaction import fresh_session_after_error

PATIENCE = 2.0
PERMIT_PAUSE = 1.0

logger = get_logger("django_liveactivity.delivery")
calls_logger = get_logger("django_liveactivity.calls")


@dataclass(frozen=True)
class Drained:
    """What one drain came to.

    Args:
        calls: the HTTP calls that were made.
        more: something is due still, and waits: for the account's pace or gates, or for another
            worker.
        again_in: seconds until a drain finds something to do, or None if nothing is planned.
        condition: ``open``, ``frozen``, ``blocked``, ``billing`` or ``limit``.
    """

    calls: int = 0
    more: bool = False
    again_in: float | None = None
    condition: str = "open"


def drain(
    alias: str = conf.DEFAULT_ACCOUNT,
    *,
    seconds: float | None = None,
    patience: float = PATIENCE,
    stop: threading.Event | None = None,
    on_backlog: Callable[[], None] | None = None,
) -> Drained:
    """Deliver what is due for an account, within a bounded time.

    Args:
        alias: the account.
        seconds: how long at most; by default the 50 s of ``Timing``. A call that was begun is
            finished.
        patience: the longest pause, in seconds, to sit through; for a longer one the drain ends.
        stop: an event that ends the drain after the call in flight.
        on_backlog: called once if there is more to do than one call, and a seat for one more
            drain: so that a wake-up brings as many workers as there is work for.

    Returns:
        What was done, and whether and when there is more to do. A drain without a seat, because
        four others are at work, does nothing.
    """
    account = conf.account(alias)
    drained = _Drain(account, seconds, patience, stop or threading.Event())
    drained.on_backlog = on_backlog
    with fresh_session_after_error(account.database):
        return drained.run()


class _Drain:
    on_backlog: Callable[[], None] | None = None

    def __init__(
        self, account: Account, seconds: float | None, patience: float, stop: threading.Event
    ) -> None:
        self.account = account
        self.backend: BaseBackend = get_backend(account.alias)
        self.rate_limit = rate.RateLimit.of(self.backend.rate_limit)
        limit = account.timing.drain / 1000
        self.deadline = time.monotonic() + min(limit, limit if seconds is None else seconds)
        self.patience = patience
        self.stop = stop
        self.permit = 0
        self.backlog = False
        self.calls = 0
        self.raised = False

    def run(self) -> Drained:
        permits.ensure_rows(self.account)
        rate.ensure_rows(self.account, self.rate_limit)
        with permits.permit(self.account) as number:
            if number is None:
                return Drained(more=True, again_in=PERMIT_PAUSE)
            self.permit = number
            read_state(self.account)
            apply_operator_actions(self.account)
            return self._work()

    def _work(self) -> Drained:
        while True:
            state = rate.state_and_slot(self.account, self.rate_limit, self.permit)
            pause = self._serve(state)
            if pause is None:
                return self._idle(state)
            over = self.stop.is_set() or time.monotonic() + pause > self.deadline
            if over or self.raised or pause > self.patience:
                return Drained(self.calls, True, pause, condition_of(state)[0])
            self.stop.wait(pause)

    def _serve(self, state: AccountState) -> float | None:
        """Serve one lane; return the pause before the next in seconds, or None when idle."""
        if self.backlog and state.free_slot is None:
            return _pause(state, state.slot_free_at)
        pauses = []
        for target in candidates.targets(self.account, admission(state)):
            slot, ready_at = self._slot_for(target, state)
            if ready_at <= state.now:
                self._call_for_help()
                self._call(state, target, slot)
                self.backlog = bool(self.rate_limit.calls and target.is_one_of_many)
                return 0.0
            pauses.append(_pause(state, ready_at))
            if not target.is_retried:
                break  # what would come after it waits for the same
        return min(pauses, default=None)

    def _slot_for(self, target: Target, state: AccountState) -> tuple[int | None, int]:
        """Return a slot for the target's call, if it needs one, and when the call may be made."""
        if not self.rate_limit.calls or not target.needs_call or target.ready_at > state.now:
            return None, target.ready_at
        slot, free_at = state.free_slot, state.slot_free_at
        if target.is_retried:
            slot, free_at = rate.find_for_retry(self.account, self.rate_limit)
        return slot, target.ready_at if slot else max(free_at or 0, state.now + 1)

    def _call_for_help(self) -> None:
        if self.on_backlog is not None and self.calls and self.permit < permits.PERMITS - 1:
            self.on_backlog()
            self.on_backlog = None

    def _call(self, state: AccountState, target: Target, slot: int | None) -> None:
        begun = time.monotonic()
        try:
            claimed = self._claim(state, target, slot)
        except Error:  # of the database: the whole drain fails and comes again
            raise
        except Exception:  # one lane that cannot be planned must not hold up the others
            logger.exception("Lane %s is set aside for a while.", target.digest)
            defer_lane(self.account.database, self.account, target.digest)
            return
        if claimed is not None:
            self._deliver(state, claimed, begun)

    def _claim(self, state: AccountState, target: Target, slot: int | None) -> Claim | None:
        snapshot = read_lane(self.account, target, state.now)
        if snapshot is None:
            return None
        if snapshot.lane.open_attempt:
            recover_expired_lease(self.account, snapshot.lane)
            return None
        using = self.account.database
        try:
            claimed = claim(using, self.account, state, snapshot, slot, self.rate_limit)
        except OvertakenError:
            return None
        if claimed is None:
            send_plan_signals(using, snapshot.lane, snapshot.plan)
        return claimed

    def _deliver(self, state: AccountState, claimed: Claim, begun: float) -> None:
        using = self.account.database
        answer = resolve(self._send(claimed, begun), state.known_address)
        self.calls += 1
        calls_logger.info("%s: %s", self.account.alias, call_line(claimed, answer))
        recorded = record(using, self.account, state, claimed, answer, self.rate_limit)
        problem = complaint(claimed, answer, recorded.verdict, repeats=recorded.repeats)
        if problem:
            logger.warning("%s: %s", self.account.alias, problem)
        if not recorded.owned:
            logger.warning("Lane %s: the lease ran out before the answer came.", claimed.lane)
        send_signals(using, claimed, recorded)

    def _send(self, claimed: Claim, begun: float) -> Answer:
        """Make the call, unless this process was frozen so long that its lease may be over."""
        timing = self.account.timing
        if (time.monotonic() - begun) * 1000 > timing.lease - timing.call_deadline:
            return Answer(outcome=Outcome.NOT_SENT, error="The lease was too old to send.")
        try:
            return self.backend.send(claimed.call)
        except Exception as error:  # a defect, or a worker's time limit: the call may be made
            logger.exception("%s: the backend raised.", self.account.alias)
            self.raised = True
            return Answer(outcome=Outcome.AMBIGUOUS, error=type(error).__name__)

    def _idle(self, state: AccountState) -> Drained:
        """Return when to come back; what is due now is in another worker's hands."""
        deadline_at = candidates.next_due_at(self.account)
        if deadline_at is None:
            return Drained(self.calls)
        pause = max(0.0, (deadline_at - state.now) / 1000)
        return Drained(self.calls, more=pause == 0, again_in=pause)


def _pause(state: AccountState, until: int | None) -> float:
    """Return the seconds until a time of the database's clock; a moment if it has come."""
    return max(1, (until or 0) - state.now + 1) / 1000


def read_state(account: Account) -> AccountState:
    """Return the account's state, made if need be, with ``now``, the database's clock."""
    states = AccountState.objects.using(account.database)
    rows = with_now(states.filter(account=account.alias))
    state = rows.first()
    if state is None:
        states.bulk_create([AccountState(account=account.alias)], ignore_conflicts=True)
        state = rows.get()
    return state
