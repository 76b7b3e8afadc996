"""A vendor with many living cards, and how its log measures their ends."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from django_liveactivity.sandbox.calls import ApiRequest
from tests.faults.vendor import Entry, FakeVendor

LONG_QUIET = 3.0
TARGET_USE, TARGET_REFUSED = 0.98, 0.01
HEADERS = {"authorization": "Bearer ask_test"}
CONTENT = {"title": "Order", "type": "progress", "percentage": 40}


@dataclass(frozen=True)
class Load:
    """So many ends at once, under a limit of ``calls`` per ``seconds`` of this shape."""

    ends: int
    calls: int
    seconds: float
    window: str

    @property
    def keys(self) -> list[str]:
        """The stream keys of the cards to end."""
        return [f"card-{number}" for number in range(self.ends)]

    @property
    def ideal(self) -> float:
        """Seconds from the first call to the last, if the limit is used to the full."""
        return (self.ends / self.calls - 1) * self.seconds

    def vendor(self) -> FakeVendor:
        """Return a vendor on whose phone every card was shown, before the window that counts."""
        limit = (self.calls, self.seconds)
        vendor = FakeVendor(rate_limit=limit, window=self.window, concurrent=self.ends)
        spacing = 1.01 * self.seconds / self.calls
        begun = time.time() - (self.ends * spacing + 2 * self.seconds)
        for number, key in enumerate(self.keys):
            path = f"/api/live-activity/stream/{key}"
            request = ApiRequest("PUT", path, HEADERS, {"content_state": CONTENT})
            answer = vendor.state.handle(request, begun + number * spacing)
            assert answer.status == 200, answer
        return vendor


@dataclass(frozen=True)
class Measured:
    """The figures of a row, by the vendor's log."""

    row: str
    window: str
    ends: int
    acknowledged: int
    calls: int
    refused: int
    seconds: float
    ideal: float

    @property
    def lost(self) -> int:
        """The ends that no process will send any more."""
        return self.ends - self.acknowledged

    @property
    def use(self) -> float:
        """The share of the limit that was used."""
        return self.ideal / self.seconds if self.seconds and not self.lost else 0.0


def measure(row: str, load: Load, log: list[Entry]) -> Measured:
    """Count what a log shows, from the first call to the last acknowledged end."""
    acknowledged = [e for e in log if e.acknowledges]
    last = max((e.answered for e in acknowledged if e.answered is not None), default=0.0)
    return Measured(
        row=row,
        window=load.window,
        ends=load.ends,
        acknowledged=len({e.key for e in acknowledged}),
        calls=len(log),
        refused=sum(e.status == 429 for e in log),
        seconds=last - log[0].arrived if acknowledged else 0.0,
        ideal=load.ideal,
    )


def wait(vendor: FakeVendor, load: Load, left: Callable[[], int], patience: float) -> None:
    """Wait until all ends are acknowledged, or nothing is left that could still send one.

    Args:
        vendor: whose log tells.
        load: what there is to end.
        left: returns how much waits in the queue of the strategy.
        patience: seconds after which the rest counts as lost.
    """
    limit = time.monotonic() + patience
    quiet_since, seen = time.monotonic(), 0
    while time.monotonic() < limit:
        log = vendor.calls()
        if len({e.key for e in log if e.acknowledges}) == load.ends:
            return
        if len(log) != seen or left():
            quiet_since, seen = time.monotonic(), len(log)
        if log and time.monotonic() - quiet_since > LONG_QUIET:
            return
        time.sleep(0.5)
