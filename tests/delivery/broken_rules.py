"""Rules, broken on purpose, one at a time: the walk has to find each within a few events."""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import pytest

from django_liveactivity.client import Outcome
from django_liveactivity.delivery.lanes import record
from django_liveactivity.delivery.rules import bodies, plan, verdicts
from django_liveactivity.delivery.rules.plan import LaneRows, Plan
from django_liveactivity.models import Lane, Operation

from . import memory, oracle
from .memory import Memory
from .walk import EVENTS

Kind = Operation.Kind
PACKAGES = ("django_liveactivity.", "tests.delivery.")
PUT, DELETE = 0, 2


class Breaking:
    """Puts broken rules in the place of sound ones, until its patch is undone."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.patch = patch

    def function(self, original: Any, broken: Any) -> None:
        """Replace a function wherever it was imported."""
        for name, module in list(sys.modules.items()):
            if name.startswith(PACKAGES):
                for key, value in list(vars(module).items()):
                    if value is original:
                        self.patch.setattr(module, key, broken)

    def method(self, name: str, broken: Callable[..., Any]) -> None:
        """Wrap a method of the rows: the broken one is given the sound one first."""
        sound = getattr(Memory, name)
        self.patch.setattr(Memory, name, lambda *args: broken(sound, *args))

    def cell(self, outcome: Outcome, column: int, broken: verdicts.Verdict) -> None:
        """Replace one cell of the verdict table."""
        cells = list(verdicts.TABLE[outcome])
        cells[column] = broken
        self.patch.setitem(verdicts.TABLE, outcome, tuple(cells))

    def plan(
        self,
        after: Callable[[Plan, LaneRows], Plan] = lambda decided, rows: decided,
        *,
        rows: Callable[[LaneRows], LaneRows] = lambda rows: rows,
        **lane: Any,
    ) -> None:
        """Change what the planner sees, or what it says."""
        sound = plan.plan

        def broken(seen: Lane, seen_rows: LaneRows, now: int) -> Plan:
            twin = memory._twin(seen)
            twin.__dict__.update(lane)
            changed = rows(seen_rows)
            return after(sound(twin, changed, now), changed)

        self.function(sound, broken)


def a_late_put_leaves_no_doubt(breaking: Breaking) -> None:
    breaking.cell(Outcome.AMBIGUOUS, PUT, verdicts.RETRY)


def a_late_delete_leaves_no_doubt(breaking: Breaking) -> None:
    breaking.cell(Outcome.AMBIGUOUS, DELETE, verdicts.RETRY)


def a_crash_leaves_no_doubt(breaking: Breaking) -> None:
    def recover_expired_lease(sound: Any, rows: Memory, lane: Lane, *rest: Any) -> None:
        before = lane.ambiguous_until, lane.stream_ambiguous_until
        sound(rows, lane, *rest)
        lane.ambiguous_until, lane.stream_ambiguous_until = before

    breaking.method("_recover", recover_expired_lease)


def an_end_is_never_confirmed(breaking: Breaking) -> None:
    breaking.function(record.is_certain, lambda claim: True)


def the_next_generation_does_not_wait(breaking: Breaking) -> None:
    breaking.plan(ambiguous_until=0)


def an_end_closes_nothing(breaking: Breaking) -> None:
    breaking.function(plan.closes, lambda ends, content: False)
    breaking.function(plan._is_past, lambda content, lane: False)


def content_goes_before_a_due_end(breaking: Breaking) -> None:
    def without_ends(rows: LaneRows) -> LaneRows:
        contents = [o for o in rows.unfinished if o.kind in Operation.CONTENT_KINDS]
        return replace(rows, unfinished=contents or rows.unfinished)

    breaking.plan(rows=without_ends)


def the_third_try_of_an_end_loses_its_content(breaking: Breaking) -> None:
    def lose(decided: Plan, rows: LaneRows) -> Plan:
        third = decided.ends and decided.ends[-1].tries >= 2
        return replace(decided, final=None) if third else decided

    breaking.plan(lose)


def a_waiting_card_takes_the_place_of_the_ending_one(breaking: Breaking) -> None:
    def forget(decided: Plan, rows: LaneRows) -> Plan:
        return replace(decided, newest=(*decided.deferred, decided.newest)[0])

    breaking.plan(forget)


def content_is_remembered_beyond_its_end(breaking: Breaking) -> None:
    def record_end(sound: Any, rows: Memory, lane: Lane, *rest: Any) -> None:
        newest_content_id = lane.newest_content_id
        sound(rows, lane, *rest)
        lane.newest_content_id = newest_content_id

    breaking.method("_record_end", record_end)


def an_end_has_no_body(breaking: Breaking) -> None:
    breaking.function(bodies._phone_is_up_to_date, lambda *args: True)


def older_content_of_two_is_sent(breaking: Breaking) -> None:
    def send_older(decided: Plan, rows: LaneRows) -> Plan:
        return replace(decided, send=decided.unsent[0]) if decided.unsent else decided

    breaking.plan(send_older)


def newer_content_cancels_an_end(breaking: Breaking) -> None:
    def moved(rows: oracle.Operations) -> frozenset[int]:
        return frozenset(o.pk for o in rows[:-1] if o.kind == Kind.END)

    breaking.function(oracle.moved, moved)


def a_keep_cancels_an_end_that_is_due(breaking: Breaking) -> None:
    sound = oracle.moved

    def moved(rows: oracle.Operations) -> frozenset[int]:
        keep = max((o.pk for o in rows if o.kind == Kind.KEEP), default=0)
        return sound(rows) | {o.pk for o in rows if o.kind == Kind.END and o.pk < keep}

    breaking.function(sound, moved)


def a_keep_keeps_nothing(breaking: Breaking) -> None:
    breaking.function(oracle.moved, lambda rows: frozenset())


def every_end_is_covered(breaking: Breaking) -> None:
    def cover(decided: Plan, rows: LaneRows) -> Plan:
        return replace(
            decided, already_covered=decided.ends, ends=(), send=None, never_started=False
        )

    breaking.plan(lambda decided, rows: cover(decided, rows) if decided.ends else decided)


def a_card_ends_without_a_call_that_was_called(breaking: Breaking) -> None:
    breaking.plan(ever_called=False)


def time_to_live_is_no_matter(breaking: Breaking) -> None:
    breaking.function(plan._deadline, lambda newest: None)


def time_to_live_is_over_at_once(breaking: Breaking) -> None:
    sound = plan._deadline
    breaking.function(sound, lambda newest: newest.created_at if sound(newest) else None)


def a_429_ends_a_card(breaking: Breaking) -> None:
    breaking.cell(Outcome.RATE_LIMITED, DELETE, verdicts.DONE)


def a_429_fails_content(breaking: Breaking) -> None:
    breaking.cell(Outcome.RATE_LIMITED, PUT, verdicts.FAIL)


def a_lost_answer_ends_a_card(breaking: Breaking) -> None:
    breaking.cell(Outcome.AMBIGUOUS, DELETE, verdicts.DONE)


def a_lost_answer_shows_a_card(breaking: Breaking) -> None:
    breaking.cell(Outcome.AMBIGUOUS, PUT, verdicts.DONE)


def leases_hold_nobody_back(breaking: Breaking) -> None:
    def read_lane(sound: Any, rows: Memory, key: str) -> Any:
        if key in rows.lanes:
            rows.lanes[key].lease_until = 0
        return sound(rows, key)

    breaking.method("read_lane", read_lane)


def fences_hold_nobody_back(breaking: Breaking) -> None:
    def store(sound: Any, rows: Memory, claim: Any, answer: Any) -> bool:
        claim.lane.fence = rows.lanes[claim.lane.stream_key].fence
        return sound(rows, claim, answer)

    breaking.method("record", store)


@dataclass(frozen=True)
class BrokenRule:
    """A rule broken on purpose, what the walk says of it, and the events that it needs."""

    apply: Callable[[Breaking], None]
    found_as: str
    depth: int = 4
    events: tuple[str, ...] = EVENTS


LIVES_ON = "a card lives on after its end"
TOO_EARLY = "a PUT was sent while a DELETE may yet arrive"
NOT_NEWEST = "the ended card does not show the newest content"
ANOTHER = "the ended card shows content of another generation"
DEEPER = {"depth": 5, "events": ("show!", "show", "end", "rate_limited")}

BROKEN_RULES = [
    BrokenRule(a_late_put_leaves_no_doubt, LIVES_ON),
    BrokenRule(a_late_delete_leaves_no_doubt, TOO_EARLY),
    BrokenRule(a_crash_leaves_no_doubt, LIVES_ON),
    BrokenRule(an_end_is_never_confirmed, LIVES_ON),
    BrokenRule(the_next_generation_does_not_wait, TOO_EARLY),
    BrokenRule(an_end_closes_nothing, NOT_NEWEST, events=("show", "end!")),
    BrokenRule(content_goes_before_a_due_end, "content before a due end"),
    BrokenRule(the_third_try_of_an_end_loses_its_content, NOT_NEWEST, **DEEPER),
    BrokenRule(a_waiting_card_takes_the_place_of_the_ending_one, NOT_NEWEST, **DEEPER),
    BrokenRule(
        content_is_remembered_beyond_its_end, "the ended card shows content of another generation"
    ),
    BrokenRule(an_end_has_no_body, NOT_NEWEST),
    BrokenRule(older_content_of_two_is_sent, "older content than the newest"),
    BrokenRule(newer_content_cancels_an_end, "an end is lost"),
    BrokenRule(a_keep_cancels_an_end_that_is_due, "an end is lost"),
    BrokenRule(a_keep_keeps_nothing, "an end that was moved or cancelled in time"),
    BrokenRule(every_end_is_covered, "is lost"),
    BrokenRule(a_card_ends_without_a_call_that_was_called, "never_started, and there were calls"),
    BrokenRule(time_to_live_is_no_matter, "a card outlives its time to live"),
    BrokenRule(time_to_live_is_over_at_once, "a card whose time is not over"),
    BrokenRule(a_429_ends_a_card, LIVES_ON),
    BrokenRule(a_429_fails_content, "content failed that was not refused"),
    BrokenRule(a_lost_answer_ends_a_card, TOO_EARLY),
    BrokenRule(a_lost_answer_shows_a_card, "the phone does not show the newest content"),
    BrokenRule(leases_hold_nobody_back, "a lane was seen free while a call was in flight"),
    BrokenRule(fences_hold_nobody_back, "an overtaken worker stored its answer"),
]
