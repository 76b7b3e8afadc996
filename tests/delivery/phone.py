"""The vendor in miniature: a phone, and calls that are applied at once, later, or never."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.client.call import Call

NEVER = None
SECOND = 1_000


@dataclass(frozen=True)
class Fate:
    """What becomes of a call: its answer, and after how many milliseconds it is applied."""

    outcome: Outcome
    after: int | None = NEVER


GOOD = Fate(Outcome.DELIVERED, 0)
UNANSWERED = [Fate(Outcome.AMBIGUOUS, after) for after in (NEVER, 0, 20 * SECOND, 59 * SECOND)]
REFUSED = [
    Fate(outcome)
    for outcome in (
        Outcome.PAUSED,
        Outcome.RATE_LIMITED,
        Outcome.LIMIT_REACHED,
        Outcome.BILLING_BLOCKED,
        Outcome.UNAUTHORIZED,
        Outcome.NOT_SENT,
        Outcome.REJECTED,
        Outcome.FORBIDDEN,
        Outcome.NOT_FOUND,
        Outcome.NO_RECIPIENTS,
    )
]
GONE = (Outcome.PAUSED, Outcome.NOT_FOUND, Outcome.NO_RECIPIENTS)


@dataclass
class Arrival:
    """A call at the vendor's, by what it shows (a serial number) or ends (nothing)."""

    key: str
    method: str
    serial: int | None
    fate: Fate
    applied: bool = False
    due: int | None = None


@dataclass
class Phone:
    """What is on the phone: the serial number of the content that each living card shows."""

    clock: int = 0
    alive: dict[str, int] = field(default_factory=dict)
    arrivals: list[Arrival] = field(default_factory=list)
    disturbed: set[str] = field(default_factory=set)
    """Cards that the user or the vendor took away since their last content was applied."""
    ever_disturbed: set[str] = field(default_factory=set)
    belated: set[str] = field(default_factory=set)
    """Cards whose content was applied late, perhaps over newer content."""

    def take(self, call: Call, fate: Fate, *, evicts: bool = False) -> Answer:
        """Let a call meet its fate, and return the answer; what is late has to be let go."""
        outcome = self._honest(call, fate.outcome)
        arrival = Arrival(call.target, call.method, serial_of(call), fate)
        self.arrivals.append(arrival)
        body = {"activity_id": f"card-{call.target}"}
        if outcome == Outcome.PAUSED:
            self.take_away(call.target)
        elif outcome == Outcome.DELIVERED:
            if evicts and call.method == "PUT":
                body |= self._evict_for(call.target)
            self._apply(arrival)
        elif outcome == Outcome.AMBIGUOUS and fate.after == 0:
            self._apply(arrival)
        return Answer(outcome, status=200, body=body)

    def _honest(self, call: Call, outcome: Outcome) -> Outcome:
        """Return the outcome, unless it would be a lie: that a living card cannot be found."""
        if call.method == "DELETE" and outcome in GONE:
            return Outcome.DELIVERED if call.target in self.alive else Outcome.NOT_FOUND
        return outcome

    def _evict_for(self, key: str) -> dict[str, str]:
        others = [k for k in self.alive if k != key]
        if key in self.alive or not others:
            return {}
        self.take_away(others[0])
        return {"ended_activity_id": f"card-{others[0]}"}

    def let_go(self, arrival: Arrival, at: int) -> None:
        """Let a call, of which its worker knows no more from then on, be as late as it may."""
        if arrival.fate.after and not arrival.applied:
            arrival.due = at + arrival.fate.after
            self.advance(0)

    def take_away(self, key: str) -> None:
        """Take a card from the phone, as the user's swipe does."""
        self.alive.pop(key, None)
        self.disturbed.add(key)
        self.ever_disturbed.add(key)

    def advance(self, milliseconds: int) -> None:
        """Let time pass, and apply what is late by then."""
        self.clock += milliseconds
        for arrival in self.arrivals:
            if arrival.due is not None and not arrival.applied and arrival.due <= self.clock:
                self._apply(arrival)
                if arrival.serial is not None:
                    self.belated.add(arrival.key)

    def _apply(self, arrival: Arrival) -> None:
        arrival.applied = True
        self.belated.discard(arrival.key)
        if arrival.serial is None:
            self.alive.pop(arrival.key, None)
        else:
            self.alive[arrival.key] = arrival.serial
            self.disturbed.discard(arrival.key)

    def calls(self, key: str) -> list[Arrival]:
        """Return the calls that were made for a card."""
        return [a for a in self.arrivals if a.key == key]

    def may_yet_be_applied(self, key: str) -> list[Arrival]:
        """Return the calls for a card that are late still."""
        return [a for a in self.calls(key) if a.fate.after and not a.applied]


def serial_of(call: Call) -> int | None:
    """Return the serial number of the content that a PUT shows."""
    return title_serial(call.body.get("content_state")) if call.method == "PUT" else None


def title_serial(content: Any) -> int | None:
    """Return the serial number in a title such as ``#7``."""
    found = re.fullmatch(r"#(\d+)", (content or {}).get("title", ""))
    return int(found[1]) if found else None
