"""Deliver what is due for an account, one call after the other, for a bounded time."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace

from django.core.exceptions import ImproperlyConfigured
from django.db import Error
from django.db.models import Exists, F, OuterRef, QuerySet, Subquery
from django.db.models.expressions import BaseExpression
from django.db.models.functions import Coalesce

from django_liveactivity import conf
from django_liveactivity.backends import BaseBackend, get_backend
from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.client.deadline import deadline_at
from django_liveactivity.conf import Account
from django_liveactivity.exceptions import AccountSourceError, UnknownAccountError
from django_liveactivity.health.condition import Condition, condition_of
from django_liveactivity.models import (
    AccountState,
    DrainPermit,
    Heartbeat,
    Operation,
    OperatorAction,
    RateLimitSlot,
    rows_of,
    with_now,
)
from django_liveactivity.models.base import FINGERPRINT_LENGTH
from django_liveactivity.printable import get_logger

from .lanes import candidates
from .lanes.apply import defer_lane
from .lanes.candidates import Target
from .lanes.claim import Claim, DrainContext, OvertakenError, claim, recover_expired_lease
from .lanes.record import record
from .lanes.snapshot import read_lane
from .limits import permits, rate
from .limits.admission import admission, clear_alarm, open_for_another_key, set_alarm
from .notify import log_call, report, send_plan_signals
from .operator_actions import apply_operator_actions
from .rules.verdicts import resolve
from .transaction import fresh_session_after_error

LONGEST_DELAY = 60.0
"""Seconds: what waits longer is the sweep's; brokers hold delayed messages in their workers."""
LATE_SWEEPS = 2
"""How many sweeps may be missed before a drain asks for one."""

logger = get_logger("django_liveactivity.delivery")


@dataclass(frozen=True)
class Drained:
    """The result of one drain.

    Args:
        calls: the HTTP calls that were made.
        more: something is still due and waits for a slot, the account or another worker.
        again_in: seconds until a drain finds something to do, or None if nothing is planned.
        wake_in: wake the account after this many seconds; 0 if the drain stopped with work left,
            None if no wake-up is needed.
        alarm: the moment of ``wake_in``, in milliseconds of the database's clock; 0 if none was
            set. Pass it to the drain that this wake-up starts.
        ends_wait: what waits are ends, and any further end would wait as long.
        condition: whether the account makes the calls that are due; ``unknown`` if the account
            source has no such account, or does not answer.
        is_sweep_late: no sweep has run for a while, so the caller should run one.
    """

    calls: int = 0
    more: bool = False
    again_in: float | None = None
    wake_in: float | None = None
    alarm: int = 0
    ends_wait: bool = False
    condition: Condition = Condition.OPEN
    is_sweep_late: bool = False


def drain(
    alias: str = conf.DEFAULT_ACCOUNT,
    *,
    seconds: float | None = None,
    stop: threading.Event | None = None,
    on_backlog: Callable[[], None] | None = None,
    alarm: int | None = None,
) -> Drained:
    """Deliver what is due for an account and may go now; never wait.

    Where a slot, the spacing of content or a pause of the account is to be waited for, the drain
    sets the account's alarm to that moment and returns: the queue is the scheduler.

    Args:
        alias: the account.
        seconds: how long at most; by default the 5 s of ``Timing``. A call that was begun is
            finished.
        stop: an event that ends the drain after the call in flight.
        on_backlog: called once if there is more to do than one worker can do in time, and a permit
            for one more drain: so that a wake-up brings as many workers as there is work for.
        alarm: the ``alarm`` of the drain that asked for this wake-up, 0 if it comes from elsewhere.
            None: the queue cannot tell. Only by this number a drain knows whether another wake-up
            of the account is on its way, and needs none of its own.

    Returns:
        What was done, and whether and when there is more to do. A drain without a permit, because
        four others are at work, does nothing.

    Raises:
        UnknownAccountError: if there is no such account, and no account source either.
    """
    common = conf.stand_in(alias)
    with fresh_session_after_error(common.database):
        limit = common.timing.drain / 1000
        deadline = time.monotonic() + min(limit, limit if seconds is None else seconds)
        try:
            account = conf.account(alias)
            return _Drain(account, deadline, stop or threading.Event(), on_backlog, alarm).run()
        except (UnknownAccountError, AccountSourceError, ImproperlyConfigured) as error:
            if not common.from_source:
                raise
            # Its ends stay pending: the account may come back, and so does the source.
            logger.warning("%s: nothing can be sent. %s", alias, error)
            pause = common.timing.sweep / 1000
            return Drained(more=True, again_in=pause, ends_wait=True, condition=Condition.UNKNOWN)


