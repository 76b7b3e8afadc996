"""Ends of keys that we never showed: they go behind the ends of our cards, and never crowd them."""

from __future__ import annotations

import datetime as dt
from itertools import islice

import pytest

from django_liveactivity import Progress, conf, services
from django_liveactivity.delivery.lanes.candidates import targets
from django_liveactivity.delivery.limits.admission import Admission
from django_liveactivity.delivery.limits.rate import RateLimit, state_and_slot
from django_liveactivity.models import Operation
from tests.clock import advance
from tests.shop.models import Order

from .vocabulary import calls, deliver, progress, states

Rank = Operation.Rank
UNKNOWN_ENDS = 600
LIMIT = 20
pytestmark = pytest.mark.django_db


def ours() -> list[Operation]:
    """Ends of cards that we show, by each way in."""
    order = Order.objects.create()
    services.stream_activity("by-key", progress(1))
    services.stream_activity("by-subject", progress(1), subject=order)
    services.track_activity("started-elsewhere", progress(1))
    return [
        services.end_activity(stream_key="by-key"),
        *services.end_activities(subject=order),
        services.end_activity(activity_id="started-elsewhere", after=dt.timedelta(hours=1)),
    ]


def unknown() -> list[Operation]:
    """Ends of names of which nothing is known, with content of their own and for later, too."""
    content = Progress(title="Done", percentage=100)
    return [
        services.end_activity(stream_key="a"),
        services.end_activity(stream_key="b", content=content),
        services.end_activity(stream_key="c", after=dt.timedelta(hours=1)),
        services.end_activity(activity_id="d", content=content),
    ]


def test_what_we_showed_is_known_however_it_is_named():
    assert {end.rank for end in ours()} == {Rank.END}


def test_what_we_never_showed_is_unknown_whatever_its_end_says():
    assert {end.rank for end in unknown()} == {Rank.UNKNOWN_END}


def test_a_pending_end_of_an_unknown_key_is_returned_as_any_other():
    first, again = (services.end_activity(stream_key="web-1") for _ in range(2))
    assert first == again


@pytest.fixture
def flood(configure, sandbox, db):
    """A card of ours, and many ends of unknown keys before its own."""
    configure(rate_limit=(LIMIT, 60))
    services.stream_activity("ours", progress(40))
    deliver()
    for number in range(UNKNOWN_ENDS):
        services.end_activity(stream_key=f"unknown-{number}")
    return sandbox


def test_the_end_of_our_card_is_looked_for_first(flood):
    end = services.end_activity(stream_key="ours")
    ready = Admission(ends_at=0, contents_at=0)
    state = state_and_slot(conf.account(), RateLimit(LIMIT, 60_000), 0)
    first, then = islice(targets(conf.account(), state, ready), 2)
    assert (first.digest, first.rank) == (end.lane_digest, Rank.END)
    assert then.rank == Rank.UNKNOWN_END


def test_the_end_of_our_card_is_delivered_first(flood):
    services.end_activity(stream_key="ours")
    deliver()
    assert calls(flood)[1] == "DELETE ours 200"


def test_the_unknown_leave_slots_for_an_end_that_comes_later(flood):
    deliver()
    assert 1 <= len(calls(flood)) - 1 <= LIMIT // 4
    services.end_activity(stream_key="ours")
    deliver()
    assert calls(flood)[-1] == "DELETE ours 200"


def test_an_unknown_end_stays_behind_when_it_is_tried_again(vendor):
    vendor.faults = "DELETE:500@1-3"
    end = services.end_activity(stream_key="unknown")
    for _ in range(3):
        deliver()
        advance(61)
    end.refresh_from_db()
    assert (end.tries, end.rank) == (3, Rank.UNKNOWN_END)
    deliver()
    assert states()[-1] == "end done not_found"
