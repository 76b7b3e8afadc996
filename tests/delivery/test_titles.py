"""``LiveActivity.title`` and ``type`` say what the phone shows, without an extra statement."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import Metric, Metrics, services
from django_liveactivity.models import LiveActivity

from .vocabulary import deliver, progress


def shown(card: LiveActivity) -> tuple[str, str]:
    """The title and the type as stored."""
    row = LiveActivity.objects.get(pk=card.pk)
    return row.title, row.type


@pytest.fixture
def card(vendor):
    row = services.stream_activity("order-42", progress(40, "Order 42"))
    deliver()
    return row


def test_acknowledged_content_gives_its_title_and_type(card):
    assert shown(card) == ("Order 42", "progress")
    metrics = Metrics(title="Oven 3", metrics=[Metric(label="CPU", value=1)])
    services.stream_activity("order-42", metrics)
    assert shown(card) == ("Order 42", "progress"), "the phone does not show it yet"
    deliver()
    assert shown(card) == ("Oven 3", "metrics")


@pytest.mark.parametrize("fault", ["PUT:500@1", "PUT:ignored@1", "PUT:400@1"])
def test_content_that_the_phone_does_not_show_changes_nothing(vendor, card, fault):
    vendor.faults = fault
    services.stream_activity("order-42", progress(60, "Order 42, late"))
    deliver()
    assert shown(card) == ("Order 42", "progress")


def test_an_end_with_content_gives_its_title(card):
    services.end_activity(card, progress(100, "Delivered"))
    deliver()
    assert shown(card) == ("Delivered", "progress")


def test_an_end_without_content_keeps_the_last_title(card):
    services.end_activity(card)
    deliver()
    assert shown(card) == ("Order 42", "progress")


def test_an_end_shows_the_newest_content_that_was_never_sent(card):
    services.stream_activity("order-42", progress(90, "Order 42, nearly"))
    services.end_activity(card)
    deliver()
    assert shown(card) == ("Order 42, nearly", "progress")


def test_an_end_of_a_card_that_had_ended_before_shows_nothing(vendor, card):
    services.end_activity(card)
    deliver()
    services.end_activity(card, progress(100, "Too late"))
    deliver()
    assert shown(card) == ("Order 42", "progress")


def test_the_title_travels_in_the_update_that_is_made_anyway(vendor, card):
    services.stream_activity("order-42", progress(60, "Order 42, late"))
    with CaptureQueriesContext(
        connection,
    ) as statements:
        deliver()
    table = LiveActivity._meta.db_table
    updates = [q["sql"] for q in statements if "UPDATE" in q["sql"] and f"{table}" in q["sql"]]
    assert len(updates) == 1
    assert "title" in updates[0]
