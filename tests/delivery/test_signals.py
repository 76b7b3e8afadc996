"""What the host's receivers hear: all of it once, when it is stored, and what needs no call too."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.db import connection

from django_liveactivity import services
from django_liveactivity.client import Client
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.signals import (
    activity_ended,
    activity_started,
    operation_delivered,
    operation_failed,
)
from tests.clock import advance
from tests.conftest import KEY

from .test_claims import not_yet_committed
from .vocabulary import deliver, progress, states

SIGNALS = {
    "delivered": operation_delivered,
    "failed": operation_failed,
    "started": activity_started,
    "ended": activity_ended,
}


@pytest.fixture
def heard():
    """What was heard, as ``signal kind-or-key outcome``; clear it to hear the next part alone."""
    heard = []

    def hear(name):
        def receive(sender, signal, activity=None, operation=None, outcome="", **nothing):
            assert sender is type(activity or operation)
            assert nothing == {}
            what = activity or operation.kind
            heard.append(f"{name} {what} {outcome}".strip())

        return receive

    receivers = {name: hear(name) for name in SIGNALS}
    for name, signal in SIGNALS.items():
        signal.connect(receivers[name])
    yield heard
    for name, signal in SIGNALS.items():
        signal.disconnect(receivers[name])


def hold_back(card: LiveActivity) -> Callable[[], None]:
    """Take a card's rows back, as long as its host has not committed; return what commits them."""
    rows = [LiveActivity.objects.get(pk=card.pk)]
    rows += [not_yet_committed(operation) for operation in card.operations.all()]
    LiveActivity.objects.filter(pk=card.pk)._raw_delete("default")

    def commit() -> None:
        for row in rows:
            row.save(force_insert=True)

    return commit


@pytest.fixture
def card(vendor, heard):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    heard.clear()
    return card


class TestContent:
    def test_the_first_starts_the_card(self, vendor, heard):
        services.stream_activity("order-42", progress(40))
        deliver()
        assert heard == ["delivered stream delivered", "started order-42"]

    def test_the_next_does_not(self, card, heard):
        services.stream_activity("order-42", progress(60))
        deliver()
        assert heard == ["delivered stream delivered"]

    def test_a_new_generation_starts_again(self, card, heard):
        services.end_activity(card)
        deliver()
        heard.clear()
        services.stream_activity("order-42", progress(1))
        deliver()
        assert heard == ["delivered stream delivered", "started order-42"]

    def test_what_is_superseded_is_not_heard_of(self, vendor, heard):
        services.stream_activity("order-42", progress(40))
        services.stream_activity("order-42", progress(60))
        deliver()
        assert heard == ["delivered stream delivered", "started order-42"]

    def test_what_is_refused_fails(self, vendor, heard):
        vendor.faults = "PUT:400@1"
        services.stream_activity("order-42", progress(40))
        deliver()
        assert heard == ["failed stream rejected"]

    def test_what_is_tried_again_is_heard_of_when_it_arrives(self, vendor, heard):
        vendor.faults = "PUT:500@1"
        services.stream_activity("order-42", progress(40))
        deliver()
        assert heard == []
        advance(120)
        deliver()
        assert heard == ["delivered stream delivered", "started order-42"]

    def test_a_card_of_the_manual_lifecycle_was_started_elsewhere(self, vendor, heard):
        with Client(KEY, base_url=vendor.url) as client:
            activity_id = client.start(progress(1)).activity_id
        services.track_activity(activity_id, progress(40))
        deliver()
        assert heard == ["delivered update delivered"]


class TestAnEnd:
    def test_ends_the_card(self, card, heard):
        services.end_activity(card)
        deliver()
        assert heard == ["delivered end delivered", "ended order-42 delivered"]

    def test_of_a_card_that_the_vendor_does_not_know_ends_it_too(self, vendor, heard):
        services.end_activity(stream_key="prod-web-1")
        deliver()
        assert heard == ["delivered end not_found", "ended prod-web-1 not_found"]

    def test_of_a_card_that_was_never_sent_needs_no_call(self, vendor, heard):
        services.end_activity(services.stream_activity("order-42", progress(40)))
        deliver()
        assert vendor.calls() == []
        assert heard == ["delivered end never_started", "ended order-42 never_started"]

    def test_after_the_time_to_live_is_heard_of_as_any_other(self, vendor, heard):
        services.stream_activity("order-42", progress(1), time_to_live=dt.timedelta(minutes=1))
        deliver()
        heard.clear()
        advance(61)
        deliver()
        assert heard == ["delivered end delivered", "ended order-42 delivered"]

    def test_that_is_moved_is_heard_of_once(self, card, heard):
        services.end_activity(card, after=dt.timedelta(hours=1))
        services.end_activity(card)
        deliver()
        assert heard == ["delivered end delivered", "ended order-42 delivered"]

    def test_that_is_kept_off_is_not_heard_of(self, card, heard):
        services.end_activity(card, after=dt.timedelta(hours=1))
        services.keep_activity(card)
        deliver()
        assert heard == []

    def test_that_is_refused_is_heard_of_when_it_first_needs_an_operator(self, vendor, card, heard):
        vendor.faults = "DELETE:403@1+"
        services.end_activity(card)
        deliver()
        assert heard == ["failed end forbidden"]
        advance(3700)
        deliver()
        assert len(vendor.calls()) == 3
        assert heard == ["failed end forbidden"]

    def test_that_is_given_up_has_failed(self, vendor, card, heard):
        vendor.faults = "DELETE:500@1+"
        end = services.end_activity(card)
        deliver()
        services.give_up_operation(end, actor="ops", reason="The phone was lost.")
        deliver()
        assert heard == ["failed end ambiguous"]
        deliver()
        assert len(heard) == 1


