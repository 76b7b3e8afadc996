"""The same simulation with real rows: services, claim and record, on SQLite with its own clock.

The driver repeats none of the rules. Only the vendor is a phone in memory, and the database
asks the phone for the time, as SQLite lets an application replace its functions.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis.stateful import run_state_machine_as_test

from django_liveactivity import Progress, conf, services
from django_liveactivity.client import Answer
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.lanes.candidates import Target
from django_liveactivity.delivery.lanes.claim import (
    Claim,
    DrainContext,
    claim,
    recover_expired_lease,
)
from django_liveactivity.delivery.lanes.record import record
from django_liveactivity.delivery.lanes.snapshot import LaneSnapshot, read_lane
from django_liveactivity.delivery.limits.rate import NO_LIMIT
from django_liveactivity.models import Lane, LiveActivity, Operation, lane_digest
from tests.clock import TIMES

from .phone import SECOND, Phone
from .state_machine import Machine, random_runs

UNIX_EPOCH = 2_440_587.5
"""The Julian day on which milliseconds begin."""
DAY = 86_400_000
MILLISECOND = dt.timedelta(milliseconds=1)


def set_clock(now: Callable[[], float]) -> None:
    """Let SQLite ask for the time, in milliseconds since 1970."""
    connection.ensure_connection()
    connection.connection.create_function("julianday", 1, lambda _: UNIX_EPOCH + now() / DAY)


class DatabaseRows:
    """The rows of the test's database, emptied, and its clock set to the phone's."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        phone.clock = 1_700_000_000_000
        self.account = conf.account()
        for model in TIMES:
            model._default_manager.all()._raw_delete("default")  # type: ignore[attr-defined]
        set_clock(lambda: phone.clock)

    def _newest(self) -> Operation:
        return Operation.objects.latest("pk")

    def show(self, key: str, serial: int, time_to_live: int | None) -> Operation:
        lives = None if time_to_live is None else time_to_live * MILLISECOND
        services.stream_activity(key, self._content(serial), time_to_live=lives)
        return self._newest()

    def end(self, key: str, after: int | None, serial: int | None = None) -> Operation:
        later = None if after is None else after * MILLISECOND
        content = None if serial is None else self._content(serial)
        return services.end_activity(stream_key=key, content=content, after=later)

    @staticmethod
    def _content(serial: int) -> Progress:
        return Progress(title=f"#{serial}", percentage=1)

    def keep(self, key: str) -> Operation:
        return services.keep_activity(stream_key=key)

    def undo(self, key: str, serial: int) -> None:
        with transaction.atomic():
            self.show(key, serial, None)
            self.end(key, None)
            transaction.set_rollback(True)

    def withhold(self, operation: Operation) -> list[Any]:
        rows: list[Any] = [Operation.objects.select_related("activity").get(pk=operation.pk)]
        Operation.objects.filter(pk=operation.pk)._raw_delete("default")
        card = rows[0].activity
        if not Operation.objects.filter(activity=card).exists():
            LiveActivity.objects.filter(pk=card.pk)._raw_delete("default")
            rows.append(card)
        return rows

    def commit(self, withheld: list[Any]) -> None:
        for row in withheld:
            row.save(force_insert=True)

    def operations(self, key: str) -> list[Operation]:
        rows = Operation.objects.filter(lane_digest=lane_digest(stream_key=key))
        return list(rows.order_by("pk"))

    def read_lane(self, key: str) -> LaneSnapshot | None:
        digest = lane_digest(stream_key=key)
        is_new = not Lane.objects.filter(digest=digest).exists()
        target = Target(digest, key, "", is_new, Operation.Rank.CONTENT, 0)
        snapshot = read_lane(self.account, target, self.phone.clock)
        if snapshot is None or not snapshot.lane.open_attempt:
            return snapshot
        recover_expired_lease(self.account, snapshot.lane)
        return read_lane(self.account, target, self.phone.clock)

    def claim(self, snapshot: LaneSnapshot) -> Claim | None:
        return claim(self._context(), snapshot, None)

    def record(self, claim: Claim, answer: Answer) -> bool:
        return record(self._context(), claim, answer).owned

    def _context(self) -> DrainContext:
        return DrainContext(self.account, read_state(self.account), NO_LIMIT)


class RowsMachine(Machine):
    """The machine over the rows."""

    driver = DatabaseRows

    def teardown(self) -> None:
        """Where nothing is left to do, no row waits for anything."""
        super().teardown()
        waiting = LiveActivity.objects.filter(status=LiveActivity.Status.PENDING)
        assert not list(waiting), "a row is pending for ever"


@pytest.fixture
def database(db: None) -> Iterator[None]:
    """The test's database, to which the clock on the wall is given back."""
    yield
    set_clock(lambda: time.time() * SECOND)


def test_rows(database: None):
    run_state_machine_as_test(RowsMachine, settings=random_runs(0.15))
