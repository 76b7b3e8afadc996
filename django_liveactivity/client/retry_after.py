"""How long the vendor asks to wait."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

LONGEST_WAIT = 3600.0
"""Seconds; a longer Retry-After is cut to this."""

_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3), 0 to 3600; None if there are none."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    value = named.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_WAIT)
    until = _read_date(value)
    if until is None:
        return None
    # Against the vendor's own clock where it tells it, as this machine's may be wrong.
    now = _read_date(named.get("date", "")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def _read_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
