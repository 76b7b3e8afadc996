"""A key that has lived for years costs a call and a drain what a young key does.

The databases count themselves what they read, in rows or in steps. A query that reads the whole
history of a lane reads a hundred times as much, and each database has its own ways to come to that.
"""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import selectors, services
from django_liveactivity.conf import account
from django_liveactivity.models import LiveActivity
from tests.benchmarks.history import LONG_KEY, fill
from tests.clock import advance
from tests.reads import reads

from .vocabulary import deliver, progress, states

OPERATIONS = 10_000
"""A thousand cards, of which the long-lived key has had half."""
YOUNG_KEY = "young"
SOON = dt.timedelta(minutes=1)


@pytest.fixture
def history(transactional_db):
    """A thousand finished cards, and a young key that has had one of them."""
    deliver()  # the account's first drain makes its rows
    services.stream_activity(YOUNG_KEY, progress(10))
    deliver()
    services.end_activity(stream_key=YOUNG_KEY)
    deliver()
    fill("default", OPERATIONS, share_of_long_key=0.5)


def end(key: str) -> None:
    services.end_activity(content=progress(100), stream_key=key)


def end_later(key: str) -> None:
    services.end_activity(content=progress(100), stream_key=key, after=SOON)


def stream(key: str) -> None:
    services.stream_activity(key, progress(40))


def keep(key: str) -> None:
    services.keep_activity(stream_key=key)


@pytest.mark.parametrize("call", [end, end_later, stream, keep])
def test_a_call_reads_no_more_of_a_long_history(history, call):
    young = reads(lambda: call(YOUNG_KEY))
    assert 0 < reads(lambda: call(LONG_KEY)) < 2 * young


@pytest.mark.parametrize("call", [end, end_later, stream])
def test_a_drain_reads_no_more_of_a_long_history(history, call):
    found = []
    for key in (YOUNG_KEY, LONG_KEY):
        call(key)
        advance(SOON.total_seconds() + 1)
        found.append(reads(deliver))
        newest = selectors.newest_by_stream_key(account("default"), key)
        assert all(" done " in state for state in states(newest))
    young, long = found
    assert 0 < long < 2 * young


def test_a_drain_does_not_read_the_whole_history(history):
    stream(YOUNG_KEY)
    assert 0 < reads(deliver) < OPERATIONS


def test_a_list_of_cards_reads_no_more_for_a_long_history(history):
    def reads_of(**keys):
        rows = LiveActivity.objects.order_by("-pk")
        ids = list(rows.filter(**keys).values_list("pk", flat=True)[:50])
        return reads(lambda: list(selectors.described(rows.filter(pk__in=ids))))

    assert 0 < reads_of(stream_key=LONG_KEY) < 2 * reads_of(stream_key__startswith="card-")
