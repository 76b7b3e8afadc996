"""The judge: from the host's truth and the vendor's log to a list of violations, by letter.

L: every end that was committed has been acknowledged, or was known to need no call, or given up.
A: nothing is alive on the phone that the host ended.
R: no call for what was rolled back.
O: per lane, content never goes back, and nothing of a generation follows its acknowledged end.
S: one awaited call per lane at a time.
P: in a run that had more to send than the limit lets through, the limit was used, and kept.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from django_liveactivity.conf import Timing

from .settings import DIVISOR
from .vendor import Entry

DEADLINE = Timing().divided_by(DIVISOR).call_deadline / 1000
"""Seconds that a worker awaits a call; a frozen one may await it beyond its lease."""
SLACK = 0.1
"""Seconds within which the vendor notices that a client has hung up."""
NEVER = float("inf")
LEAST_USED = 0.98
"""The share of the limit that a saturated run must use at least."""
MOST_REFUSED = 0.01
"""The share of its calls that may be answered 429 at most."""


@dataclass(frozen=True)
class Fact:
    """One row of the host's own table: what it committed."""

    serial: int
    key: str
    kind: str
    operation: int


@dataclass(frozen=True)
class Row:
    """What the package's table says of an operation when all has been drained."""

    state: str
    outcome: str


@dataclass
class Records:
    """All that is known of a run.

    Args:
        facts: what the host committed.
        log: what arrived at the vendor, without other people's calls.
        alive: the serial number of what each living card shows, by key.
        rows: the operations by id.
        begun: when the host began a change, by serial, on the clock of the log.
        committed: when the host knew of the commit; unknown for a host that was killed.
        given_up: operations that an operator gave up.
        saturated: the limit (calls, seconds) of a run that had more to send until its last call.
    """

    facts: Sequence[Fact]
    log: Sequence[Entry]
    alive: Mapping[str, int | None]
    rows: Mapping[int, Row]
    begun: Mapping[int, float]
    committed: Mapping[int, float]
    given_up: frozenset[int] = field(default_factory=frozenset)
    saturated: tuple[int, float] | None = None


@dataclass(frozen=True)
class Violation:
    """A letter, and what broke it."""

    letter: str
    text: str

    def __str__(self) -> str:
        return f"{self.letter}: {self.text}"


@dataclass
class Lane:
    """The truth and the history of one key, in order, with the generation of each fact."""

    key: str
    facts: list[Fact]
    calls: list[Entry]
    generations: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.facts.sort(key=lambda fact: fact.operation)
        generation = 1
        for fact in self.facts:
            self.generations[fact.serial] = generation
            generation += fact.kind == "end"

    @property
    def ends(self) -> list[Fact]:
        """The ends that were committed."""
        return [fact for fact in self.facts if fact.kind == "end"]


def check(records: Records) -> list[Violation]:
    """Return every violation of a run whose queues are drained."""
    violations = [Violation("P", text) for text in misuse(records)]
    for lane in _lanes(records):
        for letter, find in RULES.items():
            violations += [Violation(letter, f"{lane.key}: {t}") for t in find(lane, records)]
    return violations


def _lanes(records: Records) -> Iterator[Lane]:
    facts: dict[str, list[Fact]] = defaultdict(list)
    calls: dict[str, list[Entry]] = defaultdict(list)
    for fact in records.facts:
        facts[fact.key].append(fact)
    for entry in records.log:
        calls[entry.key].append(entry)
    for key in sorted({*facts, *calls, *records.alive}):
        yield Lane(key, facts[key], calls[key])


def lost_ends(lane: Lane, records: Records) -> Iterator[str]:
    """L."""
    for end in lane.ends:
        if end.operation in records.given_up:
            continue
        row = records.rows.get(end.operation)
        if row is None or row.state != "done":
            yield f"end #{end.serial} is {row and row.state}"
        elif row.outcome == "never_started":
            if _was_called(lane, end, records):
                yield f"end #{end.serial} is never_started, and there were calls"
        elif not _acknowledged(lane.calls, since=records.begun.get(end.serial, 0.0)):
            yield f"end #{end.serial} has no acknowledged call"


