"""What is drawn, as values: a card, whether the phone shows it, and the words around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE, HOUR = 60, 3600


class CardState(StrEnum):
    """Whether the phone shows the card."""

    WAITING = "waiting"
    LIVE = "live"
    ENDED = "ended"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class SketchedCard:
    """A card to be drawn.

    Args:
        content: as the vendor's API has it, ``content_state`` without its dismissal.
        action: the button, as the vendor's API has it, or None.
        secondary_action: the second button, or None.
        state: whether it lives.
        timer_seconds: for a timer: for how many seconds it has run since ``duration_seconds`` began
            to count; None if that is not known.
        removed_in: of an ended card: seconds until iOS removes it, 0 if it has gone; None if that
            is not known.
    """

    content: Mapping[str, object]
    action: Mapping[str, object] | None = None
    secondary_action: Mapping[str, object] | None = None
    state: CardState = CardState.LIVE
    timer_seconds: float | None = None
    removed_in: float | None = None


_STATES = {
    CardState.WAITING: "Not on the phones yet",
    CardState.LIVE: "Live",
    CardState.ENDED: "Ended",
    CardState.HIDDEN: "Not on the phones",
}


@dataclass(frozen=True)
class Labels:
    """The texts of a drawing, so that they can be translated.

    Those with ``%(…)s`` are filled in when a card is drawn.
    """

    states: Mapping[CardState, str] = field(default_factory=lambda: dict(_STATES))
    sketch: str = "Sketch of a card: %(title)s"
    unknown: str = "What it shows is not known."
    symbol: str = "Symbol %(name)s"
    progress: str = "Progress"
    step: str = "Step %(step)s of %(steps)s"
    step_of_unknown: str = "Step %(step)s"
    left: str = "left"
    elapsed: str = "elapsed"
    stopped: str = "stopped"
    unknown_time: str = "time not known"
    opens: str = "Opens %(url)s"
    calls: str = "Calls %(method)s %(url)s"
    calls_with: str = "Calls %(method)s %(url)s with %(names)s"
    removed: str = "no longer on the phones"
    removed_in: str = "on the phones for another %(time)s"
    seconds: str = "%(count)s s"
    minutes: str = "%(count)s min"
    hours: str = "%(count)s h"
    screen: str = "Sketch of a lock screen"
    no_cards: str = "No live activities"
    more_cards: str = "and %(count)s more"

    def duration(self, seconds: float) -> str:
        """Return a length of time in words, in the two largest units at most."""
        whole = max(0, round(seconds))
        if whole < MINUTE:
            return self.seconds % {"count": whole}
        if whole < HOUR:
            return self._joined(self.minutes, whole // MINUTE, self.seconds, whole % MINUTE)
        return self._joined(self.hours, whole // HOUR, self.minutes, whole % HOUR // MINUTE)

    @staticmethod
    def _joined(large: str, count: int, small: str, rest: int) -> str:
        text = large % {"count": count}
        return f"{text} {small % {'count': rest}}" if rest else text


ENGLISH = Labels()
