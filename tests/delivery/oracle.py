"""What must be true of a plan, and of the rows of a lane, whatever happened before: pure."""

from __future__ import annotations

from collections.abc import Sequence

from django_liveactivity.client import Outcome
from django_liveactivity.client.call import Call
from django_liveactivity.delivery.rules.plan import Plan
from django_liveactivity.models import Operation

from .phone import title_serial

Kind, State = Operation.Kind, Operation.State
Operations = Sequence[Operation]


def contents(rows: Operations) -> list[Operation]:
    """The contents that the vendor has not refused."""
    mine = [o for o in rows if o.kind in Operation.CONTENT_KINDS]
    return [o for o in mine if o.state != State.FAILED]


def is_moved(end: Operation, rows: Operations) -> bool:
    """Tell whether a newer end or keep took the place of a scheduled end before it was due."""
    newer = [o for o in rows if o.kind in (Kind.END, Kind.KEEP) and o.pk > end.pk]
    return is_scheduled(end) and any(o.created_at < end.due_at for o in newer)


def moved(rows: Operations) -> frozenset[int]:
    """The ids of the ends whose place a newer end or keep took."""
    return frozenset(o.pk for o in rows if o.kind == Kind.END and is_moved(o, rows))


def is_scheduled(end: Operation) -> bool:
    """Tell whether the end was asked for a later time."""
    return end.due_at > end.created_at


def is_due(end: Operation, now: int) -> bool:
    """Tell whether the end's time has come; that of an unscheduled one came with it."""
    return not is_scheduled(end) or end.due_at <= now


def closes(ends: Operations, content: Operation) -> bool:
    """Tell whether the content belongs to a generation that one of the ends closed."""
    return any(
        content.pk < e.pk or (is_scheduled(e) and content.created_at < e.due_at) for e in ends
    )


def due_ends(rows: Operations, now: int) -> list[Operation]:
    """The ends that are due and in force, and wait for an acknowledgement."""
    ends = [o for o in rows if o.kind == Kind.END and o.state in Operation.UNFINISHED]
    return [e for e in ends if is_due(e, now) and not is_moved(e, rows)]


def check_plan(plan: Plan, rows: Operations, now: int, closed: Operations) -> None:
    """Hold a plan against all rows of its lane, and the ends that were acknowledged before."""
    committed = {o.pk for o in rows}
    for end in plan.ends:
        assert end.pk in committed, "an end that nobody committed"
        assert is_due(end, now), "an end before it is due"
        assert not is_moved(end, rows), "an end that was moved or cancelled in time"
    for end in plan.superseded:
        assert end.kind != Kind.END or is_moved(end, rows), "an end is lost"
    if plan.expired:
        newest = contents(rows)[-1]
        assert newest.created_at + newest.time_to_live <= now, "a card whose time is not over"
    if plan.send is not None and not plan.ends:
        check_content(plan.send, rows, now, closed)


def check_content(content: Operation, rows: Operations, now: int, closed: Operations) -> None:
    """Hold content that is to be sent against its lane."""
    newer = [o for o in contents(rows) if o.pk > content.pk and o.state != State.SUPERSEDED]
    assert not newer, "older content than the newest"
    assert not closes(closed, content), "content of a generation whose end was acknowledged"
    after = [e for e in due_ends(rows, now) if e.pk > max([0, *(c.pk for c in closed)])]
    assert not after, "content before a due end"


def final_content(ends: Operations, rows: Operations, closed: Operations) -> Operation | None:
    """What the ended card has to show: an end's own content, else the newest of its generation."""
    own = [e for e in ends if e.content]
    intended = [c for c in contents(rows) if closes(ends, c) and not closes(closed, c)]
    return max(own or intended, key=lambda o: o.pk, default=None)


def check_final(call: Call, ends: Operations, rows: Operations, closed: Operations) -> None:
    """Hold what a call that ends a stream shows, at whichever try, against what it has to show.

    After a refusal it is what the vendor takes: nothing, or older content than the refused.
    """
    closed = [e for e in closed if e not in ends]  # a confirming call ends what is closed already
    mine = [o for o in rows if o in ends or (closes(ends, o) and not closes(closed, o))]
    if any(o.stripped or o.state == State.FAILED for o in mine):
        return
    expected, shown = final_content(ends, rows, closed), call.body.get("content_state")
    if shown is not None:
        assert expected is not None, "the ended card shows content of another generation"
        assert title_serial(shown) == title_serial(expected.content), "an ended card goes back"
    elif expected is not None:
        assert expected.state == State.DONE, "the ended card does not show the newest content"


def check_rows(rows: Operations, now: int, closed: Operations, *, excused: bool) -> None:
    """Hold the states of a lane's rows against the ends that were acknowledged."""
    ends = [*closed, *due_ends(rows, now)]
    for row in rows:
        if row.state in Operation.UNFINISHED:
            assert row.next_try_at is not None, f"nobody will ever look at {row}"
        elif row.kind == Kind.END:
            assert is_explained(row, rows, closed), f"the end {row.pk} is lost: {row.state}"
        elif row.state == State.SUPERSEDED and not excused:
            newer = any(o.kind in Operation.CONTENT_KINDS and o.pk > row.pk for o in rows)
            assert newer or row.kind == Kind.KEEP or closes(ends, row), f"{row} is lost"


def is_explained(end: Operation, rows: Operations, closed: Operations) -> bool:
    """Tell why an end may be finished: acknowledged, moved, or behind one that was."""
    if end.state == State.SUPERSEDED:
        return is_moved(end, rows)
    covered = end.outcome == Outcome.ALREADY_ENDED and any(e.pk > end.pk for e in closed)
    return end.pk in {e.pk for e in closed} or covered
