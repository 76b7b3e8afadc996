"""A project that upgrades keeps its tables, and what it had left to do is done."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.db.models import Max

from django_liveactivity import services
from django_liveactivity.backends import get_backend
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.sandbox import Sandbox
from tests.clock import advance

from .history import STARTED_ELSEWHERE, progress
from .snapshots import APP, VERSIONS, drop_tables, our_tables, restore

KEEP = "A migration is missing; until the release of 0.1.0: python -m tests.upgrade"
A_DAY = 86_400
STAY = {"changed": 90, "evicts-another": 10, "kept": 10, "paused": 10, "scheduled": 10}
"""What phones show after the upgrade, by stream key."""
END = {"by-key", "killed", "left-behind", "needs-operator", "shown-elsewhere"}


def shape() -> dict[str, Any]:
    """Return the columns, the indexes and the constraints of each table."""
    look = connection.introspection
    with connection.cursor() as cursor:
        return {
            table: (
                sorted(
                    repr(column._replace(display_size=None))  # on MariaDB that of the rows
                    for column in look.get_table_description(cursor, table)
                ),
                sorted(map(repr, look.get_constraints(cursor, table).items())),
            )
            for table in our_tables()
        }


@pytest.fixture(params=VERSIONS)
def upgraded(request: pytest.FixtureRequest, transactional_db: None) -> Iterator[None]:
    """A project that ran a version until a day ago, and is upgraded to this one."""
    try:
        restore(request.param)
        call_command("migrate", verbosity=0)
        newest = Operation.objects.aggregate(at=Max("created_at"))["at"] / 1000
        advance(newest - time.time() + A_DAY)
        yield
    finally:
        drop_tables()
        call_command("migrate", APP, verbosity=0)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The vendor, where a card is shown that another program has started."""
    policy = {"rate_limit": (100_000, 60.0), "concurrent": 20}
    with Sandbox(started_elsewhere={STARTED_ELSEWHERE: "progress"}, **policy) as vendor:
        yield vendor


def test_the_tables_are_those_of_a_new_project(upgraded):
    tables = shape()
    drop_tables()
    call_command("migrate", APP, verbosity=0)
    assert tables == shape(), KEEP


def test_what_was_left_to_do_is_done(upgraded, configure, sandbox):
    configure(time_to_live=None)
    for key in (*STAY, *END):
        get_backend().client.stream(key, progress(10))
    finished = Operation.objects.filter(finished_at__isnull=False).order_by("pk")
    before = [*finished.values()]
    sweep(lambda alias: None)
    while drain().calls:
        pass

    alive = sandbox.phone()["alive"]
    assert {card["stream_key"]: card["content"]["percentage"] for card in alive} == STAY
    unfinished = Operation.objects.filter(finished_at__isnull=True)
    assert {o.activity.stream_key for o in unfinished} == {"scheduled"}
    assert [*finished.filter(pk__in=[row["id"] for row in before]).values()] == before


def test_what_comes_next_is_delivered(upgraded, configure, sandbox):
    configure()
    card = services.stream_activity("new", progress(10))
    services.end_activity(card)
    while drain().calls:
        pass
    assert LiveActivity.objects.get(pk=card.pk).status == "ended"
    call_command("check", databases=["default"])
