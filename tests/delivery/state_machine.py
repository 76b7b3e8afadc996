"""Hosts, workers, the vendor and the clock in any order, and what must hold after each step.

It runs the simulation of ``simulation.py`` at random.
"""

from __future__ import annotations

import os

from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from .driver import Change, Flight, Glance
from .phone import GOOD, REFUSED, SECOND, UNANSWERED, Fate
from .simulation import KEYS, Simulation

HOST = (
    "show",
    "show",
    "show_for_a_while",
    "end",
    "end",
    "end_with_content",
    "end_soon",
    "end_later",
    "keep",
    "roll_back",
    "swipe",
)
WORKER = ("recorded", "recorded", "recorded", "answered", "seen")

keys = st.sampled_from([*KEYS[:1] * 3, *KEYS[1:]])
fates = st.just(GOOD) | st.sampled_from(UNANSWERED) | st.sampled_from(REFUSED)
pauses = st.sampled_from([0, 0, 0, 1, 6, 31, 61, 61]).map(lambda seconds: seconds * SECOND)
some = st.integers(0, 9)


def random_runs(share: float) -> settings:
    """Return the settings of a machine: a share of the examples that the profile asks for.

    The runs are the same each time, unless a profile was chosen to search for new ones.
    """
    examples = max(1, round(share * settings().max_examples))
    same = "HYPOTHESIS_PROFILE" not in os.environ
    return settings(
        max_examples=examples,
        stateful_step_count=30,
        deadline=None,
        derandomize=same,
        print_blob=True,
    )


class Machine(Simulation, RuleBasedStateMachine):
    """The life of two cards, by rules; a subclass says what its driver is."""

    def __init__(self) -> None:
        RuleBasedStateMachine.__init__(self)
        Simulation.__init__(self)

    @initialize(is_served=st.booleans())
    def first(self, is_served: bool) -> None:
        """Show the first card."""
        self.host(KEYS[0], "show", True, is_served)

    @rule(
        key=keys,
        does=st.sampled_from(HOST),
        commits=st.sampled_from([True, True, False]),
        is_served=st.booleans(),
    )
    def host(self, key: str, does: str, commits: bool, is_served: bool) -> None:
        """Change a card, in a transaction that may stay open; perhaps a worker is quick."""
        self._change(key, does, commits)
        if is_served:
            self._serve(key)

    # The workers

    @rule(key=keys, fate=fates, until=st.sampled_from(WORKER), evicts=st.booleans(), after=pauses)
    def worker(self, key: str, fate: Fate, until: str, evicts: bool, after: int) -> None:
        """Serve a lane once, or only so far, after a while."""
        self.phone.advance(after)
        glance = self._look(key)
        if glance is None:
            return
        if until == "seen":
            self.glances.append(glance)
        elif self._call(glance, fate, evicts) and until == "recorded":
            self._record(self.flights.pop())

    @rule(which=some, fate=fates, dies=st.booleans(), after=pauses)
    def what_was_begun(self, which: int, fate: Fate, dies: bool, after: int) -> None:
        """Go on with something after a while: claim what was seen, store an answer, commit."""
        self.phone.advance(after)
        begun = [*self.withheld, *self.glances, *self.flights]
        match begun[which % len(begun)] if begun else None:
            case Flight() as flight:
                self.flights.remove(flight)
                if not dies:
                    self._record(flight)
            case Glance() as glance:
                self.glances.remove(glance)
                if dies:
                    self._claim(glance)
                else:
                    self._call(glance, fate, evicts=False)
            case Change() as change:
                self.withheld.remove(change)
                self._commit_late(change)

    @invariant()
    def holds(self) -> None:
        self.nothing_is_lost()

    def teardown(self) -> None:
        self.end_of_run()
