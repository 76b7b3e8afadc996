"""Rows that are gone, or that a reader cannot see yet, hold up nothing else and are not lost."""

from __future__ import annotations

import pytest

from django_liveactivity import services
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.exceptions import InvalidInputError, UnacknowledgedEndError
from django_liveactivity.models import LiveActivity
from tests.clock import advance

from .vocabulary import alive, calls, deliver, progress, states

DAY = 24 * 3600


def refused_card(vendor) -> LiveActivity:
    """Return a card whose only content the vendor has refused."""
    vendor.faults = "PUT:422@1"
    card = services.stream_activity("order-42", progress(1))
    deliver()
    assert states() == ["stream failed no_recipients"]
    return card


class TestACardThatIsAboutToBePruned:
    """What a host inserts now may commit after it was pruned."""

    def test_gets_no_new_content(self, vendor):
        old = refused_card(vendor)
        advance(29.5 * DAY)
        new = services.stream_activity("order-42", progress(2))
        assert new.pk != old.pk
        deliver()
        assert alive(vendor) == {"order-42": 2}

    def test_gets_no_end(self, vendor):
        old = refused_card(vendor)
        advance(29.5 * DAY)
        assert services.end_activity(stream_key="order-42").activity_id != old.pk
        assert services.end_activity(old).activity_id != old.pk

    def test_cannot_be_kept(self, vendor):
        old = refused_card(vendor)
        advance(29.5 * DAY)
        for name in ({"activity": old}, {"stream_key": "order-42"}):
            with pytest.raises(InvalidInputError, match="No such live activity is known"):
                services.keep_activity(**name)

    def test_is_the_same_card_until_then(self, vendor):
        old = refused_card(vendor)
        advance(28 * DAY)
        assert services.stream_activity("order-42", progress(2)).pk == old.pk


def test_a_pruned_card_cannot_be_kept(vendor):
    card = services.stream_activity("order-42", progress(1))
    services.end_activity(card)
    deliver()
    advance(31 * DAY)
    sweep(lambda _: None)
    with pytest.raises(InvalidInputError, match="No such live activity is known"):
        services.keep_activity(card)


def test_an_operation_without_a_card_is_set_aside_and_the_others_go_on(vendor, caplog):
    card = services.stream_activity("lost", progress(1))
    services.end_activity(card)
    LiveActivity.objects.filter(pk=card.pk)._raw_delete("default")
    services.stream_activity("other", progress(5))
    done = drain(seconds=5)
    assert alive(vendor) == {"other": 5}
    assert done.calls == 1
    assert not done.more
    assert "The row of its card is gone" in caplog.text
    assert states(card) == ["stream pending", "end pending"]


def test_a_card_with_something_unfinished_cannot_be_deleted(vendor):
    card = refused_card(vendor)
    services.stream_activity("order-42", progress(2))
    with pytest.raises(UnacknowledgedEndError):
        LiveActivity.objects.all().delete()
    with pytest.raises(UnacknowledgedEndError):
        card.delete()
    deliver()
    assert alive(vendor) == {"order-42": 2}


def test_an_answer_for_a_card_that_is_gone_is_recorded(vendor):
    card = services.stream_activity("order-42", progress(1))
    deliver()
    services.stream_activity("order-42", progress(2))
    LiveActivity.objects.filter(pk=card.pk)._raw_delete("default")
    deliver()
    deliver()
    assert calls(vendor) == ["PUT order-42 200", "PUT order-42 200"]
    assert states(card)[-1] == "stream done delivered"
