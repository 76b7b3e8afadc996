"""Every interleaving of a few events over one lane, with the pure rules: not at random, but all.

A state is what rows, workers and phone are; states that differ in nothing that a rule or a check
can see are one. From each state the game is also played to its end by prompt workers, with every
late call as late as it may be. ``python -m tests.delivery.walk --depth 6`` walks for some minutes.
"""

from __future__ import annotations

import argparse
import copy
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import django

if __name__ == "__main__":
    import os

    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")
    django.setup()

from django_liveactivity.client import Outcome
from django_liveactivity.delivery.lanes.record import is_certain
from django_liveactivity.models import Lane, Operation

from .memory import Memory
from .oracle import closes, contents, is_moved, is_scheduled
from .phone import GOOD, SECOND, Fate, title_serial
from .simulation import TIMING, Simulation

Kind, State = Operation.Kind, Operation.State
KEY = "a"
LATE = Fate(Outcome.AMBIGUOUS, 59 * SECOND)
NEVER = Fate(Outcome.AMBIGUOUS)
FULL_RATE = Fate(Outcome.RATE_LIMITED)
TIME_TO_LIVE = 300 * SECOND
SCHEDULE = 30 * SECOND
ROUNDS = 30


class Walk(Simulation):
    """One card, and what may happen to it; an event that cannot happen now returns False."""

    driver = Memory
    keys = (KEY,)

    # The host; the same with "!" has workers that are quick

    def show(self) -> bool:
        return self._insert(self.rows.show(KEY, self._next_serial(), None))

    def update(self) -> bool:
        return self._insert(self.rows.show(KEY, self._next_serial(), TIME_TO_LIVE))

    def end(self) -> bool:
        return self._insert(self.rows.end(KEY, None))

    def end_later(self) -> bool:
        return self._insert(self.rows.end(KEY, SCHEDULE, self._next_serial()))

    def keep(self) -> bool:
        return bool(self.committed[KEY]) and self._insert(self.rows.keep(KEY))

    def _insert(self, operation: Operation) -> bool:
        self.committed[KEY].add(operation.pk)
        return True

    # A worker, and what becomes of the next call

    def serve(self) -> bool:
        """Make every call that is due, and store its answer."""
        served = False
        for _ in range(ROUNDS):
            if not self._is_due():
                return served
            self._serve(KEY)
            served = True
        raise AssertionError("workers spin")

    def _is_due(self) -> bool:
        lane, now = self.rows.lanes.get(KEY), self.phone.clock
        if lane is not None and lane.lease_until > now:
            return False
        times = [o.next_try_at for o in self._unfinished()]
        times += [lane.deadline_at] if lane and lane.deadline_at else []
        return any(at <= now for at in times)

    def rate_limited(self) -> bool:
        """Make a call that is answered 429."""
        return self._send(FULL_RATE, is_stored=True)

    def lose_answer(self) -> bool:
        """Make a call that times out; it arrives when its time is nearly over, or before."""
        return self._send(LATE, is_stored=True)

    def lose_call(self) -> bool:
        """Make a call that times out and never arrives."""
        return self._send(NEVER, is_stored=True)

    def crash(self) -> bool:
        """Make a call and die; it arrives when its time is nearly over, or before."""
        return self._send(LATE, is_stored=False) and bool(self.flights.pop())

    def crash_before_call(self) -> bool:
        """Claim a lane and die."""
        return self._send(NEVER, is_stored=False) and bool(self.flights.pop())

    def hold(self) -> bool:
        """Make a good call, and sleep before its answer is stored."""
        return not self.flights and self._send(GOOD, is_stored=False)

    def store(self) -> bool:
        """Store the answer that a worker has slept on."""
        if not self.flights:
            return False
        self._record(self.flights.pop())
        return True

    def _send(self, fate: Fate, *, is_stored: bool) -> bool:
        glance = self._look(KEY)
        if glance is None or not self._call(glance, fate, evicts=False):
            return False
        if is_stored:
            self._record(self.flights.pop())
        return True

    # Time

    def arrive(self) -> bool:
        """Let a late call arrive now."""
        late = self._late()
        if late:
            late[0].due = self.phone.clock
            self.phone.advance(0)
        return bool(late)

    def wait_for_lease(self) -> bool:
        """Let leases, quarantines and schedules run out."""
        self.phone.advance(TIMING.lease + SECOND)
        return bool(self.committed[KEY])

    def wait_for_time_to_live(self) -> bool:
        """Let a card outlive its content."""
        self.phone.advance(TIME_TO_LIVE + SECOND)
        return any(o.time_to_live for o in self.rows.operations(KEY))

    def _late(self) -> list[Any]:
        return [a for a in self.phone.arrivals if a.due is not None and not a.applied]

    # The end of the game

    def settle(self) -> Iterator[Hashable]:
        """Let prompt workers go on, from one moment of the clock to the next; yield each state."""
        self.flights = []
        for _ in range(ROUNDS):
            self.serve()
            yield self.identity()
            until = self._next_moment()
            if until is None:
                break
            self.phone.advance(until - self.phone.clock)
        assert not self._unfinished(), "it never comes to rest"
        self.nothing_is_lost()
        self._check_phone(KEY)
        self._check_what_lives_on()

    def _check_what_lives_on(self) -> None:
        """Hold the phone against promises that need a vendor who refuses nothing."""
        rows = self.rows.operations(KEY)
        assert all(o.state != State.FAILED for o in rows), "content failed that was not refused"
        if KEY in self.phone.alive:
            assert contents(rows)[-1].time_to_live is None, "a card outlives its time to live"

    def _next_moment(self) -> int | None:
        lane, now = self.rows.lanes.get(KEY), self.phone.clock
        moments = [o.next_try_at for o in self._unfinished()] + [a.due for a in self._late()]
        if lane is not None:
            moments += [lane.deadline_at or 0, lane.lease_until, lane.ambiguous_until]
        return min((at for at in moments if at > now), default=None)

    # States

    def fork(self) -> Walk:
        """Return a game of its own that goes on from here."""
        fork = copy.copy(self)
        arrivals = {id(a): copy.copy(a) for a in self.phone.arrivals}
        fork.phone = replace(
            self.phone,
            alive=dict(self.phone.alive),
            arrivals=list(arrivals.values()),
            disturbed=set(self.phone.disturbed),
            ever_disturbed=set(self.phone.ever_disturbed),
            belated=set(self.phone.belated),
        )
        fork.rows = self.rows.fork(fork.phone)
        fork.committed = defaultdict(set, {KEY: set(self.committed[KEY])})
        fork.flights = [replace(f, arrival=arrivals.get(id(f.arrival))) for f in self.flights]
        fork.leased_until = defaultdict(int, self.leased_until)
        fork.closed = defaultdict(list, {KEY: list(self.closed[KEY])})
        fork.put = defaultdict(list, {KEY: list(self.put[KEY])})
        return fork

    def identity(self) -> Hashable:
        """Return all that a rule or a check can see: times from now on, ids by their order.

        Of what is over only that counts which something points at.
        """
        now, closed = self.phone.clock, self.closed[KEY]
        lane = self.rows.lanes.get(KEY) or Lane()
        kept, number = self._kept(lane, closed)
        ends = [o for o in kept if o.kind == Kind.END and o.state in Operation.UNFINISHED]

        def left(at: int | None) -> int | None:
            return None if at is None else max(0, at - now)

        def seen(o: Operation) -> tuple[Hashable, ...]:
            waits = o.state in Operation.UNFINISHED
            deadline = o.time_to_live and left(o.created_at + o.time_to_live)
            return (
                *(o.kind, waits or o.state, left(o.next_try_at), waits and min(o.tries, 2)),
                *(
                    is_scheduled(o),
                    left(o.due_at),
                    waits and is_moved(o, kept),
                    deadline,
                ),
                *(
                    closes(closed, o),
                    o.created_at < lane.ended_through_at,
                    o.pk < lane.ended_through_id,
                ),
                *(o.created_at < e.due_at for e in ends),
            )

        rows = tuple(map(seen, kept))
        known = (left(lane.lease_until), lane.open_attempt and lane.open_attempt[0])
        known += (lane.ever_called, min(lane.generation, 2), lane.hidden_because)
        known += tuple(number.get(i, i > 0) for i in (lane.newest_content_id, lane.displayed_id))
        known += tuple(
            map(left, (lane.ambiguous_until, lane.stream_ambiguous_until, lane.deadline_at))
        )
        flights = tuple(
            (
                *(number[f.claim.operation.pk], f.claim.call.method, left(f.until)),
                *(f.claim.lane.fence == lane.fence, is_certain(f.claim)),
                *(number[e.pk] for e in f.claim.plan.ends),
            )
            for f in self.flights
        )
        late = tuple(
            (a.method, self._by_serial(a.serial, number), left(a.due)) for a in self._late()
        )
        alive = self._by_serial(self.phone.alive.get(KEY), number)
        put = {number.get(c.pk, -1) for c in self.put[KEY] if not closes(closed, c)}
        phone = (alive, KEY in self.phone.belated, bool(self.phone.arrivals))
        return (
            rows,
            known,
            flights,
            late,
            phone,
            max(put, default=None),
            left(self.leased_until[KEY]),
        )

    def _by_serial(self, serial: int | None, number: dict[int, int]) -> int | None:
        return None if serial is None else number[self._operation_of(serial).pk]

    def _operation_of(self, serial: int) -> Operation:
        mine = self.rows.operations(KEY)
        return next(o for o in mine if title_serial(o.content) == serial)

    def _kept(self, lane: Lane, closed: list[Operation]) -> tuple[list[Operation], dict[int, int]]:
        """Return the rows that can be seen still, and their numbers by id."""
        named = {lane.newest_content_id, lane.displayed_id}
        serials = [a.serial for a in self._late()] + [self.phone.alive.get(KEY)]
        named |= {self._operation_of(s).pk for s in serials if s is not None}
        for flight in self.flights:
            named |= {flight.claim.operation.pk, *(e.pk for e in flight.claim.plan.ends)}
        mine = self.rows.operations(KEY)
        movable = min(
            (o.pk for o in mine if o.state in Operation.UNFINISHED and o.due_at > o.created_at),
            default=sys.maxsize,
        )
        open_contents = [c.pk for c in contents(mine) if not closes(closed, c)]
        named |= set(open_contents[-1:])
        kept = [
            o
            for o in mine
            if o.state in Operation.UNFINISHED
            or o.pk in named
            or (o.kind not in Operation.CONTENT_KINDS and o.pk > movable)
        ]
        return kept, {o.pk: n for n, o in enumerate(kept)}