class TestAnEndThatIsConfirmed:
    """After an ambiguous PUT: the vendor acknowledges the end, and a minute later once more."""

    @pytest.fixture
    def ambiguous(self, configure, sandbox, db, heard):
        configure(timing={"call_deadline": 300})
        sandbox.faults = "PUT:hang@1"
        card = services.stream_activity("order-42", progress(1))
        deliver()
        services.end_activity(card)
        deliver()
        return card

    def test_is_heard_of_once(self, ambiguous, heard):
        assert [word.split()[0] for word in heard] == ["delivered", "ended"]
        heard.clear()
        advance(61)
        deliver()
        assert states(ambiguous)[-1].startswith("end done")
        assert heard == []

    def test_is_no_news_for_an_end_that_came_in_between(self, ambiguous, heard):
        heard.clear()
        services.end_activity(ambiguous, progress(100))
        advance(61)
        deliver()
        assert len(Operation.objects.filter(kind="end", state="done")) == 2
        assert [word.split()[0] for word in heard] == ["delivered"]


class TestTwoRowsOfOneKey:
    """As two hosts make them, who show one key in transactions that overlap."""

    @pytest.fixture
    def twins(self, vendor, heard):
        one = services.stream_activity("order-42", progress(40))
        commit = hold_back(one)
        other = services.stream_activity("order-42", progress(60))
        commit()
        deliver()
        return one, other

    def test_start_together(self, twins, heard):
        assert heard == ["delivered stream delivered", "started order-42", "started order-42"]

    def test_end_together_by_the_end_of_one(self, twins, heard):
        heard.clear()
        services.end_activity(twins[0])
        deliver()
        assert heard == ["delivered end delivered"] + ["ended order-42 delivered"] * 2

    def test_end_together_by_the_ends_of_both(self, twins, heard):
        heard.clear()
        end = not_yet_committed(services.end_activity(twins[0]))
        services.end_activity(twins[1])
        end.save(force_insert=True)
        deliver()
        assert heard == ["delivered end delivered"] * 2 + ["ended order-42 delivered"] * 2

    def test_that_were_never_sent_end_together(self, vendor, heard):
        one = services.stream_activity("order-42", progress(40))
        commit = hold_back(one)
        services.end_activity(services.stream_activity("order-42", progress(60)))
        commit()
        deliver()
        assert vendor.calls() == []
        assert heard == ["delivered end never_started"] + ["ended order-42 never_started"] * 2


def test_an_end_that_another_end_covered_is_heard_of_when_it_is_found(vendor, heard):
    late = services.end_activity(stream_key="order-42")
    commit = hold_back(late.activity)
    services.end_activity(stream_key="order-42")
    deliver()
    heard.clear()
    commit()
    deliver()
    assert heard == ["delivered end already_ended", "ended order-42 already_ended"]


def test_a_late_end_of_a_card_that_has_ended_ends_it_no_second_time(card, heard):
    late = not_yet_committed(services.end_activity(card))
    services.end_activity(card)
    deliver()
    heard.clear()
    late.save(force_insert=True)
    deliver()
    assert heard == ["delivered end already_ended"]


class TestAReceiver:
    def test_is_called_when_the_row_is_stored_and_no_transaction_is_open(
        self, configure, sandbox, transactional_db
    ):
        configure()
        seen = []

        def receive(activity, **_):
            stored = LiveActivity.objects.get(pk=activity.pk).status
            seen.append((activity.status, stored, connection.in_atomic_block))

        activity_ended.connect(receive)
        try:
            services.end_activity(stream_key="order-42")
            deliver()
        finally:
            activity_ended.disconnect(receive)
        assert seen == [("ended", "ended", False)]

    def test_that_raises_disturbs_nothing(self, vendor, caplog):
        def receive(**_):
            raise RuntimeError("a receiver of the host's")

        operation_delivered.connect(receive)
        try:
            services.end_activity(stream_key="one")
            services.end_activity(stream_key="two")
            deliver()
        finally:
            operation_delivered.disconnect(receive)
        assert len(vendor.calls()) == 2
        assert set(Operation.objects.values_list("state", flat=True)) == {"done"}
        assert "a receiver of the host's" in caplog.text

    def test_may_call_the_services(self, vendor):
        def receive(activity, **_):
            if activity.stream_key == "order-42":
                services.stream_activity("order-43", progress(1))

        activity_ended.connect(receive)
        try:
            services.end_activity(stream_key="order-42")
            deliver()
        finally:
            activity_ended.disconnect(receive)
        assert [card["stream_key"] for card in vendor.phone()["alive"]] == ["order-43"]
