"""Calls that may still arrive: a late PUT must not revive a card, nor a late DELETE end one."""

from __future__ import annotations

import time

import pytest

from django_liveactivity import services
from django_liveactivity.models import Lane, Operation
from tests.clock import advance

from .vocabulary import alive, calls, deliver, progress, states, status

FAST_CALLS = {"call_deadline": 300}


@pytest.fixture
def vendor(configure, sandbox, db):
    """A vendor that is given up after 0.3 s, and applies what it was late with after 1.5 s."""
    configure(timing=FAST_CALLS)
    sandbox.late_after = 1.5
    return sandbox


def until(condition) -> None:
    """Wait for something that the vendor does by itself."""
    limit = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def test_a_late_put_is_followed_by_a_confirming_delete(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    vendor.faults = "PUT:late@1"
    services.stream_activity("order-42", progress(50))
    deliver()
    assert states(card)[-1] == "stream pending ambiguous"

    services.end_activity(card)
    deliver()
    assert calls(vendor)[-1] == "DELETE order-42 200"
    assert status(card) == "ended"
    assert Operation.objects.get(kind="end").state == "pending"

    until(lambda: alive(vendor))  # the late PUT has revived the card
    deliver()
    assert alive(vendor)
    advance(61)
    deliver()
    assert vendor.phone()["empty"]
    assert states(card)[-1].startswith("end done")


def test_an_end_after_the_quarantine_needs_no_confirmation(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    vendor.faults = "PUT:hang@1"
    services.stream_activity("order-42", progress(50))
    deliver()
    advance(61)
    services.end_activity(card)
    deliver()
    assert states(card)[-1] == "end done delivered"


def test_content_of_the_open_generation_is_tried_again_without_quarantine(vendor):
    services.stream_activity("order-42", progress(40))
    vendor.faults = "PUT:hang@1"
    deliver()
    advance(3)
    deliver()
    assert alive(vendor) == {"order-42": 40}


def test_the_next_generation_waits_for_a_late_delete(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    vendor.faults = "DELETE:late@1"
    services.end_activity(card)
    services.stream_activity("order-42", progress(1))
    deliver()
    advance(3)
    deliver()
    assert [c.split()[0] for c in calls(vendor)] == ["PUT", "DELETE", "DELETE"]
    assert deliver().again_in == pytest.approx(57, abs=5)
    until(lambda: all(call["applied"] for call in vendor.calls()))
    advance(61)
    deliver()
    assert alive(vendor) == {"order-42": 1}


def test_a_manual_card_cannot_be_revived_and_needs_no_quarantine(vendor, sandbox):
    vendor.faults = "POST/end:hang@1"
    services.end_activity(activity_id="some-id", content=progress(100))
    deliver()
    assert Lane.objects.get().ambiguous_until == 0
