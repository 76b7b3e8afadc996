"""Read content that may be old or odd: what has the wrong type is taken as if it were not there."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence

COLORS = (
    "lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray",
)  # fmt: skip
"""The vendor's colors (LiveActivityColor in its API description)."""

LONGEST_CLOCK = 100 * 3600 - 1
"""Seconds; a clock of two digits of hours shows no more."""

MOST_DIGITS = 10**15
"""Larger numbers are written with an exponent."""

_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")


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
