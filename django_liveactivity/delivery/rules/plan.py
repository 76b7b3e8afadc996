"""Decide the next step of a lane from its rows and the clock.

A lane's operations are in the order of their ids. A due end closes the generation before it; an
open generation shows its newest content. Pure: nothing here reads or writes a row.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from django_liveactivity.client.answer import Outcome
from django_liveactivity.models import Lane, Operation

Kind = Operation.Kind
CONTENT_KINDS = Operation.CONTENT_KINDS
Operations = tuple[Operation, ...]


@dataclass(frozen=True)
class Plan:
    """What to do with a lane now.

    Attributes:
        superseded: operations that newer ones replace, and content whose generation is over.
        cancelled_schedules: keeps; what they did to scheduled ends is done.
        already_covered: ends of a generation that has ended.
        ended_cards: ids of LiveActivity rows whose operations all came too late: their card ended
            with an earlier generation.
        ends: due ends that one call answers, or none if ``never_started``.
        final: the newest content intended before these ends.
        never_started: the ends need no call, because no call was ever made for the card.
        newest: the newest content of the open generation.
        send: the operation to make a call for.
        starts: the call may start a card.
        unsent: older content that was never sent; ``send`` inherits its options.
        deferred: content that waits, for ``defer_until`` or for the answer to the ends' call.
        defer_until: when ``deferred`` and ``ends`` are due again, in milliseconds.
        redisplay: displayed content, newer than an end that committed late, to be sent again
            after that end.
        expired: the time to live is over; an end has to be inserted.
        may_predate_us: an end was asked for before any content of ours, so the card may be on
            phones without a call of ours.
        deadline_at: when the time to live will be over, in milliseconds.
    """

    superseded: Operations = ()
    cancelled_schedules: Operations = ()
    already_covered: Operations = ()
    ended_cards: Sequence[int] = ()
    ends: Operations = ()
    final: Operation | None = None
    never_started: bool = False
    newest: Operation | None = None
    send: Operation | None = None
    starts: bool = False
    unsent: Operations = ()
    deferred: Operations = ()
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
    keeps = tuple(o for o in rows.unfinished if o.kind == Kind.KEEP)
    contents = [o for o in rows.unfinished if o.kind in CONTENT_KINDS]
    all_ends = [o for o in rows.unfinished if o.kind == Kind.END]
    moved = [e for e in all_ends if e.is_scheduled and e.pk in rows.moved]
    ends = [e for e in all_ends if e not in moved]
    covered = tuple(e for e in ends if e.id < lane.ended_through_id)
    due = tuple(e for e in ends if e not in covered and is_due(e, now))
    dead = [c for c in contents if _is_past(c, lane) or closes(due, c)]
    alive = tuple(c for c in contents if c not in dead)
    finished = Plan(
        superseded=(*moved, *dead),
        cancelled_schedules=keeps,
        already_covered=covered,
        ended_cards=_ended_cards(lane, [*covered, *dead], [*ends, *alive]),
        may_predate_us=_ends_came_first(all_ends, [*contents, rows.newest]),
    )
    if due:
        closed = [c for c in dead if not _is_past(c, lane)]
        return _plan_end(lane, rows, replace(finished, ends=due, deferred=alive), closed, now)
    return _plan_content(lane, rows, finished, alive, now)


def _plan_end(
    lane: Lane, rows: LaneRows, ending: Plan, closed: Sequence[Operation], now: int
) -> Plan:
    """Complete the plan of a lane whose generation is to end; ``closed`` is its unsent content."""
    due, alive = ending.ends, ending.deferred
    if closed and lane.stream_key and not (lane.ever_called or ending.may_predate_us):
        return replace(ending, never_started=True, newest=_newest(alive))
    end = due[-1]
    waits = bool(end.next_try_at and end.next_try_at > now)
    return replace(
        ending,
        final=_newest(c for c in (rows.newest, *closed) if c and closes(due, c)),
        newest=_newest([rows.newest, *closed]),  # for the next try: what waits is another card
        send=None if waits else end,
        defer_until=end.next_try_at if waits else None,
        redisplay=rows.shown if rows.shown and not closes(due, rows.shown) else None,
    )


def _plan_content(lane: Lane, rows: LaneRows, finished: Plan, alive: Operations, now: int) -> Plan:
    """Complete the plan of a lane whose generation stays open; ``alive`` is its unsent content."""
    newest = _newest([rows.newest, *alive])
    deadline = _deadline(newest)
    if deadline is not None and deadline <= now:
        return replace(finished, expired=True, newest=newest)
    still_open = replace(finished, newest=newest, deadline_at=deadline)
    if not alive:
        return still_open
    *older, content = alive
    if lane.hidden_because and rows.shown and _shows_the_same(content, rows.shown):
        return replace(still_open, superseded=(*finished.superseded, *older, content))
    decided = replace(still_open, superseded=(*finished.superseded, *older), unsent=tuple(older))
    ready_at = content.next_try_at or 0
    if not lane.displayed_id and lane.generation > 1:
        ready_at = max(ready_at, lane.ambiguous_until)
    if ready_at > now:
        return replace(decided, deferred=(content,), defer_until=ready_at)
    starts = bool(lane.stream_key) and _may_start(lane, content)
    return replace(decided, send=content, starts=starts)


def _newest(contents: Iterable[Operation | None]) -> Operation | None:
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


def _ends_came_first(ends: Iterable[Operation], contents: Iterable[Operation | None]) -> bool:
    first = min((c.pk for c in contents if c is not None), default=None)
    return any(first is None or end.pk < first for end in ends)


def _may_start(lane: Lane, content: Operation) -> bool:
    """Tell whether the PUT may start a card, as far as we or the vendor's last 429 know."""
    evicted = lane.hidden_because == Lane.HiddenBecause.EVICTED
    return not lane.displayed_id or evicted or content.outcome == Outcome.LIMIT_REACHED


def _is_past(content: Operation, lane: Lane) -> bool:
    """Tell whether the content committed too late: its generation is over, or newer is shown."""
    return is_over(content, lane) or content.id < lane.displayed_id


def is_over(operation: Operation, lane: Lane) -> bool:
    """Tell whether the operation belongs to a generation that has ended."""
    return operation.id < lane.ended_through_id or operation.created_at < lane.ended_through_at


def _ended_cards(
    lane: Lane, finished: Iterable[Operation], left: Iterable[Operation]
) -> tuple[int, ...]:
    """Return the rows of operations whose generation is over, except those with work left."""
    busy = {o.activity_id for o in left if o.id >= lane.ended_through_id}
    late = {o.activity_id for o in finished if is_over(o, lane)}
    return tuple(sorted(late - busy))


def _deadline(newest: Operation | None) -> int | None:
    """Return when the time to live of the open generation is over, from its newest content."""
    if newest is None or newest.time_to_live is None:
        return None
    return newest.created_at + newest.time_to_live


def _shows_the_same(content: Operation, shown: Operation) -> bool:
    return (content.content, content.options) == (shown.content, shown.options)
