"""Hosts, workers, the vendor and a clock around two cards, and what must hold: no generator.

The simulation learns the truth from the committed rows and from the calls that the phone was
given; it knows lanes only through a ``Driver``. ``state_machine.py`` runs it at random,
``walk.py`` in every order.
"""

from __future__ import annotations

from collections import defaultdict

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.delivery.lanes.claim import Claim, OvertakenError
from django_liveactivity.delivery.rules.verdicts import judge
from django_liveactivity.models import Operation

from .driver import Change, Driver, Flight, Glance
from .oracle import check_final, check_plan, check_rows, closes
from .phone import GOOD, SECOND, Fate, Phone, title_serial

Kind, State = Operation.Kind, Operation.State
TIMING = Timing()
KEYS = ("a", "b")
HOUR = 3_600 * SECOND
ROUNDS = 20


class Simulation:
    """The life of some cards; a subclass says what its driver is."""

    driver: type[Driver]
    keys: tuple[str, ...] = KEYS

    def __init__(self) -> None:
        self.phone = Phone()
        self.rows = self.driver(self.phone)
        self.serials = 0
        self.ghosts: set[int] = set()
        self.committed: dict[str, set[int]] = defaultdict(set)
        self.withheld: list[Change] = []
        self.belated: set[int] = set()
        self.glances: list[Glance] = []
        self.flights: list[Flight] = []
        self.leased_until: dict[str, int] = defaultdict(int)
        self.closed: dict[str, list[Operation]] = defaultdict(list)
        self.put: dict[str, list[Operation]] = defaultdict(list)

    # The host

    def _next_serial(self) -> int:
        self.serials += 1
        return self.serials

    def _change(self, key: str, does: str, commits: bool) -> None:
        before = {o.pk for o in self.rows.operations(key)}
        operation = getattr(self, f"_{does}")(key)
        if operation is None or operation.pk in before:
            return
        if commits:
            self.committed[key].add(operation.pk)
        else:
            self.withheld.append(Change(key, operation, self.rows.withhold(operation)))

    def _show(self, key: str) -> Operation:
        return self.rows.show(key, self._next_serial(), None)

    def _show_for_a_while(self, key: str) -> Operation:
        return self.rows.show(key, self._next_serial(), 40 * SECOND)

    def _end(self, key: str) -> Operation:
        return self.rows.end(key, None)

    def _end_with_content(self, key: str) -> Operation:
        return self.rows.end(key, None, self._next_serial())

    def _end_soon(self, key: str) -> Operation:
        return self.rows.end(key, 5 * SECOND, self._next_serial())

    def _end_later(self, key: str) -> Operation:
        return self.rows.end(key, 90 * SECOND)

    def _keep(self, key: str) -> Operation | None:
        return self.rows.keep(key) if self.committed[key] else None

    def _swipe(self, key: str) -> None:
        """Let the user take the card off the phone."""
        self.phone.take_away(key)

    def _roll_back(self, key: str) -> None:
        """Show and end a card in a transaction that is undone."""
        self.ghosts.add(serial := self._next_serial())
        self.rows.undo(key, serial)

    def _commit_late(self, change: Change) -> None:
        self.rows.commit(change.withheld)
        self.belated.add(change.operation.pk)
        self.committed[change.key].add(change.operation.pk)

    # The workers

    def _look(self, key: str) -> Glance | None:
        snapshot = self.rows.read_lane(key)
        if snapshot is None:
            return None
        assert not self._is_leased(key), "a lane was seen free while a call was in flight"
        rows = self.rows.operations(key)
        check_plan(snapshot.plan, rows, self.phone.clock, self.closed[key])
        return Glance(key, snapshot, self.phone.clock)

    def _call(self, glance: Glance, fate: Fate, evicts: bool) -> bool:
        claim = self._claim(glance)
        if claim is None:
            return False
        answer, arrival = Answer(Outcome.NOT_SENT), None
        if self.phone.clock - glance.at <= TIMING.lease - TIMING.call_deadline:
            self._check_call(glance.key, claim)
            answer = self.phone.take(claim.call, fate, evicts=evicts)
            arrival = self.phone.arrivals[-1]
        flight = Flight(glance.key, claim, answer, arrival, self.leased_until[glance.key])
        self._let_go(flight, flight.until)
        self.flights.append(flight)
        return True

    def _claim(self, glance: Glance) -> Claim | None:
        key, plan = glance.key, glance.snapshot.plan
        try:
            claim = self.rows.claim(glance.snapshot)
        except OvertakenError:
            return None
        assert not self._is_leased(key), "two calls in flight on one lane"
        if plan.never_started:
            assert not self.phone.calls(key), "never_started, and there were calls"
            self.closed[key] += plan.ends
        if claim is not None:
            self.leased_until[key] = self.phone.clock + TIMING.lease
        return claim

    def _is_leased(self, key: str) -> bool:
        return self.phone.clock < self.leased_until[key]

    def _check_call(self, key: str, claim: Claim) -> None:
        """Hold a call against the phone: what may be late yet, and what it would kill."""
        rows = self.rows.operations(key)
        states = {o.pk: o.state for o in rows}
        assert states[claim.operation.pk] in Operation.UNFINISHED, "it was superseded meanwhile"
        if claim.is_end:
            ends = claim.plan.ends
            newer = [c for c in self.put[key] if not closes([*self.closed[key], *ends], c)]
            belated = self.belated & {e.pk for e in ends}
            assert not newer or belated, "an end was sent to the next generation"
            if not self._was_committed_late(rows) and key not in self.phone.ever_disturbed:
                check_final(claim.call, ends, rows, self.closed[key])
        else:
            late = {arrival.method for arrival in self.phone.may_yet_be_applied(key)}
            assert "DELETE" not in late, "a PUT was sent while a DELETE may yet arrive"
            assert title_serial(claim.operation.content) not in self.ghosts, "it was rolled back"
            self.put[key].append(claim.operation)

    def _let_go(self, flight: Flight, at: int) -> None:
        if flight.arrival is not None:
            self.phone.let_go(flight.arrival, at)

    def _record(self, flight: Flight) -> None:
        claim = flight.claim
        owned = self.rows.record(claim, flight.answer)
        self._let_go(flight, min(self.phone.clock, flight.until))
        verdict = judge(
            claim.call.endpoint, flight.answer.outcome, stripped=claim.operation.stripped
        )
        if owned:
            overtaken = flight.until != self.leased_until[flight.key]
            assert not overtaken, "an overtaken worker stored its answer"
            self.leased_until[flight.key] = 0
        if verdict.state == State.DONE and claim.is_end:
            self.closed[flight.key] += claim.plan.ends

    # What must hold

    def nothing_is_lost(self) -> None:
        for key in self.keys:
            rows = self.rows.operations(key)
            assert self.committed[key] <= {o.pk for o in rows}
            excused = key in self.phone.ever_disturbed or self._was_rescheduled_late(rows)
            check_rows(rows, self.phone.clock, self.closed[key], excused=excused)

    def _was_committed_late(self, rows: list[Operation]) -> bool:
        return any(o.pk in self.belated for o in rows)

    def _was_rescheduled_late(self, rows: list[Operation]) -> bool:
        """Tell whether a keep or a new time for an end was committed late.

        Not promised: that content comes back which a due end had superseded by then.
        """
        return any(o.pk in self.belated for o in rows if o.kind not in Operation.CONTENT_KINDS)

    def end_of_run(self) -> None:
        """Let every transaction commit and every worker die; then drain, and look at the phone."""
        while self.withheld:
            self._commit_late(self.withheld.pop())
        self.flights, self.glances = [], []
        for _ in range(ROUNDS):
            while [key for key in self.keys if self._serve(key)]:
                pass
            if not self._unfinished():
                break
            self.phone.advance(HOUR)
        assert not self._unfinished(), "it never comes to rest"
        self.nothing_is_lost()
        for key in self.keys:
            self._check_phone(key)

    def _serve(self, key: str) -> bool:
        glance = self._look(key)
        if glance is None or not self._call(glance, GOOD, evicts=False):
            return False
        self._record(self.flights.pop())
        return True

    def _unfinished(self) -> list[Operation]:
        rows = [o for key in self.keys for o in self.rows.operations(key)]
        return [o for o in rows if o.state in Operation.UNFINISHED]

    def _check_phone(self, key: str) -> None:
        """Hold the phone against what the host wanted it to show in the end."""
        rows = self.rows.operations(key)
        by_serial = {title_serial(o.content): o for o in rows if o.kind in Operation.CONTENT_KINDS}
        shown = by_serial.get(self.phone.alive.get(key))
        if key in self.phone.alive:
            assert shown is not None, "a card that nobody showed"
            assert not closes(self.closed[key], shown), "a card lives on after its end"
        newest = next(reversed(by_serial.values()), None)
        if newest is None or newest.state == State.FAILED or closes(self.closed[key], newest):
            return
        elsewise = key in self.phone.disturbed or key in self.phone.belated
        if not elsewise and not self._was_rescheduled_late(rows):
            assert shown == newest, "the phone does not show the newest content"
