"""Content that commits after the end of its key, or after newer content: its row waits no more."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from django_liveactivity import services
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.signals import activity_ended
from tests.clock import advance

from .vocabulary import alive, calls, deliver, progress, states, status


@contextmanager
def commits_late(*, seconds: int = 0) -> Iterator[None]:
    """Let the newest rows appear when the block is over, in which so much time has passed."""
    rows = [*LiveActivity.objects.order_by("-pk")[:1], *Operation.objects.order_by("-pk")[:1]]
    for row in rows:
        type(row).objects.filter(pk=row.pk)._raw_delete("default")
    yield
    for row in rows:
        row.created_at -= seconds * 1000
        row.save(force_insert=True)


def test_a_row_whose_key_was_ended_meanwhile_has_ended(vendor):
    heard: list[int] = []

    def hear(activity, **_):
        heard.append(activity.pk)

    card = services.stream_activity("order-42", progress(40))
    with commits_late():
        services.end_activity(stream_key="order-42")
        deliver()
    activity_ended.connect(hear)
    try:
        deliver()
    finally:
        activity_ended.disconnect(hear)
    assert (status(card), states(card)) == ("ended", ["stream superseded"])
    assert heard == [card.pk]
    assert calls(vendor) == ["DELETE order-42 404"]
    assert LiveActivity.objects.get(pk=card.pk).ended_at


def test_a_row_whose_key_was_ended_by_a_scheduled_end_has_ended(vendor):
    services.stream_activity("order-42", progress(10))
    services.end_activity(stream_key="order-42", after=dt.timedelta(seconds=5))
    twin = LiveActivity.objects.latest("pk")
    twin.pk = None
    twin.save(force_insert=True)
    content = Operation.objects.earliest("pk")
    content.pk, content.activity = None, twin
    content.save(force_insert=True)
    with commits_late(seconds=6):
        deliver()
        advance(6)
        deliver()
        assert alive(vendor) == {}
    deliver()
    assert (status(twin), states(twin)) == ("ended", ["stream superseded"])


def test_a_row_with_something_left_waits_for_it(vendor):
    card = services.stream_activity("order-42", progress(40))
    with commits_late():
        services.end_activity(stream_key="order-42")
        deliver()
    newer = Operation.objects.filter(activity=card).get()
    newer.pk = None
    newer.save(force_insert=True)
    vendor.faults = "PUT:500@1"
    deliver()
    assert (status(card), states(card)) == (
        "pending",
        ["stream superseded", "stream pending ambiguous"],
    )
    advance(61)
    deliver()
    assert (status(card), alive(vendor)) == ("live", {"order-42": 40})


@pytest.mark.parametrize("hidden_because", ["", "paused"])
def test_a_row_that_comes_after_newer_content_has_the_status_of_its_card(vendor, hidden_because):
    late = services.stream_activity("order-42", progress(40))
    with commits_late():
        services.stream_activity("order-42", progress(90))
        deliver()
        if hidden_because:
            vendor.pause("order-42")
            services.stream_activity("order-42", progress(95))
            deliver()
    deliver()
    assert states(late) == ["stream superseded"]
    assert status(late) == (hidden_because or "live")
    services.end_activity(stream_key="order-42")
    deliver()
    assert status(late) == "ended"


def test_a_row_whose_only_content_was_refused_has_the_status_of_its_card(vendor):
    services.stream_activity("order-42", progress(40))
    deliver()
    twin = LiveActivity.objects.get()
    twin.pk, twin.status = None, "pending"
    twin.save(force_insert=True)
    content = Operation.objects.get()
    content.pk, content.activity, content.state = None, twin, "pending"
    content.next_try_at, content.finished_at = content.created_at, None
    content.content = progress(50).to_json()
    content.save(force_insert=True)
    vendor.faults = "PUT:422@1"
    deliver()
    assert states(twin) == ["stream failed no_recipients"]
    assert status(twin) == "live"


def test_a_row_whose_only_content_was_given_up_has_failed(vendor):
    vendor.faults = "PUT:500@1+"
    card = services.stream_activity("order-42", progress(40))
    deliver()
    content = Operation.objects.get()
    services.give_up_operation(content, actor="ann", reason="The vendor is down.")
    deliver()
    assert (status(card), states(card)) == ("failed", ["stream given_up ambiguous"])