HOST = ("show", "update", "end", "end_later", "keep")
WORKER = (
    "rate_limited",
    "lose_answer",
    "lose_call",
    "crash",
    "crash_before_call",
    "hold",
    "store",
)
CLOCK = ("wait_for_lease", "wait_for_time_to_live")
EVENTS = (*HOST, *(f"{e}!" for e in HOST), *WORKER, "arrive", *CLOCK, *(f"{e}!" for e in CLOCK))
"""Those with "!" are followed by workers that make and store every call that is due."""


class BrokenRuleError(AssertionError):
    """What does not hold, after which events."""


@dataclass
class Walked:
    """The states that were found, and the interleavings that lead to them."""

    states: int = 0
    by_depth: list[int] = field(default_factory=list)
    interleavings: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        return (
            f"{self.interleavings:,} interleavings of up to {len(self.by_depth) - 1} events, "
            f"{self.states:,} states ({', '.join(f'{n:,}' for n in self.by_depth)}) "
            f"in {self.seconds:.1f} s"
        )


def walk(
    depth: int,
    events: Iterable[str] = EVENTS,
    say: Callable[[str], None] = lambda line: None,
) -> Walked:
    """Walk every interleaving of so many of the events, each followed to the end of the game.

    Raises:
        BrokenRuleError: at the first state, in the order of the number of events, in which
            something does not hold.
    """
    begun, start, events = time.monotonic(), Walk(), tuple(events)
    walked = Walked(by_depth=[1])
    first = hash(start.identity())
    frontier = {first: (start, ())}
    known, settled = {first}, set[int]()
    edges: dict[int, list[int]] = {}
    for level in range(1, depth + 1):
        found: dict[int, tuple[Walk, tuple[str, ...]]] = {}
        walked.by_depth.append(0)
        for identity, (game, path) in frontier.items():
            edges[identity] = []
            for fork, event in _following(game, path, events):
                reached = hash(fork.identity())
                edges[identity].append(reached)
                if reached not in known:
                    known.add(reached)
                    walked.by_depth[level] += 1
                    _with_path((*path, event), _settle, fork.fork(), settled)
                    if level < depth:
                        found[reached] = (fork, (*path, event))
        frontier = found
        say(f"{level} events: {len(known):,} states, {time.monotonic() - begun:.0f} s")
    walked.states = len(known)
    walked.interleavings = _interleavings(first, edges, depth)
    walked.seconds = time.monotonic() - begun
    return walked


