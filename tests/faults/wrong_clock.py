"""A machine whose clock is wrong, as far as Python code can read it."""

from __future__ import annotations

import datetime
import time


def set_wrong(seconds: float) -> None:
    """Move ``time.time`` and ``datetime.now`` of this process; the monotonic clock stays."""
    right = time.time
    time.time = lambda: right() + seconds
    offset = datetime.timedelta(seconds=seconds)
    truth = datetime.datetime

    class WrongDatetime(truth):  # type: ignore[misc, valid-type]
        @classmethod
        def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
            return truth.now(tz) + offset

        @classmethod
        def utcnow(cls) -> datetime.datetime:
            return truth.now(datetime.UTC).replace(tzinfo=None) + offset

    datetime.datetime = WrongDatetime  # type: ignore[misc]