@dataclass
class _Drain:
    account: Account
    deadline: float
    stop: threading.Event
    on_backlog: Callable[[], None] | None
    alarm: int | None
    backlog: bool = False
    calls: int = 0
    longest: float = 0.0
    raised: bool = False
    ends_wait: bool = False

    def __post_init__(self) -> None:
        self._use(self.account)

    def _use(self, account: Account) -> None:
        self.account = account
        self.backend: BaseBackend = get_backend(account.alias)
        self.rate_limit = rate.RateLimit.of(self.backend.rate_limit)

    def _refresh(self) -> None:
        """Go on with the account as it is now: its key may be another one, or be gone."""
        account = conf.account(self.account.alias)
        if account is not self.account:
            self._use(account)
            read_state(account, self.rate_limit)  # which makes slots that lack

    def run(self) -> Drained:
        if self.alarm:
            clear_alarm(self.account, self.alarm)
        state = read_state(self.account, self.rate_limit)
        if open_for_another_key(self.account, state, _fingerprint(self.backend)):
            state = read_state(self.account, self.rate_limit)
        late = state.swept_at is None or (
            state.now - state.swept_at > LATE_SWEEPS * self.account.timing.sweep
        )
        allowed = permits.allowed_drains(state)
        with permits.permit(self.account, allowed) as permit:
            if permit is None:
                self.ends_wait = True
                done = self._wait(state, permits.first_free_at(self.account, allowed))
            else:
                left = state.has_actions and apply_operator_actions(self.account, self.deadline)
                done = self._work(permit)
                if left:
                    done = replace(done, more=True, again_in=0.0, wake_in=0.0)
        return replace(done, is_sweep_late=late)

    def _work(self, permit: permits.Permit) -> Drained:
        if permit.number == permits.PERMITS - 1:
            self.on_backlog = None  # there is no room for one more
        while True:
            self._refresh()
            state = rate.state_and_slot(self.account, self.rate_limit, permit.number)
            ready_at = self._serve(state)
            if ready_at is None:
                return self._idle(state)
            if ready_at > state.now:
                return self._wait(state, ready_at)
            over = self.stop.is_set() or self.raised or time.monotonic() >= self.deadline
            if over or not permit.renew():
                condition = condition_of(state).condition
                return Drained(self.calls, True, 0.0, 0.0, condition=condition)

    def _serve(self, state: AccountState) -> int | None:
        """Serve one lane; return when the next may be served, or None if nothing is due."""
        if self.backlog and state.free_slot is None:
            self.ends_wait = True
            return max(state.now + 1, state.slot_free_at or 0)
        waits: list[int] = []
        self.ends_wait = False
        for target in candidates.targets(self.account, state, admission(state)):
            slot, ready_at = self._slot_for(target, state)
            if ready_at <= state.now:
                if self.on_backlog is not None and self.calls and self._needs_help(target):
                    self.on_backlog()
                    self.on_backlog = None
                self._call(state, target, slot)
                self.backlog = bool(self.rate_limit.calls and target.is_one_of_many)
                return state.now
            waits.append(ready_at)
            self.ends_wait |= target.rank == Operation.Rank.END
            if not target.is_retried:
                break  # what would come after it waits for the same
        return min(waits, default=None)

    def _needs_help(self, target: Target) -> bool:
        """Tell whether one more drain would speed this up.

        Content is spaced: one worker keeps that pace, unless a call takes longer than the spacing.
        """
        is_content = target.rank in Operation.CONTENT_RANKS
        return not is_content or self.longest * 1000 > self.rate_limit.spacing

    def _slot_for(self, target: Target, state: AccountState) -> tuple[int | None, int]:
        """Return a slot for the target's call, if it needs one, and when the call may be made."""
        if not self.rate_limit.calls or not target.needs_call or target.ready_at > state.now:
            return None, target.ready_at
        slot, free_at = state.free_slot, state.slot_free_at
        if target.is_retried:
            slot, free_at = rate.find_for_retry(self.account, self.rate_limit)
        return slot, target.ready_at if slot else max(free_at or 0, state.now + 1)

    def _call(self, state: AccountState, target: Target, slot: int | None) -> None:
        begun, key = time.monotonic(), _fingerprint(self.backend)
        context = DrainContext(self.account, state, self.rate_limit, key)
        try:
            claimed = self._claim(context, target, slot)
        except Error:  # of the database: the whole drain fails and comes again
            raise
        except Exception:  # one lane that cannot be planned must not hold up the others
            logger.exception("Lane %s is set aside for a while.", target.digest)
            defer_lane(self.account, target.digest)
            return
        if claimed is not None:
            self._deliver(context, claimed, begun)

    def _claim(self, context: DrainContext, target: Target, slot: int | None) -> Claim | None:
        snapshot = read_lane(self.account, target, context.state.now)
        if snapshot is None:
            return None
        if snapshot.lane.open_attempt:
            recover_expired_lease(self.account, snapshot.lane)
            return None
        try:
            claimed = claim(context, snapshot, slot)
        except OvertakenError:
            return None
        if claimed is None:
            send_plan_signals(self.account, snapshot.lane, snapshot.plan)
        return claimed

    def _deliver(self, context: DrainContext, claimed: Claim, begun: float) -> None:
        answer = resolve(self._send(claimed, begun), context.state.known_address)
        self.calls += 1
        self.longest = max(self.longest, answer.duration)
        log_call(self.account, claimed, answer)
        replaced = answer.outcome == Outcome.UNAUTHORIZED and self._is_key_replaced(context)
        recorded = record(context, claimed, answer, is_key_replaced=replaced)
        report(self.account, claimed, answer, recorded)

    def _is_key_replaced(self, context: DrainContext) -> bool:
        """Tell whether the account has another key by now than the one that was refused."""
        conf.forget_version()
        try:
            used = _fingerprint(get_backend(self.account.alias))
        except (UnknownAccountError, AccountSourceError, ImproperlyConfigured):
            return False
        return used != context.key_fingerprint

    def _is_current(self) -> bool:
        """Tell whether the account is as it was when the call was claimed."""
        try:
            return conf.account(self.account.alias) is self.account
        except (UnknownAccountError, AccountSourceError, ImproperlyConfigured):
            return False

    def _send(self, claimed: Claim, begun: float) -> Answer:
        """Make the call, unless this process was frozen so long that its lease may be over.

        What is frozen later sends no more bytes, either: the lease bounds the call, too.
        """
        timing = self.account.timing
        if not self._is_current():
            error = "The account was changed before the call was made."
            return Answer(outcome=Outcome.NOT_SENT, error=error)
        lease_over = begun + timing.lease / 1000
        if time.monotonic() > lease_over - timing.call_deadline / 1000:
            return Answer(outcome=Outcome.NOT_SENT, error="The lease was too old to send.")
        try:
            with deadline_at(lease_over):
                return self.backend.send(claimed.call)
        except Exception as error:  # a defect, or a worker's time limit: the call may be made
            logger.exception("%s: the backend raised.", self.account.alias)
            self.raised = True
            return Answer(outcome=Outcome.AMBIGUOUS, error=type(error).__name__)

    def _idle(self, state: AccountState) -> Drained:
        """Return when to come back; what is due now is in another worker's hands."""
        at = candidates.next_due_at(self.account)
        if at is None or at <= state.now:
            return Drained(self.calls, more=at is not None, again_in=None if at is None else 0.0)
        return replace(self._wait(state, at), more=False)

    def _wait(self, state: AccountState, at: int) -> Drained:
        """Leave the account to its alarm, or to the sweep if that comes first."""
        seconds = max(1, at - state.now + 1) / 1000
        grace = 0 if self.alarm is None else self.account.timing.alarm_grace
        moved = seconds <= LONGEST_DELAY and set_alarm(self.account, at, grace)
        return Drained(
            self.calls,
            more=True,
            again_in=seconds,
            wake_in=seconds if moved else None,
            alarm=at if moved else 0,
            ends_wait=self.ends_wait,
            condition=condition_of(state).condition,
        )


