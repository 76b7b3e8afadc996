"""The sweep: heartbeats, wake-ups, and rows that have served."""

from __future__ import annotations

import datetime as dt

import pytest
from django.apps import apps

from django_liveactivity import conf, services, status
from django_liveactivity.delivery import sweep
from django_liveactivity.models import Lane, LiveActivity, Operation
from tests.clock import advance

from .world import deliver, progress

DAY = 24 * 3600


def count() -> dict[str, int]:
    models = apps.get_app_config("django_liveactivity").get_models()
    own = ("AccountState", "Seat", "Slot")
    return {m.__name__: m.objects.count() for m in models if m.__name__ not in own}


def test_only_an_account_with_something_due_is_kicked(vendor):
    kicked = []
    assert sweep(kicked.append) == []
    services.end_activity(stream_key="later", after=dt.timedelta(minutes=1))
    assert sweep(kicked.append) == []
    services.end_activity(stream_key="now")
    assert sweep(kicked.append) == kicked == ["default"]
    assert sweep(kicked.append) == ["default"]


def test_a_card_whose_time_is_over_is_reason_for_a_kick(vendor):
    services.stream_activity("order-42", progress(1), time_to_live=dt.timedelta(minutes=1))
    deliver()
    assert sweep(lambda _: None) == []
    advance(61)
    assert sweep(lambda _: None) == ["default"]


def test_every_sweep_is_a_heartbeat(vendor):
    assert status.account_status(conf.account()).heartbeat_age is None
    sweep(lambda _: None)
    advance(100)
    assert status.account_status(conf.account()).heartbeat_age == pytest.approx(100, abs=5)


class TestPruning:
    def test_forgets_a_card_that_ended_a_month_ago_with_all_that_belongs_to_it(self, vendor):
        card = services.stream_activity("order-42", progress(1))
        deliver()
        services.end_activity(card)
        deliver()
        advance(29 * DAY)
        sweep(lambda _: None)
        assert LiveActivity.objects.count() == 1
        advance(2 * DAY)
        sweep(lambda _: None)
        assert set(count().values()) == {0}

    def test_forgets_a_card_that_failed_a_month_ago(self, vendor):
        vendor.faults = "PUT:400@1"
        services.stream_activity("order-42", progress(1))
        deliver()
        advance(31 * DAY)
        sweep(lambda _: None)
        assert LiveActivity.objects.count() == 0

    def test_never_forgets_an_end_that_is_not_acknowledged(self, vendor):
        card = services.stream_activity("order-42", progress(1))
        deliver()
        vendor.faults = "DELETE:403@1+"
        services.end_activity(card)
        deliver()
        LiveActivity.objects.update(status="ended", ended_at=1)
        before = count()
        sweep(lambda _: None)
        assert count() == before

    def test_never_forgets_a_card_that_lives(self, vendor):
        services.stream_activity("order-42", progress(1), time_to_live=None)
        deliver()
        advance(400 * DAY)
        sweep(lambda _: None)
        assert LiveActivity.objects.count() == 1

    def test_keeps_a_lane_that_a_newer_card_needs(self, vendor):
        card = services.stream_activity("order-42", progress(1))
        deliver()
        services.end_activity(card)
        deliver()
        advance(31 * DAY)
        newer = services.stream_activity("order-42", progress(2))
        deliver()
        sweep(lambda _: None)
        assert list(LiveActivity.objects.all()) == [newer]
        assert Lane.objects.count() == 1
        assert set(Operation.objects.values_list("activity", flat=True)) == {newer.pk}
