"""Corners that a reviewer found: each of these once lost an end, ended a wrong card, or spun."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from django_liveactivity import conf, services
from django_liveactivity.client import Client
from django_liveactivity.delivery import sweep
from django_liveactivity.exceptions import InvalidInputError, UnacknowledgedEndError
from django_liveactivity.models import AccountState, Attempt, Lane, LiveActivity, Operation
from tests.clock import advance
from tests.conftest import KEY

from .vocabulary import alive, calls, deliver, progress, status

SECOND = dt.timedelta(seconds=1)
DAY = 24 * 3600


def twin_of(card: LiveActivity) -> LiveActivity:
    """A second row of the same key, as two hosts leave it that show it at the same time."""
    twin = LiveActivity.objects.get(pk=card.pk)
    twin.pk, twin._state.adding = None, True
    twin.save()
    content = Operation.objects.filter(activity=card).latest("pk")
    content.pk, content._state.adding, content.activity = None, True, twin
    content.state, content.next_try_at = "pending", content.created_at
    content.save()
    return twin


class TestNoEndIsLost:
    def test_a_card_that_was_started_elsewhere_is_alive_without_a_call_of_ours(
        self, vendor, sandbox
    ):
        with Client(KEY, base_url=sandbox.url) as client:
            identity = client.start(progress(1)).activity_id
        services.track_activity(identity, progress(50))
        services.end_activity(activity_id=identity)
        deliver()
        assert vendor.phone()["empty"]
        assert calls(vendor)[-1] == "POST end 200"

    def test_a_key_that_was_ended_before_we_showed_it_may_be_alive(self, vendor):
        services.end_activity(stream_key="order-42", after=3600 * SECOND)
        services.stream_activity("order-42", progress(1))
        services.end_activity(stream_key="order-42")
        deliver()
        assert calls(vendor) == ["DELETE order-42 404"]

    @pytest.mark.parametrize("by_key", [True, False])
    def test_an_end_after_a_cancelled_one_is_an_end(self, vendor, card, by_key):
        services.end_activity(card, after=10 * SECOND)
        services.keep_activity(card)
        advance(20)
        services.end_activity(**({"stream_key": "order-42"} if by_key else {"activity": card}))
        deliver()
        assert vendor.phone()["empty"]

    def test_an_end_after_a_moved_one_is_an_end(self, vendor, card):
        services.end_activity(card, after=10 * SECOND)
        services.end_activity(card, after=1000 * SECOND)
        advance(20)
        services.end_activity(card)
        deliver()
        assert vendor.phone()["empty"]

    def test_an_end_by_the_key_of_a_card_that_is_pruned_meanwhile_is_delivered(self, vendor, card):
        services.end_activity(card)
        deliver()
        advance(31 * DAY)
        end = services.end_activity(stream_key="order-42")
        assert end.activity != card
        sweep(lambda _: None)
        deliver()
        end.refresh_from_db()
        assert end.state == "done"
        assert not LiveActivity.objects.filter(pk=card.pk).exists()

    def test_an_instance_of_a_card_that_was_pruned_still_ends_its_key(self, vendor, card):
        services.end_activity(card)
        deliver()
        advance(31 * DAY)
        sweep(lambda _: None)
        services.end_activity(card)
        deliver()
        assert calls(vendor)[-1] == "DELETE order-42 200"

    def test_a_card_can_be_ended_after_its_end_was_moved_often(self, vendor, sandbox):
        with Client(KEY, base_url=sandbox.url) as client:
            identity = client.start(progress(1)).activity_id
        card = services.track_activity(identity, progress(50))
        for _ in range(25):
            services.end_activity(card, after=3600 * SECOND)
        services.end_activity(card, dismiss_after=0 * SECOND)
        deliver()
        assert vendor.phone()["empty"]

    def test_a_lane_whose_open_attempt_is_gone_goes_on(self, vendor, card):
        Lane.objects.update(open_attempt=4711)
        Attempt.objects.all()._raw_delete("default")
        services.end_activity(card)
        deliver()
        assert vendor.phone()["empty"]

    def test_a_living_card_cannot_be_deleted(self, vendor, card):
        with pytest.raises(UnacknowledgedEndError):
            LiveActivity.objects.all().delete()
        with pytest.raises(UnacknowledgedEndError):
            card.delete()


class TestNoOtherCardEnds:
    def test_both_rows_of_a_key_end_with_either(self, vendor, card):
        twin = twin_of(card)
        deliver()
        services.end_activity(card)
        deliver()
        assert (status(card), status(twin)) == ("ended", "ended")
        third = services.stream_activity("order-42", progress(1))
        assert third not in (card, twin)
        deliver()
        services.end_activity(twin)
        services.end_activity(card)
        deliver()
        assert alive(vendor) == {"order-42": 1}

    def test_a_scheduled_end_of_a_card_that_is_ending_does_not_end_the_next(self, vendor, card):
        vendor.faults = "DELETE:500@1"
        end = services.end_activity(card)
        deliver()
        assert services.end_activity(card, progress(99), after=600 * SECOND) == end
        advance(61)
        deliver()
        services.stream_activity("order-42", progress(1))
        deliver()
        advance(601)
        deliver()
        assert alive(vendor) == {"order-42": 1}


class TestNothingSpins:
    def test_a_card_that_the_phone_lost_waits_for_room_as_a_start_does(self, vendor, card):
        vendor.dismiss("order-42")
        for number in range(4):
            services.stream_activity(f"other-{number}", progress(1))
        deliver()
        before = len(calls(vendor))
        services.stream_activity("order-42", progress(50))
        deliver()
        deliver()
        assert len(calls(vendor)) - before == 1
        services.end_activity(stream_key="other-1")
        deliver()
        assert alive(vendor)["order-42"] == 50

    def test_a_429_that_asks_for_no_time_at_all_freezes_all_the_same(self, vendor, card):
        vendor.policy.retry_after = 0.0
        vendor.faults = "DELETE:429@1+"
        services.end_activity(card)
        assert deliver().calls == 1

    def test_a_retry_does_not_bring_a_scheduled_end_forward(self, vendor, card):
        end = services.end_activity(card, after=600 * SECOND)
        with pytest.raises(InvalidInputError, match="This end is scheduled for"):
            services.retry_operation(end, actor="ann")
        services.stream_activity("other", progress(1))
        assert deliver().calls == 1
        assert "order-42" in alive(vendor)

    def test_a_retry_of_one_of_two_ends_tries_them_both(self, vendor, card):
        vendor.faults = "DELETE:403@1"
        first = services.end_activity(card)
        services.end_activity(card, progress(100))
        deliver()
        services.retry_operation(first, actor="ann")
        deliver()
        assert vendor.phone()["empty"]

    def test_a_lane_that_cannot_be_planned_is_set_aside_with_its_deadline(self, vendor, caplog):
        services.stream_activity("order-42", progress(1), time_to_live=60 * SECOND)
        deliver()
        Operation.objects.update(time_to_live=1)
        Lane.objects.update(
            deadline_at=1, displayed_id=-1, newest_content_id=Operation.objects.get().pk
        )
        Operation.objects.update(activity=4711)
        begun = time.monotonic()
        deliver()
        assert time.monotonic() - begun < 5

    def test_an_operator_action_is_reason_enough_for_a_wake_up(self, vendor, card):
        vendor.faults = "DELETE:403@1"
        end = services.end_activity(card)
        deliver()
        services.retry_operation(end, actor="ann")
        assert sweep(lambda _: None) == ["default"]

    def test_one_broken_account_does_not_keep_the_others_from_their_sweep(
        self, vendor, settings, caplog
    ):
        services.end_activity(stream_key="order-42")
        settings.LIVEACTIVITY = {
            "broken": {**settings.LIVEACTIVITY["default"], "DATABASE": "nowhere"},
            **settings.LIVEACTIVITY,
        }
        assert sweep(lambda _: None) == ["default"]
        assert "Database 'nowhere' could not be swept" in caplog.text


def test_a_drain_without_a_permit_says_that_there_may_be_more(vendor):
    from django_liveactivity.delivery.limits import permits

    account = conf.account()
    permits.ensure_rows(account)
    with (
        permits.permit(account),
        permits.permit(account),
        permits.permit(account),
        permits.permit(account),
    ):
        assert deliver().more


def test_a_lane_in_another_worker_s_hands_is_more_to_do(vendor):
    services.end_activity(stream_key="order-42")
    Operation.objects.get()
    deliver()
    services.end_activity(stream_key="order-42")
    Lane.objects.update(lease_until=2**60)
    assert deliver().more


def test_an_id_that_is_too_long_is_none_of_the_vendor_s():
    from django_liveactivity.client import Answer, Outcome

    assert Answer(Outcome.DELIVERED, body={"activity_id": "x" * 256}).activity_id is None


def test_a_card_shown_again_by_an_old_id_keeps_its_channels(vendor):
    card = services.stream_activity("order-42", progress(1), channels=["ops"])
    deliver()
    card.refresh_from_db()
    services.end_activity(card)
    deliver()
    services.track_activity(card.activity_id, progress(2))
    deliver()
    assert vendor.calls()[-1]["body"]["channels"] == ["ops"]


def test_a_longer_freeze_is_not_shortened(vendor, card):
    services.end_activity(card)
    AccountState.objects.update(frozen_until=0)
    vendor.policy.retry_after = 200.0
    vendor.faults = "DELETE:429@1"
    assert deliver().again_in == pytest.approx(200, abs=3)
