"""The demo's report: a table of its cards and the problems, from phone, calls and rows.

Pure: everything is given as values. ``phone`` and ``calls`` are what the sandbox shows at
``/phone.json`` and ``/calls.json``.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

PREFIX = "/api/live-activity"
HEADINGS = ("scenario", "type", "card", f"the call received below {PREFIX}", "row", "its end")
ACKNOWLEDGED = ("delivered", "already_ended", "queued", "partial", "forced")

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Card:
    """One card, as its rows describe it at the end of the demo."""

    scenario: str
    type: str
    title: str
    stream_key: str
    activity_id: str
    status: str
    end_state: str
    end_outcome: str

    @property
    def is_ended(self) -> bool:
        """Whether the rows say that the card has ended and that the vendor acknowledged it."""
        done = self.end_state == "done" and self.end_outcome in ACKNOWLEDGED
        return done and self.status == "ended"


def table(cards: Sequence[Card], calls: Sequence[Json]) -> list[str]:
    """Return the lines of a table with a row per card."""
    rows = [HEADINGS, *(_row(card, calls) for card in cards)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return [lines[0], _line(["-" * width for width in widths], widths), *lines[1:]]


def problems(cards: Iterable[Card], phone: Json, calls: Sequence[Json]) -> list[str]:
    """Return a message for each problem; none if every card has ended."""
    return [*_still_alive(phone), *_not_acknowledged(cards, calls), *_not_ended(cards)]


def end_call(card: Card, calls: Iterable[Json]) -> Json | None:
    """Return the call that ended a card: the newest that was acknowledged, else the newest."""
    ends = [call for call in calls if _ends(call, card)]
    return next(filter(_is_acknowledged, reversed(ends)), ends[-1] if ends else None)


def _still_alive(phone: Json) -> Iterator[str]:
    for card in phone["alive"]:
        name = card["stream_key"] or card["activity_id"]
        yield f"still alive on the phone: {name} ({card['type']})"


def _not_acknowledged(cards: Iterable[Card], calls: Sequence[Json]) -> Iterator[str]:
    for card in cards:
        call = end_call(card, calls)
        if call is None or not _is_acknowledged(call):
            yield f"{card.scenario}: no acknowledged end among the calls that the sandbox received"


def _not_ended(cards: Iterable[Card]) -> Iterator[str]:
    for card in cards:
        if not card.is_ended:
            yield f"{card.scenario}: the row says {card.status}, its end {_end_of(card)}"


def _ends(call: Json, card: Card) -> bool:
    if card.stream_key:
        return (call["method"], call["path"]) == ("DELETE", f"{PREFIX}/stream/{card.stream_key}")
    target = (call["body"] or {}).get("activity_id")
    return (call["method"], call["path"], target) == ("POST", f"{PREFIX}/end", card.activity_id)


def _is_acknowledged(call: Json) -> bool:
    return call["status"] is not None and 200 <= call["status"] < 300


def _row(card: Card, calls: Sequence[Json]) -> tuple[str, ...]:
    call = end_call(card, calls)
    received = "none" if call is None else _described(call)
    return (card.scenario, card.type, card.title, received, card.status, _end_of(card))


def _described(call: Json) -> str:
    path = call["path"].removeprefix(PREFIX)
    target = (call["body"] or {}).get("activity_id", "")[:12]
    name = f"{path} {target}…" if target else path
    return f"{call['method']} {name} {call['status'] or 'no answer'}"


def _end_of(card: Card) -> str:
    return ", ".join(filter(None, (card.end_state, card.end_outcome))) or "missing"


def _line(cells: Iterable[str], widths: Iterable[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return "  ".join(padded).rstrip()
