"""The assertions find what was sent, and their messages show it."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.testing import (
    assert_activity_end_scheduled,
    assert_activity_ended,
    assert_activity_streamed,
    assert_no_activities,
    capture_activities,
)

pytestmark = pytest.mark.django_db


def progress(percentage: int) -> Progress:
    return Progress(title="Größe", percentage=percentage)


@pytest.fixture
def card(liveactivity_outbox):
    """A card that showed 40 % and ended at 100 %."""
    with capture_activities():
        card = services.stream_activity("order-42-0a1b", progress(40))
    with capture_activities():
        services.end_activity(card, progress(100))
    return card


@pytest.mark.parametrize("name", ["order-42-0a1b", "order-42-*", "*"])
def test_a_card_is_found_by_its_key(card, name):
    assert assert_activity_streamed(name, percentage=40).method == "PUT"
    assert assert_activity_ended(name, percentage=100, title="Größe").method == "DELETE"


def test_a_card_is_found_by_its_row(card):
    assert assert_activity_ended(card).target == "order-42-0a1b"


def test_a_card_of_the_manual_lifecycle_is_found_by_its_id(liveactivity_outbox):
    with capture_activities() as calls:
        services.track_activity("pLAr-1", progress(1))
    assert assert_activity_streamed("pLAr-1", calls=calls).path == "/live-activity/update"


def test_a_failure_shows_what_was_sent(card):
    with pytest.raises(AssertionError) as failure:
        assert_activity_streamed("order-42-*", percentage=60)
    assert str(failure.value) == (
        "No call showed 'order-42-*', percentage=60. Sent:\n"
        "  1. PUT /live-activity/stream/order-42-0a1b "
        '{"content_state": {"percentage": 40, "title": "Größe", "type": "progress"}}\n'
        "  2. DELETE /live-activity/stream/order-42-0a1b "
        '{"content_state": {"percentage": 100, "title": "Größe", "type": "progress"}}'
    )


def test_a_failure_says_that_nothing_was_sent(liveactivity_outbox):
    with pytest.raises(AssertionError, match="No call ended 'order-42'. Nothing was sent"):
        assert_activity_ended("order-42")


@pytest.mark.parametrize(
    ("check", "name", "content"),
    [
        (assert_activity_streamed, "order-4", {}),
        (assert_activity_streamed, "ORDER-42-*", {}),
        (assert_activity_streamed, "*", {"percentage": 100}),
        (assert_activity_ended, "*", {"percentage": 40}),
        (assert_activity_ended, "*", {"subtitle": None}),
        (assert_no_activities, "order-*", {}),
    ],
)
def test_what_was_not_sent_is_not_found(card, check, name, content):
    with pytest.raises(AssertionError, match="Sent:"):
        check(name, **content)


def test_nothing_was_sent_for_another_card(card):
    assert_no_activities("order-43-*")


def test_what_was_captured_is_asked_alone(card):
    assert_no_activities(calls=[])
    with pytest.raises(AssertionError, match="Nothing was sent"):
        assert_activity_ended(card, calls=[])
    with pytest.raises(AssertionError, match="Something was sent for '\\*'"):
        assert_no_activities()


class TestAScheduledEnd:
    TOMORROW = dt.datetime.now(dt.UTC).replace(microsecond=0) + dt.timedelta(days=1)

    @pytest.fixture
    def sale(self, liveactivity_outbox):
        services.stream_activity("another", progress(1))
        return services.stream_activity("sale-1", progress(1))

    @pytest.mark.parametrize("name", ["sale-1", "sale-*", "*"])
    def test_is_found_before_anything_is_delivered(self, sale, name):
        tomorrow = self.TOMORROW
        end = services.end_activity(sale, at=tomorrow)
        assert assert_activity_end_scheduled(name) == end
        assert assert_activity_end_scheduled(name, at=tomorrow) == end
        assert assert_activity_end_scheduled(sale, at=tomorrow) == end

    def test_at_another_time_is_listed(self, sale):
        end = services.end_activity(sale, after=dt.timedelta(hours=3))
        with pytest.raises(AssertionError) as failure:
            assert_activity_end_scheduled("sale-*", at=self.TOMORROW)
        assert str(failure.value) == (
            f"No end of 'sale-*' is scheduled at {self.TOMORROW.isoformat()}. Scheduled:\n"
            f"  sale-1 at {end.due.isoformat()}"
        )

    def test_that_was_moved_or_canceled_does_not_count(self, sale):
        first = services.end_activity(sale, after=dt.timedelta(hours=3))
        moved = services.end_activity(sale, after=dt.timedelta(hours=5))
        assert assert_activity_end_scheduled(sale) == moved
        with pytest.raises(AssertionError):
            assert_activity_end_scheduled(sale, at=first.due)
        services.keep_activity(sale)
        with pytest.raises(AssertionError, match="No end of it is scheduled"):
            assert_activity_end_scheduled(sale)

    def test_is_not_an_end_that_is_due(self, sale):
        services.end_activity(sale)
        with pytest.raises(AssertionError, match="No end of 'sale-1' is scheduled"):
            assert_activity_end_scheduled(sale)
