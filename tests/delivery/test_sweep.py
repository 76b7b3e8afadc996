"""The sweep: heartbeats, wake-ups, and rows that have served."""

from __future__ import annotations

import datetime as dt

import pytest
from django.apps import apps
from django.db.models import F

from django_liveactivity import conf, selectors, services
from django_liveactivity.delivery import prune as pruning, sweep
from django_liveactivity.health import status
from django_liveactivity.models import (
    AccountState,
    Attempt,
    Lane,
    LiveActivity,
    Operation,
    OperatorAction,
)
from tests.clock import advance

from .vocabulary import deliver, progress

DAY = 24 * 3600


def count() -> dict[str, int]:
    models = apps.get_app_config("django_liveactivity").get_models()
    own = ("AccountState", "DrainPermit", "Heartbeat", "MetricTotal", "RateLimitSlot")
    return {m.__name__: m.objects.count() for m in models if m.__name__ not in own}


def test_only_an_account_with_something_due_is_woken(vendor):
    woken = []
    assert sweep(woken.append) == []
    services.end_activity(stream_key="later", after=dt.timedelta(minutes=1))
    assert sweep(woken.append) == []
    services.end_activity(stream_key="now")
    assert sweep(woken.append) == woken == ["default"]
    assert sweep(woken.append) == ["default"]


def test_a_card_whose_time_is_over_is_reason_for_a_wake_up(vendor):
    services.stream_activity("order-42", progress(1), time_to_live=dt.timedelta(minutes=1))
    deliver()
    assert sweep(lambda _: None) == []
    advance(61)
    assert sweep(lambda _: None) == ["default"]


class TestAlarms:
    """An account that its alarm wakes needs no sweep, unless there is more than content to do."""

    @pytest.fixture
    def waiting(self, configure, sandbox, db):
        """An account whose third card has to wait for the spacing of content."""
        configure(rate_limit=(5, 60))
        for number in range(3):
            services.stream_activity(f"card-{number}", progress(number))
        assert deliver().calls == 2
        return AccountState.objects

    def test_content_waits_for_its_alarm(self, waiting):
        assert sweep(lambda _: None) == []

    def test_an_end_does_not(self, waiting):
        services.end_activity(stream_key="order-42")
        assert sweep(lambda _: None) == ["default"]

    @pytest.mark.parametrize(("late", "woken"), [(1, []), (3, ["default"])])
    def test_a_wake_up_that_is_2_s_late_is_lost(self, waiting, late, woken):
        advance(11.4 + late)  # the spacing is 0.95 of a fifth of a minute
        assert sweep(lambda _: None) == woken

    def test_content_that_may_go_now_does_not_wait_for_another_s_alarm(self, waiting):
        advance(15)
        waiting.update(alarm_at=F("alarm_at") + 60_000)  # as for an end that is scheduled
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

    def test_a_long_backlog_of_old_cards_goes_with_one_sweep(self, vendor, monkeypatch):
        monkeypatch.setattr(pruning, "CARDS", 4)
        ended_long_ago(10)
        sweep(lambda _: None)
        assert set(count().values()) == {0}

    def test_cards_that_must_stay_do_not_keep_younger_ones_from_being_pruned(
        self, vendor, monkeypatch
    ):
        monkeypatch.setattr(pruning, "CARDS", 2)
        cards = ended_long_ago(7)
        for age, card in enumerate(cards):  # those that stay are found first
            LiveActivity.objects.filter(pk=card.pk).update(ended_at=age + 1)
        Operation.objects.filter(activity__in=cards[:3]).update(state="pending")
        sweep(lambda _: None)
        assert list(LiveActivity.objects.order_by("pk")) == cards[:3]

    def test_a_sweep_prunes_for_a_bounded_time(self, vendor, monkeypatch):
        monkeypatch.setattr(pruning, "SECONDS", 0.0)
        ended_long_ago(3)
        sweep(lambda _: None)
        assert LiveActivity.objects.count() == 3

    def test_a_card_that_was_updated_often_goes_step_by_step(self, vendor, monkeypatch):
        monkeypatch.setattr(pruning, "ROWS", 10)
        card = services.stream_activity("order-42", progress(1))
        deliver()
        for percentage in range(2, 60):
            services.stream_activity("order-42", progress(percentage))
        services.end_activity(card)
        deliver()
        advance(31 * DAY)
        sweep(lambda _: None)
        assert set(count().values()) == {0}

    def test_a_card_that_is_half_pruned_has_still_ended(self, vendor, monkeypatch):
        """A process may be killed between any two steps."""
        monkeypatch.setattr(pruning, "ROWS", 1)
        card = services.stream_activity("order-42", progress(1))
        deliver()
        for percentage in range(2, 6):
            services.stream_activity("order-42", progress(percentage))
        services.end_activity(card)
        deliver()
        advance(31 * DAY)

        def killed(*args):
            raise SystemExit

        monkeypatch.setattr(pruning, "_forget", killed)
        with pytest.raises(SystemExit):
            sweep(lambda _: None)
        assert Operation.objects.count() == 2
        assert not selectors.live(LiveActivity.objects.all()).exists()
        monkeypatch.undo()
        sweep(lambda _: None)
        assert set(count().values()) == {0}

    def test_an_operation_that_a_host_inserted_meanwhile_stays_with_its_card(
        self, vendor, monkeypatch
    ):
        [card] = ended_long_ago(1)
        forget = pruning._forget

        def insert_first(*args):
            late = Operation.objects.get()
            late.pk, late.state = None, "pending"
            late.save(force_insert=True)
            return forget(*args)

        monkeypatch.setattr(pruning, "_forget", insert_first)
        sweep(lambda _: None)
        assert LiveActivity.objects.get() == card
        assert Operation.objects.get().state == "pending"

    def test_operator_actions_go_with_their_operation_or_by_their_own_age(self, vendor):
        card = services.stream_activity("order-42", progress(1))
        services.retry_operation(Operation.objects.get(), actor="ann")
        services.probe_account(actor="ann")
        deliver()
        services.end_activity(card)
        deliver()
        advance(31 * DAY)
        services.probe_account(actor="bob")
        sweep(lambda _: None)
        assert [action.actor for action in OperatorAction.objects.all()] == ["bob"]
        deliver()
        sweep(lambda _: None)
        assert [action.actor for action in OperatorAction.objects.all()] == ["bob"]

    def test_what_is_not_old_costs_one_look_each(self, vendor, django_assert_num_queries):
        card = services.stream_activity("order-42", progress(1))
        deliver()
        services.end_activity(card)
        deliver()
        with django_assert_num_queries(
            4
        ):  # cards, operator actions, choices of cards, failed hooks
            assert pruning.prune("default", conf.databases()["default"]) == 0

    def test_other_accounts_keep_their_rows(self, vendor, settings):
        ended_long_ago(1)
        account = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"other": account}
        sweep(lambda _: None)
        assert LiveActivity.objects.count() == 1
        assert Attempt.objects.count() == 1


def ended_long_ago(number: int) -> list[LiveActivity]:
    """Cards that were ended, delivered, and have been of no use for a month."""
    ends = [services.end_activity(stream_key=f"order-{n}") for n in range(number)]
    deliver()
    advance(31 * DAY)
    return [end.activity for end in ends]
