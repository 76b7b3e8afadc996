"""Lanes and operations in lists: the least of a shell that makes the pure rules go, no database.

Around the real plan, verdict and closing stand a lease with a fence, and what settling and
recording change.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.content import Endpoint
from django_liveactivity.delivery.bodies import carry, content_call, end_call
from django_liveactivity.delivery.claim import Claim, OvertakenError
from django_liveactivity.delivery.planner import Plan, Rows, plan
from django_liveactivity.delivery.record import _is_certain
from django_liveactivity.delivery.settle import closing, settled
from django_liveactivity.delivery.sight import Sight
from django_liveactivity.delivery.verdict import Gate, Retry, Verdict, judge
from django_liveactivity.models import Lane, Operation

from .game import TIMING
from .phone import SECOND, Phone
from .truth import moved

Kind, State = Operation.Kind, Operation.State
PAUSES = {Retry.NOW: 0, Retry.BACKOFF: SECOND, Retry.HOURLY: 20 * SECOND}


class Memory:
    """Lanes and operations as instances in lists; ids are given as they are inserted."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.lanes: dict[str, Lane] = {}
        self.rows: dict[str, dict[int, Operation]] = defaultdict(dict)
        self.newest_id = 0
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
        self.newest_id += 1
        row = Operation(
            pk=self.newest_id,
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
        self.newest_id += 2

    def withhold(self, operation: Operation) -> Operation:
        return self.rows[operation.lane_digest].pop(operation.pk)

    def commit(self, withheld: Operation) -> None:
        self.rows[withheld.lane_digest][withheld.pk] = withheld

    def operations(self, key: str) -> list[Operation]:
        return [self.rows[key][pk] for pk in sorted(self.rows[key])]

    # A worker

    def look(self, key: str) -> Sight | None:
        lane = self.lanes.setdefault(key, Lane(pk=len(self.lanes) + 1, stream_key=key))
        if lane.lease_until > self.now:
            return None
        if lane.open_attempt:
            self._write_off(lane, *lane.open_attempt)
        seen = _twin(lane)
        seen.now = self.now
        mine, by_id = self.operations(key), self.rows[key].get
        unfinished = [o for o in mine if o.state in Operation.UNFINISHED]
        rows = Rows(unfinished, moved(mine), by_id(lane.newest_id), by_id(lane.shown_id))
        return Sight(seen, plan(seen, rows, self.now))

    def claim(self, sight: Sight) -> Claim | None:
        lane, decided = self.lanes[sight.lane.stream_key], sight.plan
        if lane.fence != sight.lane.fence or lane.lease_until > self.now:
            raise OvertakenError
        self._change(lane, settled(sight.lane, decided) | {"fence": lane.fence + 1})
        self._settle(lane, decided)
        if decided.send is None:
            return None
        if decided.ends:
            call = end_call(sight.lane, decided.ends, decided.final)
        else:
            call = content_call(sight.lane, decided.send, decided.unsent)
        opened = {"called": True, "open_attempt": (call.endpoint, decided.send.pk)}
        self._change(lane, opened | {"lease_until": self.now + TIMING.lease})
        mine = _twin(lane)
        mine.now = sight.lane.now
        return Claim(mine, decided, _twin(decided.send), call, 0, None)

    def _settle(self, lane: Lane, decided: Plan) -> None:
        self._finish(decided.superseded, State.SUPERSEDED)
        if decided.wait_until is not None:
            self._postpone([*decided.waiting, *decided.ends], decided.wait_until)
        if decided.unsent:
            heir = decided.send or decided.waiting[0]
            self._change(self._row(heir), {"carried": carry([*decided.unsent, heir])})
        self._finish(decided.kept, State.DONE)
        self._finish(decided.covered, State.DONE, Outcome.ALREADY_ENDED)
        if decided.never_started:
            self._finish(decided.ends, State.DONE, Outcome.NEVER_STARTED)
        if decided.expired:
            self._insert(lane.stream_key, Kind.END)

    def record(self, claim: Claim, answer: Answer) -> bool:
        lane = self.lanes[claim.lane.stream_key]
        if lane.fence != claim.lane.fence:
            return False
        verdict = judge(claim.call.endpoint, answer.outcome, bare=claim.operation.bare)
        if verdict.doubt:
            self._doubt(lane, claim.call.endpoint)
        self._change(lane, {"lease_until": 0, "open_attempt": 0})
        (self._record_end if claim.is_end else self._record_content)(lane, claim, answer, verdict)
        if answer.ended_activity_id:
            self._evict(answer.ended_activity_id.removeprefix("card-"))
        return True

    def _record_end(self, lane: Lane, claim: Claim, answer: Answer, verdict: Verdict) -> None:
        ends, waiting = claim.plan.ends, claim.plan.waiting
        if verdict.state != State.DONE:
            self._try_again(claim, verdict)
            self._postpone([*ends, *waiting], self._row(claim.operation).next_try_at)
        elif _is_certain(claim):
            self._change(lane, closing(claim.lane, ends) | {"newest_id": 0})
            self._finish(ends, State.DONE, answer.outcome)
            self._postpone(waiting, self.now)
            if claim.plan.reshow is not None:
                again = {"state": State.PENDING, "next_try_at": self.now}
                self._change(self._row(claim.plan.reshow), again)
        else:
            self._postpone([*ends, *waiting], claim.lane.stream_doubt_until)

    def _record_content(self, lane: Lane, claim: Claim, answer: Answer, verdict: Verdict) -> None:
        row = self._row(claim.operation)
        if verdict.state == State.PENDING:
            self._try_again(claim, verdict)
            return
        self._finish([row], verdict.state, answer.outcome)
        if verdict.state == State.FAILED:
            if lane.shown_id or not row.setbacks:
                self._change(lane, {"newest_id": lane.shown_id})
        else:
            held = Lane.Held.PAUSED if answer.outcome == Outcome.PAUSED else ""
            self._change(lane, {"shown_id": row.pk, "held": held})

    def _evict(self, key: str) -> None:
        lane = self.lanes[key]
        idle = lane.lease_until <= self.now
        self._change(lane, {"held": Lane.Held.EVICTED, "fence": lane.fence + idle})
        unsent = [o for o in self.operations(key) if o.state == State.PENDING]
        unsent = [o for o in unsent if o.kind in Operation.CONTENT_KINDS]
        self._finish(unsent, State.SUPERSEDED)

    def _doubt(self, lane: Lane, endpoint: Endpoint) -> None:
        lane.doubt_until = self.now + TIMING.quarantine
        if endpoint == Endpoint.STREAM:
            lane.stream_doubt_until = lane.doubt_until

    def _try_again(self, claim: Claim, verdict: Verdict) -> None:
        pause = PAUSES[verdict.retry] if verdict.retry else 0
        row = self._row(claim.operation)
        bare = row.bare or verdict.bare
        self._change(row, {"state": verdict.state, "bare": bare, "next_try_at": self.now + pause})
        self._count(row, failed=verdict.gate == Gate.FAILURE)

    def _write_off(self, lane: Lane, endpoint: Endpoint, operation: int) -> None:
        self._doubt(lane, endpoint)
        self._change(lane, {"open_attempt": 0, "lease_until": 0, "fence": lane.fence + 1})
        self._count(self.rows[lane.stream_key][operation], failed=True)

    @staticmethod
    def _count(row: Operation, *, failed: bool) -> None:
        row.tries += 1
        row.setbacks += failed

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