def _fingerprint(backend: BaseBackend) -> str:
    """Return the fingerprint of a backend's key as it is stored: a project's may give more."""
    return backend.key_fingerprint[:FINGERPRINT_LENGTH]


def read_state(account: Account, rate_limit: rate.RateLimit = rate.NO_LIMIT) -> AccountState:
    """Return the account's state with what a drain begins with; rows that lack are made."""
    rows = _described_state(account)
    state = rows.first()
    if state is not None and state.permits and state.slots >= rate_limit.calls:
        return state
    AccountState.objects.using(account.database).bulk_create(
        [AccountState(account=account.alias)], ignore_conflicts=True
    )
    permits.ensure_rows(account)
    rate.ensure_rows(account, rate_limit, known=0 if state is None else state.slots)
    return rows.get()


def _described_state(account: Account) -> QuerySet[AccountState, AccountState]:
    mine = {"account": OuterRef("account")}
    slots = RateLimitSlot.objects.filter(**mine).order_by("-number").values(known=F("number") + 1)
    actions = OperatorAction.objects.filter(**mine, applied_at=None)
    found: dict[str, BaseExpression] = {
        "permits": Exists(DrainPermit.objects.filter(**mine)),
        "slots": Coalesce(Subquery(slots[:1]), 0),
        "has_actions": Exists(actions),
        "swept_at": Subquery(Heartbeat.objects.values("beat_at")[:1]),
    }
    return with_now(rows_of(account, AccountState)).annotate(**found)
