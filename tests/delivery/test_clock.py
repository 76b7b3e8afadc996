"""Time is what the database's clock says, whatever zone anybody thinks to live in."""

from __future__ import annotations

import datetime as dt
import time

import pytest
from django.db import connection
from django.utils import timezone

from django_liveactivity import conf, services
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.models import Operation

from .vocabulary import alive, calls, deliver, progress

SERVER_ZONES = {
    "postgresql": ["SET TIME ZONE 'America/St_Johns'", "SET TIME ZONE 'Pacific/Apia'"],
    "mysql": ["SET time_zone = '-03:30'", "SET time_zone = '+13:00'"],
    "sqlite": ["SELECT 1"],
}
"""SQLite has no zone of its own."""


@pytest.fixture(params=[0, 1], ids=["west", "east"])
def server_zone(request, db):
    """Let the session of the database live far in the west, or in the east."""
    statements = SERVER_ZONES[connection.vendor]
    with connection.cursor() as cursor:
        cursor.execute(statements[request.param % len(statements)])
    yield
    connection.close()


@pytest.fixture(autouse=True, params=[None, "Pacific/Apia"], ids=["", "activated"])
def activated_zone(request):
    """Let a middleware have activated the zone of a user far in the east."""
    with timezone.override(request.param):
        yield


@pytest.fixture(params=[True, False], ids=["aware", "naive"])
def host_zone(request, settings):
    """Let the host live in a zone half an hour off, with and without time zones."""
    settings.USE_TZ = request.param
    settings.TIME_ZONE = "America/St_Johns"
    return request.param


@pytest.mark.django_db(transaction=True)
def test_the_clock_is_right_in_every_zone(server_zone, host_zone):
    assert read_state(conf.account()).now == pytest.approx(time.time() * 1000, abs=5_000)


@pytest.mark.django_db(transaction=True)
def test_an_end_is_due_at_its_time_in_every_zone(server_zone, host_zone, configure, sandbox):
    configure()
    soon = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(minutes=2)
    late = soon - dt.timedelta(minutes=4)
    if not host_zone:
        zone = dt.timezone(dt.timedelta(hours=-3.5))
        soon, late = (at.astimezone(zone).replace(tzinfo=None) for at in (soon, late))
    for key, at in (("soon", soon), ("late", late)):
        services.stream_activity(key, progress(1))
        deliver()
        services.end_activity(stream_key=key, at=at)
    assert [end.due for end in Operation.objects.filter(kind="end")] == [soon, late]
    deliver()
    assert list(alive(sandbox)) == ["soon"]
    assert [c for c in calls(sandbox) if "DELETE" in c] == ["DELETE late 200"]