def _following(
    game: Walk, path: tuple[str, ...], events: tuple[str, ...]
) -> Iterator[tuple[Walk, str]]:
    """Yield the game after each event that can happen."""
    for event in events:
        fork = game.fork()
        if _with_path((*path, event), _do, fork, event):
            yield fork, event


def _do(game: Walk, event: str) -> bool:
    happened: bool = getattr(game, event.rstrip("!"))()
    if happened and event.endswith("!"):
        happened = game.serve()  # else it is the event without
    game.nothing_is_lost()
    return happened


def _settle(game: Walk, settled: set[int]) -> None:
    passed = []
    for identity in game.settle():
        if hash(identity) in settled:
            break
        passed.append(hash(identity))
    settled.update(passed)


def _with_path(path: tuple[str, ...], do: Callable[..., Any], *args: Any) -> Any:
    """Do something, and tell after which events it failed."""
    try:
        return do(*args)
    except Exception as error:
        raise BrokenRuleError(f"After {', '.join(path)}: {error!r}") from error


def _interleavings(start: int, edges: dict[int, list[int]], depth: int) -> int:
    """Count the sequences of 1 to so many events that can happen."""
    total, ways = 0, Counter({start: 1})
    for _ in range(depth):
        following: Counter[int] = Counter()
        for state, count in ways.items():
            for reached in edges[state]:
                following[reached] += count
        ways = following
        total += ways.total()
    return total


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--depth", type=int, default=6, help="events in a row")
    try:
        print(walk(parser.parse_args().depth, say=lambda line: print(line, flush=True)))
    except BrokenRuleError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
