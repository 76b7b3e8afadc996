"""The interface of a driver: what the simulation knows of rows and of a worker's state."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from django_liveactivity.client import Answer
from django_liveactivity.delivery.lanes.claim import Claim
from django_liveactivity.delivery.lanes.snapshot import LaneSnapshot
from django_liveactivity.models import Operation

from .phone import Arrival, Phone


class Driver(Protocol):
    """Where the rows are, and what a worker does with them."""

    phone: Phone

    def show(self, key: str, serial: int, time_to_live: int | None) -> Operation: ...
    def end(self, key: str, after: int | None, serial: int | None = None) -> Operation: ...
    def keep(self, key: str) -> Operation: ...
    def undo(self, key: str, serial: int) -> None: ...
    def withhold(self, operation: Operation) -> Any: ...
    def commit(self, withheld: Any) -> None: ...
    def operations(self, key: str) -> list[Operation]: ...
    def read_lane(self, key: str) -> LaneSnapshot | None: ...
    def claim(self, snapshot: LaneSnapshot) -> Claim | None: ...
    def record(self, claim: Claim, answer: Answer) -> bool: ...


@dataclass(frozen=True, eq=False)
class Change:
    """A row whose transaction is open still."""

    key: str
    operation: Operation
    withheld: Any


@dataclass(frozen=True, eq=False)
class Glance:
    """What a worker saw of a lane."""

    key: str
    snapshot: LaneSnapshot
    at: int


@dataclass(frozen=True, eq=False)
class Flight:
    """A call that was made, and whose answer its worker has not stored yet."""

    key: str
    claim: Claim
    answer: Answer
    arrival: Arrival | None
    until: int