def _was_called(lane: Lane, end: Fact, records: Records) -> bool:
    """Tell whether a call was made for an end's generation, or for any before it."""
    generation = lane.generations[end.serial]
    asked = records.begun.get(end.serial, 0.0)
    return any(
        lane.generations.get(call.serial or 0, NEVER) <= generation or call.arrived < asked
        for call in lane.calls
    )


def survivors(lane: Lane, records: Records) -> Iterator[str]:
    """A."""
    if lane.key not in records.alive:
        return
    if not lane.facts or lane.facts[-1].kind == "end":
        yield "is alive, and the host ended it"
        return
    serial = records.alive[lane.key]
    if (
        serial is not None
        and lane.generations.get(serial) != lane.generations[lane.facts[-1].serial]
    ):
        yield f"shows #{serial} of a generation that the host ended"


def ghosts(lane: Lane, records: Records) -> Iterator[str]:
    """R."""
    known = {fact.serial for fact in lane.facts}
    first_end = min((records.begun.get(end.serial, 0.0) for end in lane.ends), default=NEVER)
    for entry in lane.calls:
        if entry.serial is not None and entry.serial not in known:
            yield f"{entry.method} of #{entry.serial}, which was rolled back"
        elif entry.method == "PUT" and not lane.facts:
            yield "PUT of a card that was rolled back"
        elif entry.method == "DELETE" and entry.arrived < first_end:
            yield "DELETE, and no end was committed"


def disorder(lane: Lane, records: Records) -> Iterator[str]:
    """O."""
    order = {fact.serial: fact.operation for fact in lane.facts}
    newest = 0
    for entry in lane.calls:
        if entry.method != "PUT" or entry.serial not in order:
            continue
        if order[entry.serial] < newest:
            yield f"#{entry.serial} was sent after newer content"
        newest = max(newest, order[entry.serial])
        if _follows_its_end(entry, lane, records):
            yield f"#{entry.serial} was sent after its generation's end was acknowledged"


def _follows_its_end(entry: Entry, lane: Lane, records: Records) -> bool:
    assert entry.serial is not None
    generation = lane.generations[entry.serial]
    end = next((e for e in lane.ends if lane.generations[e.serial] == generation), None)
    if end is None or end.serial not in records.committed:
        return False
    return _acknowledged(lane.calls, since=records.committed[end.serial], until=entry.arrived)


def overlaps(lane: Lane, records: Records) -> Iterator[str]:
    """S."""
    over, previous = 0.0, None
    for entry in lane.calls:
        if entry.arrived < over:
            yield f"call {entry.number} arrived while {previous} was awaited"
        left = _awaited_until(entry)
        if left > over:
            over, previous = left, entry.number


def misuse(records: Records) -> Iterator[str]:
    """P, over the whole windows from the first call on."""
    if records.saturated is None:
        return
    calls, seconds = records.saturated
    begun = min(entry.arrived for entry in records.log)
    windows = int((max(entry.arrived for entry in records.log) - begun) // seconds)
    refused = [entry for entry in records.log if entry.status == 429]
    if len(refused) > MOST_REFUSED * len(records.log):
        yield f"{len(refused)} of {len(records.log)} calls were answered 429"
    over = begun + windows * seconds
    used = sum(entry.status != 429 and entry.arrived < over for entry in records.log)
    if used < LEAST_USED * windows * calls:
        yield f"{used} calls in {windows} windows of {calls}"


def _awaited_until(entry: Entry) -> float:
    if entry.answered is not None:
        return entry.answered
    if entry.gone is None:
        return entry.arrived
    return min(entry.gone - SLACK, entry.arrived + DEADLINE)


def _acknowledged(calls: Iterable[Entry], *, since: float, until: float = NEVER) -> bool:
    return any(e.acknowledges and since <= e.arrived and (e.answered or 0) < until for e in calls)


RULES = {"L": lost_ends, "A": survivors, "R": ghosts, "O": disorder, "S": overlaps}
