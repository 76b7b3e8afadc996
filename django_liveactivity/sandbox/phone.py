"""The cards on the phones of every account, alive and ended."""

from __future__ import annotations

import string
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .answers import timestamp

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

LIFETIME = 8 * 60 * 60.0
"""Seconds after which iOS ends a Live Activity by itself (ActivityKit's documentation)."""

LONGEST_DISMISSAL = 4 * 60 * 60.0
"""Seconds for which iOS shows an ended Live Activity at most (the contract, "about 4 h")."""

_ID_LETTERS = string.ascii_letters + string.digits + "_-"
_KEPT = ("type", "number_of_steps", "duration_seconds", "counts_down", "is_running")
_DISMISSAL = ("auto_dismiss_seconds", "auto_dismiss_minutes")
_ENVELOPE = ("action", "secondary_action", "alert", "channels", "tags", "metadata")


@dataclass
class Card:
    """One Live Activity."""

    activity_id: str
    account: int
    stream_key: str | None
    content: dict[str, Any]
    envelope: dict[str, Any]
    started_at: float
    updates: int = 0
    ended_at: float | None = None
    dismiss_at: float = 0.0
    end_reason: str = ""

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None

    @property
    def type(self) -> str:
        """The type of its content."""
        return str(self.content["type"])

    def end(self, now: float, *, dismiss_after: float, reason: str) -> None:
        """End it, to stay visible for ``dismiss_after`` seconds."""
        self.ended_at, self.end_reason = now, reason
        self.dismiss_at = now + dismiss_after

    def as_json(self) -> dict[str, Any]:
        """Return it as ``/phone.json`` shows it."""
        shown: dict[str, Any] = {
            "activity_id": self.activity_id,
            "account": self.account,
            "stream_key": self.stream_key,
            "type": self.type,
            "content": dict(self.content),
            **{name: self.envelope.get(name) for name in _ENVELOPE},
            "started_at": timestamp(self.started_at),
            "updates": self.updates,
        }
        if self.ended_at is not None:
            shown["ended_at"] = timestamp(self.ended_at)
            shown["dismiss_at"] = timestamp(self.dismiss_at)
            shown["end_reason"] = self.end_reason
        return shown


def next_content(card: Card | None, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what a card shows after a start, an update or a PUT.

    It shows what was sent. Of what it showed before it keeps what the contract says is kept:
    type, step count and the window of a timer.
    """
    shown = {name: value for name, value in sent.items() if name not in _DISMISSAL}
    if card is None or shown.get("type", card.type) != card.type:
        return shown
    return {name: card.content[name] for name in _KEPT if name in card.content} | shown


def final_content(card: Card, sent: dict[str, Any]) -> dict[str, Any]:
    """Return what an ended card shows: what was sent, over its latest known state."""
    shown = next_content(card, sent)
    latest = dict(card.content)
    if "value" in shown:
        latest.pop("percentage", None)  # it would take precedence over what was sent
    return {**latest, **shown}


@dataclass
class Phone:
    """Every card of every account, and the way to their ids.

    Args:
        ids: where activity ids come from; seeded, a run can be repeated.
    """

    ids: random.Random
    cards: dict[str, Card] = field(default_factory=dict)

    def show(
        self,
        account: int,
        stream_key: str | None,
        content: dict[str, Any],
        envelope: dict[str, Any],
        now: float,
    ) -> Card:
        """Put a new card on the phone and return it."""
        activity_id = "".join(self.ids.choices(_ID_LETTERS, k=32))
        card = Card(activity_id, account, stream_key, content, envelope, now)
        self.cards[activity_id] = card
        return card

    def alive(self, account: int) -> list[Card]:
        """Return the cards of an account that have not ended, the oldest first."""
        return [card for card in self.cards.values() if card.is_alive and card.account == account]

    def expire(self, now: float) -> None:
        """End the cards that have lived as long as iOS lets them."""
        for card in self._alive():
            if now - card.started_at >= LIFETIME:
                ended_at = card.started_at + LIFETIME
                card.end(ended_at, dismiss_after=LONGEST_DISMISSAL, reason="expired")

    def as_json(self, now: float) -> dict[str, Any]:
        """Return what is on the phones now: alive, and ended but not yet dismissed."""
        self.expire(now)
        alive = [card.as_json() for card in self._alive()]
        ended = [
            card.as_json()
            for card in self.cards.values()
            if not card.is_alive and card.dismiss_at > now
        ]
        return {"empty": not alive, "alive": alive, "ended": ended}

    def _alive(self) -> Iterator[Card]:
        return (card for card in self.cards.values() if card.is_alive)
