"""Lanes and operations in lists: the least of a driver that makes the pure rules go, no database.

Around the real plan, verdict and closing stand a lease with a fence, and what settling and
recording change.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.lanes.apply import lane_changes, next_generation
from django_liveactivity.delivery.lanes.claim import Claim, OvertakenError
from django_liveactivity.delivery.lanes.record import is_certain
from django_liveactivity.delivery.lanes.snapshot import LaneSnapshot
from django_liveactivity.delivery.rules.bodies import content_call, end_call, inherit_options
from django_liveactivity.delivery.rules.plan import LaneRows, Plan, plan
from django_liveactivity.delivery.rules.verdicts import AccountEffect, Retry, Verdict, judge
from django_liveactivity.models import Lane, Operation

from .oracle import moved
from .phone import SECOND, Phone
from .simulation import TIMING

Kind, State = Operation.Kind, Operation.State
PAUSES = {Retry.NOW: 0, Retry.BACKOFF: SECOND, Retry.HOURLY: 20 * SECOND}


class Memory:
    """Lanes and operations as instances in lists; ids are given as they are inserted."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.lanes: dict[str, Lane] = {}
        self.rows: dict[str, dict[int, Operation]] = defaultdict(dict)
        self.last_id = 0
        phone.clock = 1_000_000

    @property
    def now(self) -> int:
        return self.phone.clock

    def fork(self, phone: Phone) -> Memory:
        """Return rows of their own that are as these."""
        fork = copy.copy(self)
        fork.phone = phone
        fork.lanes = {key: _twin(lane) for key, lane in self.lanes.items()}
        fork.rows = defaultdict(dict)
        for key, rows in self.rows.items():
            fork.rows[key] = {pk: _twin(row) for pk, row in rows.items()}
        return fork

    # The host

    def _insert(self, key: str, kind: Kind, *, after: int = 0, **values: Any) -> Operation:
        self.last_id += 1
        row = Operation(
            pk=self.last_id,
            kind=kind,
            created_at=self.now,
            due_at=self.now + after,
            next_try_at=self.now + after,
            lane_digest=key,
            activity_id=1,
            **values,
        )
        self.rows[key][row.pk] = row
        return row

    def show(self, key: str, serial: int, time_to_live: int | None) -> Operation:
        content = self._content(serial)
        return self._insert(key, Kind.STREAM, content=content, time_to_live=time_to_live)

    def end(self, key: str, after: int | None, serial: int | None = None) -> Operation:
        content = None if serial is None else self._content(serial)
        return self._insert(key, Kind.END, after=after or 0, content=content)

    @staticmethod
    def _content(serial: int) -> dict[str, Any]:
        return {"title": f"#{serial}", "type": "progress", "percentage": 1}

    def keep(self, key: str) -> Operation:
        return self._insert(key, Kind.KEEP)

    def undo(self, key: str, serial: int) -> None:
        self.last_id += 2

    def withhold(self, operation: Operation) -> Operation:
        return self.rows[operation.lane_digest].pop(operation.pk)

    def commit(self, withheld: Operation) -> None:
        self.rows[withheld.lane_digest][withheld.pk] = withheld

    def operations(self, key: str) -> list[Operation]:
        return [self.rows[key][pk] for pk in sorted(self.rows[key])]

    # A worker

    def read_lane(self, key: str) -> LaneSnapshot | None:
        lane = self.lanes.setdefault(key, Lane(pk=len(self.lanes) + 1, stream_key=key))
        if lane.lease_until > self.now:
            return None
        if lane.open_attempt:
            self._recover(lane, *lane.open_attempt)
        seen = _twin(lane)
        seen.now = self.now
        mine, by_id = self.operations(key), self.rows[key].get
        unfinished = [o for o in mine if o.state in Operation.UNFINISHED]
        rows = LaneRows(
            unfinished, moved(mine), by_id(lane.newest_content_id), by_id(lane.displayed_id)
        )
        return LaneSnapshot(seen, plan(seen, rows, self.now))

    def claim(self, snapshot: LaneSnapshot) -> Claim | None:
        lane, decided = self.lanes[snapshot.lane.stream_key], snapshot.plan
        if lane.fence != snapshot.lane.fence or lane.lease_until > self.now:
            raise OvertakenError
        self._change(lane, lane_changes(snapshot.lane, decided) | {"fence": lane.fence + 1})
        self._settle(lane, decided)
        if decided.send is None:
            return None
        if decided.ends:
            call = end_call(snapshot.lane, decided.ends, decided.final)
        else:
            call = content_call(snapshot.lane, decided.send, decided.unsent)
        opened = {"ever_called": True, "open_attempt": (call.endpoint, decided.send.pk)}
        self._change(lane, opened | {"lease_until": self.now + TIMING.lease})
        mine = _twin(lane)
        mine.now = snapshot.lane.now
        return Claim(mine, decided, _twin(decided.send), call, 0, None)

    def _settle(self, lane: Lane, decided: Plan) -> None:
        self._finish(decided.superseded, State.SUPERSEDED)
        if decided.defer_until is not None:
            self._postpone([*decided.deferred, *decided.ends], decided.defer_until)
        if decided.unsent:
            heir = decided.send or decided.deferred[0]
            self._change(
                self._row(heir), {"inherited_options": inherit_options([*decided.unsent, heir])}
            )
        self._finish(decided.cancelled_schedules, State.DONE)
        self._finish(decided.already_covered, State.DONE, Outcome.ALREADY_ENDED)
        if decided.never_started:
            self._finish(decided.ends, State.DONE, Outcome.NEVER_STARTED)
        if decided.expired:
            self._insert(lane.stream_key, Kind.END)

    def record(self, claim: Claim, answer: Answer) -> bool:
        lane = self.lanes[claim.lane.stream_key]
        if lane.fence != claim.lane.fence:
            return False
        verdict = judge(claim.call.endpoint, answer.outcome, stripped=claim.operation.stripped)
        if verdict.quarantines:
            self._doubt(lane, claim.call.endpoint)
        self._change(lane, {"lease_until": 0, "open_attempt": 0})
        (self._record_end if claim.is_end else self._record_content)(lane, claim, answer, verdict)
        if answer.ended_activity_id:
            self._evict(answer.ended_activity_id.removeprefix("card-"))
        return True

    def _record_end(self, lane: Lane, claim: Claim, answer: Answer, verdict: Verdict) -> None:
        ends, deferred = claim.plan.ends, claim.plan.deferred
        if verdict.state != State.DONE:
            self._try_again(claim, verdict)
            self._postpone([*ends, *deferred], self._row(claim.operation).next_try_at)
        elif is_certain(claim):
            self._change(lane, next_generation(claim.lane, ends) | {"newest_content_id": 0})
            self._finish(ends, State.DONE, answer.outcome)
            self._postpone(deferred, self.now)
            if claim.plan.redisplay is not None:
                again = {"state": State.PENDING, "next_try_at": self.now}
                self._change(self._row(claim.plan.redisplay), again)
        else:
            self._postpone([*ends, *deferred], claim.lane.stream_ambiguous_until)

    def _record_content(self, lane: Lane, claim: Claim, answer: Answer, verdict: Verdict) -> None:
        row = self._row(claim.operation)
        if verdict.state == State.PENDING:
            self._try_again(claim, verdict)
            return
        self._finish([row], verdict.state, answer.outcome)
        if verdict.state == State.FAILED:
            if lane.displayed_id or not row.failures:
                self._change(lane, {"newest_content_id": lane.displayed_id})
        else:
            hidden_because = Lane.HiddenBecause.PAUSED if answer.outcome == Outcome.PAUSED else ""
            self._change(lane, {"displayed_id": row.pk, "hidden_because": hidden_because})

    def _evict(self, key: str) -> None:
        lane = self.lanes[key]
        idle = lane.lease_until <= self.now
        self._change(
            lane, {"hidden_because": Lane.HiddenBecause.EVICTED, "fence": lane.fence + idle}
        )
        unsent = [o for o in self.operations(key) if o.state == State.PENDING]
        unsent = [o for o in unsent if o.kind in Operation.CONTENT_KINDS]
        self._finish(unsent, State.SUPERSEDED)

    def _doubt(self, lane: Lane, endpoint: Endpoint) -> None:
        lane.ambiguous_until = self.now + TIMING.quarantine
        if endpoint == Endpoint.STREAM:
            lane.stream_ambiguous_until = lane.ambiguous_until

    def _try_again(self, claim: Claim, verdict: Verdict) -> None:
        pause = PAUSES[verdict.retry] if verdict.retry else 0
        row = self._row(claim.operation)
        stripped = row.stripped or verdict.strips
        self._change(
            row, {"state": verdict.state, "stripped": stripped, "next_try_at": self.now + pause}
        )
        self._count(row, failed=verdict.effect == AccountEffect.FAILURE)

    def _recover(self, lane: Lane, endpoint: Endpoint, operation: int) -> None:
        self._doubt(lane, endpoint)
        self._change(lane, {"open_attempt": 0, "lease_until": 0, "fence": lane.fence + 1})
        self._count(self.rows[lane.stream_key][operation], failed=True)

    @staticmethod
    def _count(row: Operation, *, failed: bool) -> None:
        row.tries += 1
        row.failures += failed

    def _postpone(self, rows: Sequence[Operation], until: int) -> None:
        for row in map(self._row, rows):
            if row.state in Operation.UNFINISHED:
                row.next_try_at = until

    def _finish(self, rows: Any, state: str, outcome: str = "") -> None:
        for row in rows:
            changes = {"state": state, "outcome": outcome, "next_try_at": None}
            self._change(self._row(row), changes)

    def _row(self, operation: Operation) -> Operation:
        return self.rows[operation.lane_digest][operation.pk]

    @staticmethod
    def _change(row: Any, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(row, name, value)


def _twin(row: Any) -> Any:
    """Return a row with the same values; copy.copy of a model instance takes ten times as long."""
    twin = object.__new__(type(row))
    twin.__dict__.update(row.__dict__)
    return twin
