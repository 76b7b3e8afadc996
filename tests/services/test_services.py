"""The services: what each call writes, in whose transaction, at what cost."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection, transaction
from django.test import TestCase, override_settings
from django.test.utils import CaptureQueriesContext

from django_liveactivity import Progress, services
from django_liveactivity.backends.locmem import outbox
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import capture_activities, deliver
from tests.reads import statements
from tests.shop.models import Order

CONTENT = Progress(title="Order 42", percentage=40)
IMMEDIATE = {
    "default": {
        "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
        "DISPATCHER": "immediate",
    }
}


def sent() -> list[str]:
    return [f"{call.method} {call.target}" for call in outbox]


def titles(*cards: LiveActivity) -> list[tuple[str, str]]:
    rows = LiveActivity.objects.in_bulk([card.pk for card in cards])
    return [(rows[card.pk].title, rows[card.pk].type) for card in cards]


@pytest.fixture(autouse=True)
def _empty_outbox(liveactivity_outbox):
    pass


@pytest.mark.django_db
class TestRows:
    def test_the_card_and_the_operation_tell_who_asked_and_why(self):
        order = Order.objects.create()
        card = services.stream_activity(
            "order-42", CONTENT, subject=order, actor="ann", reason="paid"
        )
        assert card.subject == order
        assert (card.subject_model, card.subject_pk) == ("shop.Order", str(order.pk))
        operation = Operation.objects.get()
        assert (operation.source, operation.actor, operation.reason) == ("service", "ann", "paid")
        assert abs(operation.created - dt.datetime.now(dt.UTC)) < dt.timedelta(minutes=1)

    def test_the_card_has_title_and_type_of_its_first_content(self):
        shown = services.stream_activity("order-42", CONTENT)
        services.stream_activity("order-42", Progress(title="Later", percentage=50))
        tracked = services.track_activity("pLAr", {"title": "Untyped", "value": 3})
        assert titles(shown, tracked) == [("Order 42", "progress"), ("Untyped", "")]

    def test_an_adopted_card_has_title_and_type_of_its_end(self):
        bare = services.end_activity(stream_key="web-1").activity
        told = services.end_activity(activity_id="pLAr", content=CONTENT).activity
        assert titles(bare, told) == [("", ""), ("Order 42", "progress")]

    def test_the_subject_may_go_and_the_card_stays(self):
        order = Order.objects.create()
        card = services.stream_activity("order-42", CONTENT, subject=order)
        order.delete()
        card.refresh_from_db()
        assert card.subject is None
        LiveActivity.objects.update(subject_model="gone.Model")
        card.refresh_from_db()
        assert card.subject is None

    def test_every_live_card_of_a_subject_ends(self):
        order, other = Order.objects.create(), Order.objects.create()
        kitchen = services.stream_activity("kitchen", CONTENT, subject=order)
        courier = services.stream_activity("courier", CONTENT, subject=order)
        services.stream_activity("other", CONTENT, subject=other)
        ended = services.stream_activity("ended", CONTENT, subject=order)
        services.end_activity(ended)
        ends = services.end_activities(subject=order)
        assert [end.activity for end in ends] == [kitchen, courier]
        assert services.end_activities(subject=order) == []

    def test_a_mistake_for_one_card_of_a_subject_ends_none(self):
        order = Order.objects.create()
        services.stream_activity("kitchen", CONTENT, subject=order)
        services.stream_activity("oven", {"title": "Oven", "type": "timer"}, subject=order)
        with pytest.raises(ValueError, match="^type: "):
            services.end_activities(subject=order, content=CONTENT)
        assert not Operation.objects.filter(kind="end").exists()

    def test_the_channels_of_a_card_go_with_all_its_content(self):
        services.stream_activity("order-42", CONTENT, channels=["ops"])
        services.stream_activity("order-42", CONTENT)
        assert Operation.objects.latest("pk").options == {"channels": ["ops"]}

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_a_moment_is_the_same_under_every_time_zone(self, settings, use_tz):
        settings.USE_TZ = use_tz
        settings.TIME_ZONE = "America/St_Johns"
        at = dt.datetime(2030, 11, 3, 5, 30, tzinfo=dt.UTC)
        asked = (
            at
            if use_tz
            else at.astimezone(dt.timezone(dt.timedelta(hours=-3.5))).replace(tzinfo=None)
        )
        end = services.end_activity(stream_key="order-42", at=asked)
        assert end.due_at == at.timestamp() * 1000 or not use_tz
        assert end.due == asked


@pytest.mark.django_db
class TestCost:
    def count(self, call) -> int:
        with transaction.atomic():
            return len(statements(call))

    def test_a_service_call_costs_the_host_three_queries_at_most(self):
        assert self.count(lambda: services.stream_activity("a", CONTENT)) == 3
        assert self.count(lambda: services.stream_activity("a", CONTENT)) == 2
        card = LiveActivity.objects.get()
        assert self.count(lambda: services.end_activity(card)) == 2
        assert self.count(lambda: services.end_activity(stream_key="a")) == 2
        assert self.count(lambda: services.end_activity(stream_key="b")) == 3
        assert self.count(lambda: services.keep_activity(card)) == 2

    def test_inserts_and_reads_are_all_that_a_host_transaction_does(self):
        with CaptureQueriesContext(connection) as queries, transaction.atomic():
            card = services.stream_activity("a", CONTENT)
            services.end_activity(card, after=dt.timedelta(minutes=1))
            services.keep_activity(card)
            services.end_activity(stream_key="b")
        verbs = {q["sql"].split()[0] for q in queries}
        assert verbs <= {"SELECT", "INSERT", "SAVEPOINT", "RELEASE"}


@pytest.mark.django_db
class TestContextManager:
    def test_ends_the_card_on_exit(self):
        with services.live_activity("import-7", CONTENT, reason="nightly") as card:
            card.stream(Progress(title="Import", percentage=50))
            deliver()
        deliver()
        assert sent() == ["PUT import-7", "DELETE import-7"]
        assert set(Operation.objects.values_list("reason", flat=True)) == {"nightly"}

    def test_ends_the_card_on_an_exception_and_lets_it_pass(self):
        with pytest.raises(ZeroDivisionError), services.live_activity("import-7", CONTENT):
            deliver()
            raise ZeroDivisionError
        deliver()
        assert sent() == ["PUT import-7", "DELETE import-7"]

    def test_ends_once_when_the_block_ended_it_itself(self):
        with services.live_activity("import-7", CONTENT) as card:
            deliver()
            card.end(Progress(title="Import", percentage=100))
        assert Operation.objects.filter(kind="end").count() == 1

    def test_does_not_hide_the_error_of_a_broken_transaction(self):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            with services.live_activity("import-7", CONTENT):
                transaction.set_rollback(True)
                raise ZeroDivisionError
        assert not Operation.objects.exists()


@pytest.mark.django_db(transaction=True)
class TestTransactions:
    @pytest.fixture(autouse=True)
    def _immediate(self, settings):
        settings.LIVEACTIVITY = IMMEDIATE

    def test_nothing_is_sent_before_the_outermost_commit(self):
        with transaction.atomic():
            with transaction.atomic():
                services.stream_activity("order-42", CONTENT)
            assert sent() == []
        assert sent() == ["PUT order-42"]

    def test_nothing_is_sent_for_a_transaction_that_rolls_back(self):
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            services.stream_activity("order-42", CONTENT)
            raise ZeroDivisionError
        deliver()
        assert sent() == []

    def test_nothing_is_sent_for_a_savepoint_that_rolls_back(self):
        with transaction.atomic():
            services.stream_activity("order-42", CONTENT)
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                services.end_activity(stream_key="order-42")
                raise ZeroDivisionError
        deliver()
        assert sent() == ["PUT order-42"]

    def test_nothing_is_sent_before_a_view_with_atomic_requests_returns(self, client, settings):
        settings.ROOT_URLCONF = "tests.services.urls"
        connection.settings_dict["ATOMIC_REQUESTS"] = True
        try:
            response = client.get("/stream/")
        finally:
            connection.settings_dict["ATOMIC_REQUESTS"] = False
        assert response.content == b"sent in the view: 0"
        assert sent() == ["PUT order-42"]

    def test_a_transaction_wakes_once_however_many_rows_it_inserts(self, settings):
        from . import urls

        settings.LIVEACTIVITY = {
            "default": {
                "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
                "DISPATCHER": "tests.services.urls.counting_dispatcher",
            }
        }
        urls.wakes.clear()
        with transaction.atomic():
            for number in range(5):
                services.stream_activity(f"order-{number}", CONTENT)
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                services.end_activity(stream_key="order-1")
                raise ZeroDivisionError
        assert urls.wakes == ["default"]
        services.end_activity(stream_key="order-1")
        assert urls.wakes == ["default", "default"]

    def test_a_wake_up_survives_a_rollback_of_the_savepoint_that_asked_for_it(self, settings):
        with transaction.atomic():
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                services.stream_activity("order-1", CONTENT)
                raise ZeroDivisionError
            services.stream_activity("order-2", CONTENT)
        assert sent() == ["PUT order-2"]

    def test_a_vendor_that_fails_does_not_reach_the_caller(self, settings, caplog):
        settings.LIVEACTIVITY = {
            "default": {
                "BACKEND": "tests.delivery.test_claims.RaisingBackend",
                "DISPATCHER": "immediate",
            }
        }
        services.stream_activity("order-42", CONTENT)
        assert Operation.objects.get().state == "pending"

    def test_a_dispatcher_that_fails_does_not_reach_the_caller(self, settings, caplog):
        settings.LIVEACTIVITY = {
            "default": {
                "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
                "DISPATCHER": "tests.services.urls.broken_dispatcher",
            }
        }
        services.stream_activity("order-42", CONTENT)
        assert "the next sweep will do" in caplog.text


@override_settings(LIVEACTIVITY=IMMEDIATE)
class TestInsideTheHostsTestCase(TestCase):
    def setUp(self):
        outbox.clear()

    def test_capture_on_commit_callbacks_delivers(self):
        with self.captureOnCommitCallbacks(execute=True):
            services.stream_activity("order-42", CONTENT)
            assert sent() == []
        assert sent() == ["PUT order-42"]

    def test_capture_activities_delivers_without_any_commit(self):
        with capture_activities() as calls:
            services.stream_activity("order-42", CONTENT)
        assert [call.target for call in calls] == ["order-42"]

    def test_the_outbox_holds_copies(self):
        with capture_activities() as calls:
            services.stream_activity("order-42", CONTENT)
        calls[0].body["content_state"]["title"] = "changed"
        assert Operation.objects.get().content["title"] == "Order 42"


@pytest.mark.django_db
class TestDismissalInContent:
    CONTENT = {"title": "Order 42", "percentage": 100, "auto_dismiss_minutes": 2}

    def test_holds_for_every_card_of_a_subject(self):
        order = Order.objects.create()
        services.stream_activity("a", CONTENT, subject=order)
        services.stream_activity("b", CONTENT, subject=order)
        ends = services.end_activities(subject=order, content=self.CONTENT)
        assert [end.dismiss_seconds for end in ends] == [120, 120]

    def test_is_something_else_to_ask_for_when_a_card_ends_again(self):
        card = services.stream_activity("a", CONTENT)
        first = services.end_activity(card, self.CONTENT)
        assert services.end_activity(card, self.CONTENT) == first
        again = services.end_activity(card, self.CONTENT | {"auto_dismiss_minutes": 3})
        assert (again != first, again.dismiss_seconds) == (True, 180)

    def test_comes_from_the_block_of_a_card_too(self):
        with services.live_activity("a", CONTENT) as card:
            assert card.end(self.CONTENT).dismiss_seconds == 120
