"""Which cards and ends a read names, by the times and the names that decide it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from django_liveactivity import Progress, conf, selectors, services
from django_liveactivity.health.status import account_status
from django_liveactivity.models import LiveActivity, Operation, Subject, TrackingFailure
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.delivery.test_regressions import twin_of
from tests.reads import statements
from tests.shop.models import Order

CONTENT = Progress(title="Order 42", percentage=40)
HOUR = 3600
DAY = 24 * HOUR
pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def order():
    return Order.objects.create()


@pytest.mark.parametrize(("hours", "is_open"), [(0.99, True), (1.01, False)])
def test_a_card_that_a_late_end_took_is_open_for_an_hour(order, hours, is_open):
    card = services.stream_activity("order-42", CONTENT, subject=order)
    deliver()
    LiveActivity.objects.update(status="ended")
    LiveActivity.objects.update(ended_at=Operation.objects.get().created_at)
    advance(hours * HOUR)
    found = selectors.open_cards(conf.account(), [Subject.of(order)])
    assert found == ([card] if is_open else [])


@pytest.mark.parametrize(("days", "is_named"), [(28.99, True), (29.01, False)])
def test_a_card_is_named_until_a_day_before_it_is_pruned(days, is_named):
    card = services.stream_activity("order-42", CONTENT)
    services.end_activity(card)
    deliver()
    advance(days * DAY)
    found = selectors.newest_by_stream_key(conf.account(), "order-42")
    assert found == (card if is_named else None)
    assert (selectors.by_pk(conf.account(), card.pk) is not None) is is_named


@pytest.mark.parametrize(("hours", "count"), [(23.9, 1), (24.1, 0)])
def test_the_failure_of_a_hook_is_told_for_a_day(hours, count):
    card = services.stream_activity("order-42", CONTENT)
    TrackingFailure.objects.create(
        account="default", tracked_by="x", created_at=Operation.objects.get().created_at
    )
    assert card.pk
    advance(hours * HOUR)
    assert account_status(conf.account()).tracking_failures == count


def test_the_cards_that_are_tracked_are_of_objects_and_not_over(order):
    services.stream_activity("of-nothing", CONTENT)
    shown = services.stream_activity("shown", CONTENT, subject=order)
    for status in LiveActivity.OVER:
        card = services.stream_activity(f"{status}", CONTENT, subject=order)
        LiveActivity.objects.filter(pk=card.pk).update(status=status)
    services.end_activity(services.stream_activity("ending", CONTENT, subject=order))
    assert list(selectors.tracked_cards(selectors.activities(conf.account()))) == [shown]
    assert list(selectors.tracked_cards(selectors.activities(conf.account()), ["shop.Order"])) == [
        shown
    ]
    assert (
        list(selectors.tracked_cards(selectors.activities(conf.account()), ["shop.Customer"])) == []
    )


def test_the_end_of_a_past_card_does_not_close_a_card_whose_content_was_refused():
    past = services.stream_activity("order-42", CONTENT)
    services.end_activity(past)
    deliver()
    card = services.stream_activity("order-42", CONTENT)
    Operation.objects.filter(activity=card).update(state="failed", next_try_at=None)
    found = selectors.newest_by_stream_key(conf.account(), "order-42")
    assert (found, bool(found.is_closed), found.newest_content_id) == (card, False, None)
    assert services.stream_activity("order-42", CONTENT) == card


def test_a_scheduled_end_closes_the_second_row_of_its_key_as_the_plan_does():
    card = services.stream_activity("order-42", CONTENT)
    services.end_activity(card, after=timedelta(hours=1))
    services.stream_activity("order-42", CONTENT)
    twin = twin_of(card)  # its content has a later id than the end, and is older than the due time
    advance(2 * HOUR)
    cards = selectors.described(selectors.activities(conf.account()))
    assert [(row.pk, bool(row.is_closed)) for row in cards] == [(twin.pk, True), (card.pk, True)]
    deliver()
    assert set(LiveActivity.objects.values_list("status", flat=True)) == {"ended"}


def test_the_end_that_stands_for_a_card_is_newer_than_its_content():
    services.end_activity(services.stream_activity("order-42", CONTENT))
    deliver()
    card = services.stream_activity("order-42", CONTENT)
    end = services.end_activity(card)
    assert selectors.due_ends([card]) == {card.pk: end}


def columns(end):
    return {field.attname: getattr(end, field.attname) for field in end._meta.concrete_fields}


@pytest.mark.parametrize("count", [0, 1, 3])
def test_ends_are_read_in_one_statement_with_their_cards(count):
    cards = [services.stream_activity(f"job-{n}", CONTENT) for n in range(count)]
    ends = [services.end_activity(card, CONTENT, reason="done") for card in cards]
    found = []

    assert len(statements(lambda: found.extend(selectors.as_stored(ends[::-1])))) == min(count, 1)
    assert statements(lambda: [end.activity.stream_key for end in found]) == []

    assert [end.activity for end in found] == cards
    assert [columns(end) for end in found] == [columns(end) for end in ends]


def test_a_standing_end_is_read_with_the_card_of_its_own():
    first = services.stream_activity("job", CONTENT)
    services.end_activity(first)
    standing = services.end_activity(stream_key="job")

    (found,) = selectors.as_stored([standing])

    assert (found, found.activity) == (standing, first)
