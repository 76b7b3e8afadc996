"""The phone: the cards of every account, what they show, how they end, and `/phone.json`."""

import random
import string
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple, Self

from .contract import JsonObject, requested_channels

LIFETIME = 8 * 60 * 60.0
"""Seconds after which iOS ends a Live Activity by itself (ActivityKit's documentation)."""

LONGEST_DISMISSAL = 4 * 60 * 60.0
"""Seconds for which iOS shows an ended Live Activity at most (the contract, "about 4 h")."""

_ID_LETTERS = string.ascii_letters + string.digits + "_-"
_KEPT = ("type", "number_of_steps", "duration_seconds", "counts_down", "is_running")
_DISMISSAL = ("auto_dismiss_seconds", "auto_dismiss_minutes")
_BUTTONS = ("action", "secondary_action")
_ENVELOPE = (*_BUTTONS, "alert", "channels", "tags", "metadata")


def timestamp(now: float) -> str:
    """Write seconds since the epoch as the vendor does: UTC, milliseconds and a Z."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


class Display(NamedTuple):
    """What a card shows, and what surrounds it: buttons, alert, channels, tags, metadata."""

    content: JsonObject
    envelope: JsonObject


class Stopwatch(NamedTuple):
    """The time of a timer: what it showed when it was last set, and since when it runs."""

    seconds: float = 0.0
    since: float | None = None

    def read(self, now: float) -> float:
        """Return the seconds that it has run."""
        return self.seconds + (0.0 if self.since is None else now - self.since)

    def set(self, now: float, *, runs: bool) -> Self:
        """Return it at the same time, running or stopped."""
        return type(self)(self.read(now), now if runs else None)


STOPPED = Stopwatch()


@dataclass
class PhoneCard:
    """One Live Activity; ``dismiss_at`` is 0 until it has ended."""

    activity_id: str
    account: int
    stream_key: str | None
    display: Display
    started_at: float
    updates: int = 0
    ended_at: float | None = None
    dismiss_at: float = 0.0
    end_reason: str = ""
    timer: Stopwatch = STOPPED

    @property
    def name(self) -> str:
        """Its stream key, or its activity id if it has none."""
        return self.stream_key or self.activity_id

    @property
    def is_alive(self) -> bool:
        """Whether it has not ended."""
        return self.ended_at is None

    @property
    def type(self) -> str:
        """The type of its content."""
        return str(self.display.content["type"])

    def is_visible(self, now: float) -> bool:
        """Whether it is on the lock screen: alive, or ended and not yet removed."""
        return self.is_alive or self.dismiss_at > now

    def wind(self, body: JsonObject, now: float) -> None:
        """Set its timer by what was sent: a duration starts it anew."""
        if "duration_seconds" in body.get("content_state", {}):
            self.timer = STOPPED
        self.timer = self.timer.set(now, runs=self.display.content.get("is_running", True))

    def end(self, now: float, reason: str, *, dismiss_after: float = 0.0) -> None:
        """End it, to stay visible for ``dismiss_after`` seconds."""
        self.timer = self.timer.set(now, runs=False)
        self.ended_at, self.end_reason = now, reason
        self.dismiss_at = now + dismiss_after

    def dismiss(self, now: float) -> None:
        """Swipe it away, as its user would."""
        if self.is_alive:
            self.end(now, "dismissed")
        self.dismiss_at = now

    def end_by_call(self, body: JsonObject, now: float, *, minutes: float) -> None:
        """End it as the body asks, to stay for ``minutes`` if the body does not say how long."""
        content = body.get("content_state", {})
        minutes = content.get("auto_dismiss_minutes", minutes)
        seconds = content.get("auto_dismiss_seconds", minutes * 60)
        self.display = _final_display(self, body)
        self.wind(body, now)
        self.end(now, "ended", dismiss_after=min(seconds, LONGEST_DISMISSAL))

    def as_json(self) -> JsonObject:
        """Return it as ``/phone.json`` shows it."""
        shown: JsonObject = {
            "activity_id": self.activity_id,
            "account": self.account,
            "stream_key": self.stream_key,
            "type": self.type,
            "content": dict(self.display.content),
            **{name: self.display.envelope.get(name) for name in _ENVELOPE},
            "started_at": timestamp(self.started_at),
            "updates": self.updates,
        }
        if self.ended_at is not None:
            shown["ended_at"] = timestamp(self.ended_at)
            shown["dismiss_at"] = timestamp(self.dismiss_at)
            shown["end_reason"] = self.end_reason
        return shown


@dataclass
class Stream:
    """A managed stream and its newest card, until a DELETE closes it."""

    card: PhoneCard
    is_open: bool = True
    is_paused: bool = False


def next_display(card: PhoneCard | None, body: JsonObject) -> Display:
    """Return what a card shows after a start, an update or a PUT.

    It shows what was sent. Of what it showed before it keeps what the contract says is kept:
    type, step count and the window of a timer; channels, tags and metadata.
    """
    sent = body.get("content_state", {})
    content = {name: value for name, value in sent.items() if name not in _DISMISSAL}
    old = Display({}, {}) if card is None else card.display
    if content.get("type", old.content.get("type")) == old.content.get("type"):
        content = {name: old.content[name] for name in _KEPT if name in old.content} | content
    envelope = {name: body.get(name) for name in _ENVELOPE}
    channels = requested_channels(body)
    envelope["channels"] = old.envelope.get("channels") if channels is None else channels
    for name in ("tags", "metadata"):
        envelope[name] = body.get(name, old.envelope.get(name))
    return Display(content, envelope)


def _final_display(card: PhoneCard, body: JsonObject) -> Display:
    """Return what an ended card shows: what was sent, over its latest known state."""
    content, envelope = next_display(card, body)
    latest = dict(card.display.content)
    if "value" in content:
        latest.pop("percentage", None)  # it would take precedence over what was sent
    if "content_state" not in body:  # "the latest known state", with its buttons
        envelope |= {name: body.get(name, card.display.envelope[name]) for name in _BUTTONS}
    return Display({**latest, **content}, envelope)


@dataclass
class Phone:
    """Every card of every account, by its activity id.

    Args:
        ids: where new activity ids come from; seeded, a run can be repeated.
    """

    ids: random.Random
    cards: dict[str, PhoneCard] = field(default_factory=dict)

    def show(self, account: int, stream_key: str | None, display: Display, now: float) -> PhoneCard:
        """Put a new card on the phone and return it."""
        activity_id = "".join(self.ids.choices(_ID_LETTERS, k=32))
        card = PhoneCard(activity_id, account, stream_key, display, now)
        self.cards[activity_id] = card
        return card

    def alive(self) -> Iterator[PhoneCard]:
        """Yield the cards that have not ended, the oldest first."""
        return (card for card in self.cards.values() if card.is_alive)

    def expire(self, now: float) -> None:
        """End the cards that have lived as long as iOS lets them."""
        for card in self.alive():
            if now - card.started_at >= LIFETIME:
                ended_at = card.started_at + LIFETIME
                card.end(ended_at, "expired", dismiss_after=LONGEST_DISMISSAL)

    def as_json(self, now: float) -> JsonObject:
        """Return what is on the phones now: alive, and ended but not yet dismissed."""
        self.expire(now)
        alive = [card.as_json() for card in self.alive()]
        visible = [card for card in self.cards.values() if card.is_visible(now)]
        ended = [card.as_json() for card in visible if not card.is_alive]
        return {"empty": not alive, "alive": alive, "ended": ended}
