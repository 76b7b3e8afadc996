"""What the log says of calls: a line for each, each trouble once, and what becomes of it."""

from __future__ import annotations

import re

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.models import Attempt
from tests.clock import advance

from .vocabulary import deliver, progress


def test_a_first_failure_is_told_and_the_next_ones_are_not(vendor, said):
    vendor.faults = "PUT:500@1,PUT:500@2"
    services.stream_activity("order-42", progress(10))
    deliver()
    advance(60)
    deliver()
    assert len(said()) == 1
    assert said()[0].startswith("default: stream of order-42: ambiguous 500 ")
    assert said()[0].endswith("; it is tried again.")


def test_content_that_is_refused_is_told_with_the_vendors_words(vendor, said):
    services.stream_activity("order-42", {"title": "Order 42", "type": "timer"})
    deliver()
    assert len(said()) == 1
    assert "order-42: rejected 400 " in said()[0]
    assert "duration_seconds" in said()[0]
    assert said()[0].endswith("; it is not sent again.")


def test_an_end_that_needs_an_operator_is_told_once(vendor, said):
    services.end_activity(activity_id="unknown", content=Progress(title="Gone", percentage=100))
    deliver()
    advance(3601)
    deliver()
    assert len(said()) == 1
    assert "end of unknown: not_found 404 " in said()[0]
    assert said()[0].endswith("; it is tried once an hour, and needs an operator.")


def test_a_warning_of_throttling_is_kept_and_told_once_per_card(vendor, said):
    for percentage in range(16):
        services.stream_activity("order-42", progress(percentage))
        deliver()
    assert len(said()) == 1
    assert said()[0].startswith("default: stream of order-42: delivered 200 More than 12 updates")
    errors = list(Attempt.objects.order_by("pk").values_list("error", flat=True))
    assert ["throttle" in error for error in errors] == [False] * 13 + [True] * 3


def test_content_that_is_ignored_or_reaches_some_devices_is_told(vendor, said):
    vendor.faults = "PUT:partial@1,PUT:ignored@2"
    for percentage in (10, 20):
        services.stream_activity("order-42", progress(percentage))
        deliver()
    assert len(said()) == 2
    assert said()[0] == "default: stream of order-42: partial 200 device 2: BadDeviceToken."
    assert said()[1].startswith("default: stream of order-42: noop 200 ignored by the vendor; ")


@pytest.mark.parametrize("delivery", ["partial", "forced"])
def test_an_end_that_may_not_have_reached_all_devices_is_told(vendor, said, delivery):
    vendor.policy.delivery = delivery
    services.stream_activity("order-42", progress(10))
    deliver()
    services.end_activity(stream_key="order-42")
    deliver()
    assert len(said()) == 1
    assert said()[0].startswith(f"default: end of order-42: {delivery} 200 ")


def test_a_second_end_is_no_complaint(vendor, said):
    services.stream_activity("order-42", progress(10))
    deliver()
    for reason in ("once", "twice"):
        services.end_activity(stream_key="order-42", reason=reason)
        deliver()
    assert said() == []


def test_a_full_or_frozen_account_is_no_complaint(vendor, said):
    vendor.faults = "PUT:429@1"
    services.stream_activity("order-42", progress(10))
    deliver()
    assert said() == []


@pytest.fixture
def lines(caplog):
    """A line for each call so far, without the time that it took."""
    caplog.set_level("INFO", "django_liveactivity.calls")
    name = "django_liveactivity.calls"
    return lambda: [
        re.fullmatch(r"default: (.*) in \d+ ms", record.getMessage())[1]
        for record in caplog.records
        if (record.name, record.levelname) == (name, "INFO")
    ]


def test_each_call_is_a_line(vendor, lines):
    vendor.faults = "PUT:500@1,DELETE:reset@1"
    services.stream_activity("deploy-42", progress(10))
    deliver()
    advance(60)
    deliver()
    services.end_activity(stream_key="deploy-42")
    deliver()
    services.end_activity(activity_id="elsewhere", content=Progress(title="x", percentage=100))
    deliver()
    assert lines() == [
        "PUT deploy-42 500 ambiguous",
        "PUT deploy-42 200 delivered",
        "DELETE deploy-42 ambiguous",
        "POST end elsewhere 404 not_found",
    ]
