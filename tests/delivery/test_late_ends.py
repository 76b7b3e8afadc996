"""An end that commits after newer content was shown: the phone shows it again, and so do we."""

from __future__ import annotations

import pytest

from django_liveactivity import conf, selectors, services
from django_liveactivity.models import LiveActivity, Operation
from tests.shop.models import Order

from .vocabulary import alive, deliver, progress


@pytest.fixture
def order(vendor):
    """An order whose card shows 10 %."""
    order = Order.objects.create(status="cooking")
    services.stream_activity("job", progress(10), subject=order)
    deliver()
    return order


def taken_id() -> int:
    """Return an id that a transaction has taken and not committed yet."""
    early = services.keep_activity(stream_key="job").pk
    deliver()
    Operation.objects.filter(pk=early)._raw_delete("default")
    return early


def end_late(early: int) -> None:
    """Commit an end under an id that was taken before."""
    late = services.end_activity(stream_key="job")
    Operation.objects.filter(pk=late.pk).update(id=early)


@pytest.fixture
def reshown(order):
    """The order, after a late end took its 20 % from the phone, which shows them again."""
    early = taken_id()
    services.stream_activity("job", progress(20), subject=order)
    deliver()
    end_late(early)
    deliver()
    deliver()
    return order


def test_its_card_is_open(reshown, vendor):
    assert alive(vendor) == {"job": 20}
    card = selectors.newest_by_stream_key(conf.account(), "job")
    assert card is not None
    assert not card.is_closed


def test_its_card_has_not_ended(reshown):
    card = LiveActivity.objects.get()
    assert (card.status, card.ended_at) == ("live", None)


def test_its_card_ends_with_its_subject(reshown, vendor):
    assert len(services.end_activities(subject=reshown)) == 1
    deliver()
    assert vendor.phone()["empty"]


def test_newer_content_is_shown_on_it(reshown, vendor):
    services.stream_activity("job", progress(30))
    deliver()
    assert LiveActivity.objects.count() == 1
    assert alive(vendor) == {"job": 30}


def test_content_that_was_refused_after_an_end_does_not_open_its_card(order, vendor):
    early = taken_id()
    vendor.faults = "PUT:422@1"
    services.stream_activity("job", progress(20))
    deliver()
    end_late(early)
    deliver()
    card = selectors.newest_by_stream_key(conf.account(), "job")
    assert card is not None
    assert card.is_closed
