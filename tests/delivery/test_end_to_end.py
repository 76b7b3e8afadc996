"""The road of data: what a host asks for reaches the phone, and ends there."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Metric, Metrics, Timer, services
from django_liveactivity.models import KnownActivityId, LiveActivity, Operation
from tests.clock import advance

from .vocabulary import alive, calls, deliver, last_body, progress, states, status

SECOND = dt.timedelta(seconds=1)


def test_a_streamed_card_is_alive_until_its_end_is_delivered(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    assert alive(vendor) == {"order-42": 40}
    assert status(card) == "live"

    services.end_activity(card)
    deliver()
    assert vendor.phone()["empty"]
    assert calls(vendor) == ["PUT order-42 200", "DELETE order-42 200"]
    assert states() == ["stream done delivered", "end done delivered"]
    assert status(card) == "ended"


def test_only_the_newest_content_is_sent(vendor):
    for percentage in (10, 20, 30):
        services.stream_activity("order-42", progress(percentage))
    deliver()
    assert calls(vendor) == ["PUT order-42 200"]
    assert alive(vendor) == {"order-42": 30}
    assert states() == ["stream superseded", "stream superseded", "stream done delivered"]


def test_newest_content_carries_what_older_unsent_content_set(vendor):
    services.stream_activity(
        "order-42", Timer(title="Oven", duration_seconds=300), tags=["a"], metadata={"n": 1}
    )
    services.stream_activity("order-42", Timer(title="Oven, nearly"), tags=["b"])
    deliver()
    assert last_body(vendor) == {
        "content_state": {"title": "Oven, nearly", "type": "timer", "duration_seconds": 300},
        "tags": ["b"],
        "metadata": {"n": 1},
    }


def test_an_end_has_no_body_when_the_phone_shows_the_newest_content(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    services.end_activity(card)
    deliver()
    assert last_body(vendor) is None


def test_an_end_shows_content_that_was_never_sent(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    services.stream_activity("order-42", progress(90))
    services.end_activity(card)
    deliver()
    assert last_body(vendor)["content_state"]["percentage"] == 90
    assert states() == ["stream done delivered", "stream superseded", "end done delivered"]


def test_an_end_shows_its_own_content_and_dismissal_to_the_second(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    services.end_activity(card, progress(100), dismiss_after=90 * SECOND)
    deliver()
    assert last_body(vendor) == {
        "content_state": {
            "title": "Order 42",
            "percentage": 100,
            "type": "progress",
            "auto_dismiss_seconds": 90,
        }
    }


def test_a_timer_freezes_at_its_end(vendor):
    card = services.stream_activity("oven", Timer(title="Oven", duration_seconds=300))
    deliver()
    services.end_activity(card, dismiss_after=0 * SECOND)
    deliver()
    state = last_body(vendor)["content_state"]
    assert state == {"title": "Oven", "type": "timer", "auto_dismiss_seconds": 0}


def test_the_ended_card_keeps_the_button_that_was_never_sent(vendor):
    action = {"title": "Open", "type": "open_url", "url": "https://example.com/42"}
    card = services.stream_activity("order-42", progress(40))
    deliver()
    services.stream_activity("order-42", progress(60), action=action)
    services.end_activity(card)
    deliver()
    assert last_body(vendor)["action"] == action


def test_a_card_that_was_never_sent_ends_without_a_call(vendor):
    card = services.stream_activity("order-42", progress(40))
    services.end_activity(card)
    deliver()
    assert calls(vendor) == []
    assert states() == ["stream superseded", "end done never_started"]
    assert status(card) == "ended"


def test_a_key_shown_elsewhere_is_adopted_and_ended(vendor):
    end = services.end_activity(stream_key="prod-web-1")
    deliver()
    assert calls(vendor) == ["DELETE prod-web-1 404"]
    assert states() == ["end done not_found"]
    assert status(end.activity) == "ended"


def test_a_key_is_ended_again_because_another_program_may_have_shown_it(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    services.end_activity(card)
    deliver()
    assert services.end_activity(card).outcome == "delivered"
    services.end_activity(stream_key="order-42")
    deliver()
    assert calls(vendor)[-1] == "DELETE order-42 200"
    assert states()[-1] == "end done already_ended"


def test_ending_twice_is_one_end(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    end = services.end_activity(card)
    assert services.end_activity(card) == end
    assert services.end_activity(stream_key="order-42") == end
    assert services.end_activity(card, progress(100)) != end
    deliver()
    assert calls(vendor) == ["PUT order-42 200", "DELETE order-42 200"]
    assert states(card)[1:] == ["end done delivered", "end done delivered"]


def test_a_reused_key_begins_a_new_card(vendor):
    first = services.stream_activity("order-42", progress(40))
    deliver()
    services.end_activity(first)
    second = services.stream_activity("order-42", progress(5))
    assert second != first
    deliver()
    assert calls(vendor) == ["PUT order-42 200", "DELETE order-42 200", "PUT order-42 200"]
    assert alive(vendor) == {"order-42": 5}
    assert (status(first), status(second)) == ("ended", "live")
    generations = LiveActivity.objects.order_by("pk").values_list("generation", flat=True)
    assert list(generations) == [1, 2]


def test_a_manual_card_is_updated_and_ended_by_its_id(vendor, sandbox):
    from django_liveactivity.client import Client
    from tests.conftest import KEY

    with Client(KEY, base_url=sandbox.url) as client:
        started = client.start(progress(1, "Import"))
    card = services.track_activity(started.activity_id, progress(50, "Import"))
    deliver()
    assert alive(vendor) == {started.activity_id: 50}
    services.end_activity(activity_id=started.activity_id, dismiss_after=61 * SECOND)
    deliver()
    assert last_body(vendor)["content_state"] == {
        "title": "Import",
        "percentage": 50,
        "type": "progress",
        "auto_dismiss_minutes": 2,
    }
    assert vendor.phone()["empty"]
    assert status(card) == "ended"


def test_the_id_of_a_stream_leads_to_its_key_or_the_next_put_would_revive_it(vendor):
    card = services.stream_activity("order-42", progress(40))
    deliver()
    card.refresh_from_db()
    assert KnownActivityId.objects.filter(activity=card).count() == 1
    services.end_activity(activity_id=card.activity_id)
    deliver()
    assert calls(vendor)[-1] == "DELETE order-42 200"


def test_two_rows_of_one_key_are_one_card(vendor):
    first = services.stream_activity("order-42", progress(40))
    twin = LiveActivity.objects.get(pk=first.pk)
    twin.pk, twin._state.adding = None, True
    twin.save()
    Operation.objects.get(activity=first)
    services.stream_activity("order-42", progress(50))
    services.end_activity(twin)
    deliver()
    assert calls(vendor) == []
    assert (status(first), status(twin)) == ("ended", "ended")


def test_metrics_and_every_field_that_was_set_arrive(vendor):
    services.stream_activity(
        "web", Metrics(title="Web", metrics=[Metric(label="CPU", value=0)]), tags=[], metadata={}
    )
    deliver()
    assert last_body(vendor) == {
        "content_state": {
            "title": "Web",
            "type": "metrics",
            "metrics": [{"label": "CPU", "value": 0}],
        },
        "tags": [],
        "metadata": {},
    }


class TestScheduledEnds:
    def test_wait_until_they_are_due_and_content_goes_on(self, vendor, card):
        services.end_activity(card, after=60 * SECOND)
        services.stream_activity("order-42", progress(50))
        assert deliver().again_in == pytest.approx(60, abs=5)
        assert alive(vendor) == {"order-42": 50}
        advance(61)
        deliver()
        assert vendor.phone()["empty"]
        assert status(card) == "ended"

    def test_are_moved_by_a_newer_end(self, vendor, card):
        services.end_activity(card, after=60 * SECOND)
        services.end_activity(card, after=600 * SECOND)
        advance(61)
        deliver()
        assert alive(vendor) == {"order-42": 40}
        advance(600)
        deliver()
        assert vendor.phone()["empty"]
        assert states(card) == [
            "stream done delivered",
            "end superseded",
            "end done delivered",
        ]

    def test_are_cancelled_by_a_keep(self, vendor, card):
        services.end_activity(card, after=60 * SECOND)
        services.keep_activity(card)
        advance(61)
        deliver()
        assert alive(vendor) == {"order-42": 40}
        assert states(card)[1:] == ["end superseded", "keep done"]

    def test_cannot_be_kept_once_they_are_due(self, vendor, card):
        services.end_activity(card, after=60 * SECOND)
        advance(61)
        services.keep_activity(card)
        deliver()
        assert vendor.phone()["empty"]

    def test_close_the_content_that_came_before_they_were_due(self, vendor, card):
        services.end_activity(card, after=60 * SECOND)
        services.stream_activity("order-42", progress(60))
        advance(61)
        again = services.stream_activity("order-42", progress(1))
        assert again != card
        deliver()
        assert alive(vendor) == {"order-42": 1}
        delete = vendor.calls()[1]
        assert (delete["method"], delete["body"]["content_state"]["percentage"]) == ("DELETE", 60)

    def test_a_moment_that_is_past_is_now(self, vendor, card):
        from django.utils import timezone

        services.end_activity(card, at=timezone.now() - 3600 * SECOND)
        deliver()
        assert vendor.phone()["empty"]


class TestTimeToLive:
    def test_ends_a_card_without_an_end(self, vendor):
        card = services.stream_activity("order-42", progress(40), time_to_live=60 * SECOND)
        assert deliver().again_in == pytest.approx(60, abs=5)
        advance(61)
        deliver()
        assert vendor.phone()["empty"]
        assert Operation.objects.get(kind="end").source == "time_to_live"
        assert status(card) == "ended"

    def test_is_renewed_by_content(self, vendor):
        services.stream_activity("order-42", progress(40), time_to_live=60 * SECOND)
        deliver()
        advance(50)
        services.stream_activity("order-42", progress(50), time_to_live=60 * SECOND)
        deliver()
        advance(50)
        deliver()
        assert alive(vendor) == {"order-42": 50}
        advance(11)
        deliver()
        assert vendor.phone()["empty"]

    def test_is_eight_hours_by_default(self, vendor):
        services.stream_activity("order-42", progress(40))
        deliver()
        advance(8 * 3600 - 10)
        deliver()
        assert not vendor.phone()["empty"]
        advance(11)
        deliver()
        assert vendor.phone()["empty"]

    def test_can_be_turned_off(self, vendor):
        services.stream_activity("order-42", progress(40), time_to_live=None)
        assert deliver().again_in is None

    def test_counts_for_shown_content_when_newer_content_was_refused(self, vendor):
        services.stream_activity("order-42", progress(40), time_to_live=60 * SECOND)
        deliver()
        vendor.faults = "PUT:400@1"
        services.stream_activity("order-42", progress(50))
        deliver()
        assert states()[-1] == "stream failed rejected"
        advance(61)
        deliver()
        assert vendor.phone()["empty"]
