"""The rate limit of an account, in the two shapes that the vendor may have."""

from __future__ import annotations

from collections import deque
from typing import Protocol


class Limiter(Protocol):
    """Decides whether a call is within the limit."""

    def admit(self, now: float) -> bool:
        """Count a call at ``now`` (seconds) and tell whether it is within the limit."""


class FixedWindow:
    """At most ``calls`` in a window of ``seconds`` that begins with its first call."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._begun = float("-inf")
        self._used = 0

    def admit(self, now: float) -> bool:
        """Count a call at ``now`` (seconds) and tell whether it is within the limit."""
        if now - self._begun >= self._seconds:
            self._begun, self._used = now, 0
        self._used += 1
        return self._used <= self._calls


class SlidingLog:
    """At most ``calls`` within any ``seconds``; a refused call is not counted."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._admitted: deque[float] = deque()

    def admit(self, now: float) -> bool:
        """Count a call at ``now`` (seconds) and tell whether it is within the limit."""
        while self._admitted and now - self._admitted[0] >= self._seconds:
            self._admitted.popleft()
        if len(self._admitted) >= self._calls:
            return False
        self._admitted.append(now)
        return True


WINDOWS: dict[str, type[FixedWindow | SlidingLog]] = {"fixed": FixedWindow, "sliding": SlidingLog}
