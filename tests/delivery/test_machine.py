"""The planner, under hosts, workers and a vendor that do anything in any order: no database.

Around the real plan, verdict and closing stands the least of a shell that makes it go: a lease
with a fence, and what settling and recording change. ``test_machine_rows.py`` plays the same
game with the real one.
"""

from __future__ import annotations

import copy
from collections import defaultdict
from typing import Any

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.content import Endpoint
from django_liveactivity.delivery.lanes.apply import lane_changes, next_generation
from django_liveactivity.delivery.lanes.claim import Claim, OvertakenError
from django_liveactivity.delivery.lanes.snapshot import LaneSnapshot
from django_liveactivity.delivery.rules.bodies import content_call, end_call
from django_liveactivity.delivery.rules.plan import LaneRows, Plan, plan
from django_liveactivity.delivery.rules.verdicts import Retry, Verdict, judge
from django_liveactivity.models import Lane, LiveActivity, Operation

from .oracle import moved
from .phone import SECOND, Phone
from .state_machine import TIMING, Machine, games

Kind, State = Operation.Kind, Operation.State
PAUSES = {Retry.NOW: 0, Retry.BACKOFF: SECOND, Retry.HOURLY: 20 * SECOND}


class Memory:
    """Lanes and operations as instances in lists; ids are given as they are inserted."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        self.lanes: dict[str, Lane] = {}
        self.rows: dict[str, dict[int, Operation]] = defaultdict(dict)
        self.newest_content_id = 0
        phone.clock = 1_000_000

    @property
    def now(self) -> int:
        return self.phone.clock

    # The host

    def _insert(self, key: str, kind: Kind, *, after: int = 0, **values: Any) -> Operation:
        self.newest_content_id += 1
        row = Operation(
            pk=self.newest_content_id,
            kind=kind,
            created_at=self.now,
            due_at=self.now + after,
            next_try_at=self.now + after,
            lane_digest=key,
            activity=LiveActivity(pk=1, stream_key=key),
            **values,
        )
        self.rows[key][row.pk] = row
        return row

    def show(self, key: str, serial: int, time_to_live: int | None) -> Operation:
        content = {"title": f"#{serial}", "type": "progress", "percentage": 1}
        return self._insert(key, Kind.STREAM, content=content, time_to_live=time_to_live)

    def end(self, key: str, after: int | None) -> Operation:
        return self._insert(key, Kind.END, after=after or 0)

    def keep(self, key: str) -> Operation:
        return self._insert(key, Kind.KEEP)

    def undo(self, key: str, serial: int) -> None:
        self.newest_content_id += 2

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
            self._doubt(lane, Endpoint(lane.open_attempt))
            lane.open_attempt = 0
        seen = copy.copy(lane)
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
        opened = {"ever_called": True, "open_attempt": call.endpoint}
        self._change(lane, opened | {"lease_until": self.now + TIMING.lease})
        mine = copy.copy(lane)
        mine.now = snapshot.lane.now
        return Claim(mine, decided, copy.copy(decided.send), call, 0, None)

    def _settle(self, lane: Lane, decided: Plan) -> None:
        self._finish(decided.superseded, State.SUPERSEDED)
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
        certain = claim.started_at >= claim.lane.stream_ambiguous_until
        if verdict.state != State.DONE:
            self._try_again(claim, verdict)
        elif certain:
            self._change(
                lane, next_generation(claim.lane, claim.plan.ends) | {"newest_content_id": 0}
            )
            self._finish(claim.plan.ends, State.DONE, answer.outcome)
            if claim.plan.redisplay is not None:
                self._change(
                    claim.plan.redisplay, {"state": State.PENDING, "next_try_at": self.now}
                )
        else:
            for end in claim.plan.ends:
                end.next_try_at = claim.lane.stream_ambiguous_until

    def _record_content(self, lane: Lane, claim: Claim, answer: Answer, verdict: Verdict) -> None:
        row = self._row(claim.operation)
        if verdict.state == State.PENDING:
            self._try_again(claim, verdict)
            return
        self._finish([row], verdict.state, answer.outcome)
        if verdict.state == State.FAILED:
            self._change(lane, {"newest_content_id": claim.lane.displayed_id})
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

    def _finish(self, rows: Any, state: str, outcome: str = "") -> None:
        for row in rows:
            changes = {"state": state, "outcome": outcome, "next_try_at": None}
            self._change(self._row(row), changes)

    def _row(self, operation: Operation) -> Operation:
        return self.rows[operation.activity.stream_key][operation.pk]

    @staticmethod
    def _change(row: Any, changes: dict[str, Any]) -> None:
        for name, value in changes.items():
            setattr(row, name, value)


class PlannerMachine(Machine):
    """The machine over the planner alone."""

    shell = Memory


TestPlanner = PlannerMachine.TestCase
TestPlanner.settings = games(2.0)
