"""Given the rows of one lane and the clock, decide what comes next: values in, a value out.

A lane's operations stand in the order of their ids. A due end closes the generation before it;
what is left open shows its newest content. Nothing here reads or writes a row.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from django_liveactivity.client.answer import Outcome
from django_liveactivity.models import Lane, Operation

Kind = Operation.Kind
CONTENT_KINDS = Operation.CONTENT_KINDS


@dataclass(frozen=True)
class Plan:
    """What to do with a lane now.

    ``ends`` are due and answered by one call, or by knowledge; ``never_started`` and ``covered``
    say that no call is needed. ``over`` are the ids of rows, of which all came too late: they have
    ended with a generation before. ``final`` is the newest content intended before these ends, and
    ``newest`` that of the open generation. ``reshow`` is shown content that an end, committed
    late, takes from the phone although it is newer. ``adopts`` says that somebody asked to end
    the card before we had any content for it: it may be on phones without a call of ours.
    """

    superseded: Sequence[Operation] = ()
    cancelled_schedules: Sequence[Operation] = ()
    already_covered: Sequence[Operation] = ()
    over: Sequence[int] = ()
    ends: Sequence[Operation] = ()
    final: Operation | None = None
    never_started: bool = False
    newest: Operation | None = None
    send: Operation | None = None
    starts: bool = False
    unsent: Sequence[Operation] = ()
    deferred: Sequence[Operation] = ()
    defer_until: int | None = None
    redisplay: Operation | None = None
    expired: bool = False
    may_predate_us: bool = False
    deadline_at: int | None = None


@dataclass(frozen=True)
class LaneRows:
    """The rows a plan is made from.

    Args:
        unfinished: the pending operations of the lane and those that need an operator, by id.
        moved: the ids of those that a newer end or keep, in any state, would replace.
        newest: the newest content of the open generation that an earlier plan saw and the vendor
            did not refuse, in any state.
        shown: the content that the vendor has acknowledged last in this generation.
    """

    unfinished: Sequence[Operation]
    moved: Collection[int] = ()
    newest: Operation | None = None
    shown: Operation | None = None


def plan(lane: Lane, rows: LaneRows, now: int) -> Plan:
    """Return the next step of a lane at the time ``now``."""
    schedule = [o for o in rows.unfinished if o.kind not in CONTENT_KINDS]
    keeps = [o for o in schedule if o.kind == Kind.KEEP]
    ends = [o for o in schedule if o.kind == Kind.END]
    contents = [o for o in rows.unfinished if o.kind in CONTENT_KINDS]

    moved = [e for e in ends if e.is_scheduled and e.pk in rows.moved]
    ends = [e for e in ends if e not in moved]
    already_covered = [e for e in ends if e.id < lane.ended_through_id]
    due = [e for e in ends if e not in already_covered and is_due(e, now)]
    dead = [c for c in contents if _is_past(c, lane) or closes(due, c)]
    alive = [c for c in contents if c not in dead]
    known = {
        "superseded": [*moved, *dead],
        "cancelled_schedules": keeps,
        "already_covered": already_covered,
        "over": _rows_over(lane, [*already_covered, *dead], [*ends, *alive]),
        "may_predate_us": _adopts([*moved, *ends], [*contents, rows.newest]),
    }
    if due:
        return _plan_end(lane, rows, due, dead, alive, now, known)
    return _plan_content(lane, rows, alive, now, known)


def _plan_end(
    lane: Lane,
    rows: LaneRows,
    due: list[Operation],
    dead: list[Operation],
    alive: list[Operation],
    now: int,
    known: dict[str, Any],
) -> Plan:
    dead = [c for c in dead if not _is_past(c, lane)]
    if dead and lane.stream_key and not (lane.ever_called or known["may_predate_us"]):
        return Plan(**known, ends=due, never_started=True, newest=_last(alive), deferred=alive)
    end = due[-1]
    waits = bool(end.next_try_at and end.next_try_at > now)
    return Plan(
        **known,
        ends=due,
        final=_last([c for c in (rows.newest, *dead) if c and closes(due, c)]),
        newest=_last([rows.newest, *dead]),  # for the next try: what waits is of another card
        send=None if waits else end,
        deferred=alive,
        defer_until=end.next_try_at if waits else None,
        redisplay=rows.shown if rows.shown and not closes(due, rows.shown) else None,
    )


def _plan_content(
    lane: Lane, rows: LaneRows, alive: list[Operation], now: int, known: dict[str, Any]
) -> Plan:
    newest = _last([rows.newest, *alive])
    deadline = _deadline(newest)
    if deadline is not None and deadline <= now:
        return Plan(**known, expired=True, newest=newest)
    known |= {"newest": newest, "deadline_at": deadline}
    if not alive:
        return Plan(**known)
    *older, content = alive
    known["superseded"] += older
    if lane.hidden_because and rows.shown and _shows_the_same(content, rows.shown):
        known["superseded"].append(content)
        return Plan(**known)
    starts = bool(lane.stream_key) and _may_start(lane, content)
    ready_at = content.next_try_at or 0
    if not lane.displayed_id and lane.generation > 1:
        ready_at = max(ready_at, lane.ambiguous_until)
    if ready_at > now:
        return Plan(**known, unsent=older, deferred=[content], defer_until=ready_at)
    return Plan(**known, send=content, starts=starts, unsent=older)


def _last(contents: Iterable[Operation | None]) -> Operation | None:
    return max((c for c in contents if c is not None), key=lambda c: c.id, default=None)


def is_due(end: Operation, now: int) -> bool:
    """Tell whether the end closes its generation by now."""
    return not end.is_scheduled or end.due_at <= now


def closes(ends: Iterable[Operation], content: Operation) -> bool:
    """Tell whether one of the due ends belongs after the content, by id or by its due time."""
    return any(
        content.id < end.id or (end.is_scheduled and content.created_at < end.due_at)
        for end in ends
    )


def _adopts(ends: Iterable[Operation], contents: Iterable[Operation | None]) -> bool:
    first = min((c.pk for c in contents if c is not None), default=None)
    return any(first is None or end.pk < first for end in ends)


def _may_start(lane: Lane, content: Operation) -> bool:
    """Tell whether the PUT would start a card, as far as we or the vendor's last 429 know."""
    evicted = lane.hidden_because == Lane.HiddenBecause.EVICTED
    return not lane.displayed_id or evicted or content.outcome == Outcome.LIMIT_REACHED


def _is_past(content: Operation, lane: Lane) -> bool:
    """Tell whether the content committed too late: its generation is over, or newer is shown."""
    return is_over(content, lane) or content.id < lane.displayed_id


def is_over(operation: Operation, lane: Lane) -> bool:
    """Tell whether the operation belongs to a generation that has ended."""
    return operation.id < lane.ended_through_id or operation.created_at < lane.ended_through_at


def _rows_over(
    lane: Lane, finished: Iterable[Operation], left: Iterable[Operation]
) -> Sequence[int]:
    """Return the rows of operations whose generation is over, but those with something left."""
    busy = {o.activity_id for o in left if o.id >= lane.ended_through_id}
    late = {o.activity_id for o in finished if is_over(o, lane)}
    return tuple(sorted(late - busy))


def _deadline(newest: Operation | None) -> int | None:
    """Return when the open generation has lived its time, counted from its newest content."""
    if newest is None or newest.time_to_live is None:
        return None
    return newest.created_at + newest.time_to_live


def _shows_the_same(content: Operation, shown: Operation) -> bool:
    return (content.content, content.options) == (shown.content, shown.options)
