"""The values of a drawing: the card, its state, its labels, and content that may be malformed."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

MINUTE, HOUR = 60, 3600
COLORS = (
    "lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray",
)  # fmt: skip
"""The vendor's colors (LiveActivityColor in its API description)."""
LONGEST_CLOCK = 100 * 3600 - 1
"""Seconds; a clock of two digits of hours shows no more."""
MOST_DIGITS = 10**15
"""Larger numbers are written with an exponent."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


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
        state: whether the phone shows it.
        timer_seconds: of a timer: the seconds that it has run since ``duration_seconds`` was set;
            None if unknown.
        removed_in: of an ended card: seconds until iOS removes it, 0 if it has; None if unknown.
    """

    content: Mapping[str, object]
    action: Mapping[str, object] | None = None
    secondary_action: Mapping[str, object] | None = None
    state: CardState = CardState.LIVE
    timer_seconds: float | None = None
    removed_in: float | None = None


def gettext_noop(text: str) -> str:
    """Return a text; Django's ``makemessages`` finds by this name those to be translated."""
    return text


_STATES = {
    CardState.WAITING: gettext_noop("Not on the phones yet"),
    CardState.LIVE: gettext_noop("Live"),
    CardState.ENDED: gettext_noop("Ended"),
    CardState.HIDDEN: gettext_noop("Not on the phones"),
}


@dataclass(frozen=True)
class Labels:
    """The texts of a drawing, so that they can be translated.

    Those with ``%(…)s`` are filled in when a card is drawn.
    """

    states: Mapping[CardState, str] = field(default_factory=lambda: dict(_STATES))
    sketch: str = gettext_noop("Sketch of a card: %(title)s")
    unknown: str = gettext_noop("What it shows is not known.")
    symbol: str = gettext_noop("Symbol %(name)s")
    progress: str = gettext_noop("Progress")
    step: str = gettext_noop("Step %(step)s of %(steps)s")
    step_of_unknown: str = gettext_noop("Step %(step)s")
    left: str = gettext_noop("left")
    elapsed: str = gettext_noop("elapsed")
    stopped: str = gettext_noop("stopped")
    unknown_time: str = gettext_noop("time not known")
    opens: str = gettext_noop("Opens %(url)s")
    calls: str = gettext_noop("Calls %(method)s %(url)s")
    calls_with: str = gettext_noop("Calls %(method)s %(url)s with %(names)s")
    removed: str = gettext_noop("no longer on the phones")
    removed_in: str = gettext_noop("on the phones for another %(time)s")
    seconds: str = gettext_noop("%(count)s s")
    minutes: str = gettext_noop("%(count)s min")
    hours: str = gettext_noop("%(count)s h")
    screen: str = gettext_noop("Sketch of a lock screen")
    no_cards: str = gettext_noop("No live activities")
    more_cards: str = gettext_noop("and %(count)s more")

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


def text(value: object) -> str:
    """Return a text, or a number as a text; "" for all else."""
    if isinstance(value, str):
        return value
    number = exact_number(value)
    return "" if number is None else number_text(number)


def exact_number(value: object) -> float | None:
    """Return a finite number, or None; True is no number, and "5" is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of more than 308 digits
        return None
    return number if math.isfinite(number) else None


def number(value: object) -> float | None:
    """Return a finite number, also of a text such as "65"; None for all else."""
    if isinstance(value, str) and _NUMBER.fullmatch(value):
        return float(value)
    return exact_number(value)


def mapping(value: object) -> Mapping[str, object]:
    """Return an object of JSON, or an empty one."""
    return value if isinstance(value, Mapping) else {}


def items(value: object) -> Sequence[object]:
    """Return a list of JSON, or an empty one."""
    return value if isinstance(value, list | tuple) else ()


def color(value: object) -> str | None:
    """Return the CSS class of one of the vendor's colors, or None."""
    return f"lockscreen-{value}" if isinstance(value, str) and value in COLORS else None


def number_text(value: float) -> str:
    """Return a number in at most 15 digits; a whole one without its decimal point."""
    if isinstance(value, int) and abs(value) < MOST_DIGITS:
        return str(value)
    whole = float(value).is_integer() and abs(value) < MOST_DIGITS
    return str(int(value)) if whole else f"{value:.12g}"


def clock_text(seconds: float) -> str:
    """Return seconds as a clock does: 4:05, or 1:04:05."""
    whole = int(min(max(seconds, 0), LONGEST_CLOCK))
    hours, minutes = whole // 3600, whole % 3600 // 60
    rest = f"{whole % 60:02}"
    return f"{hours}:{minutes:02}:{rest}" if hours else f"{minutes}:{rest}"
