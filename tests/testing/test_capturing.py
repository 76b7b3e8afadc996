"""The calls that a host's tests see: copies, from one block, of the named accounts."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import transaction
from django.test.testcases import DatabaseOperationForbidden

from django_liveactivity import Progress, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.testing import capture_activities, deliver, outbox

pytestmark = pytest.mark.django_db
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
ACTIVITYSMITH = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"
AT_A_SANDBOX = {"api_key": "ask_test", "base_url": "http://127.0.0.1:9/api"}
CONTENT = Progress(title="Order 42", percentage=40)


@pytest.fixture(autouse=True)
def _outbox(liveactivity_outbox):
    """Every test begins with nothing sent."""


def titles() -> list[str]:
    return [call.body["content_state"]["title"] for call in outbox]


class TestTheOutbox:
    def test_what_was_sent_does_not_change_with_what_was_put_in(self):
        call = Call(Endpoint.STREAM, "order-42", {"content_state": {"title": "sent"}})
        get_backend().send(call)
        call.body["content_state"]["title"] = "changed"
        assert titles() == ["sent"]

    @pytest.mark.parametrize(
        "read",
        [
            lambda: outbox[0],
            lambda: outbox[-1:][0],
            lambda: next(iter(outbox)),
            lambda: next(reversed(outbox)),
            lambda: outbox.of("default")[0],
        ],
    )
    def test_what_was_sent_does_not_change_with_what_a_test_reads(self, read):
        get_backend().send(Call(Endpoint.STREAM, "order-42", {"content_state": {"title": "sent"}}))
        read().body["content_state"]["title"] = "changed"
        assert titles() == ["sent"]

    def test_it_compares_as_a_list_does(self):
        call = Call(Endpoint.END_STREAM, "order-42", {})
        assert outbox == []
        get_backend().send(call)
        assert outbox == [call]
        assert outbox != []
        assert "order-42" in repr(outbox)


class TestCaptureActivities:
    def test_collects_what_the_block_causes_and_nothing_from_before(self):
        card = services.stream_activity("order-42", CONTENT)
        with capture_activities() as calls:
            services.end_activity(card)
        assert [call.method for call in calls] == ["DELETE"]
        assert [call.method for call in outbox] == ["PUT", "DELETE"]

    def test_collects_nothing_of_what_was_rolled_back(self):
        with capture_activities() as calls:
            with pytest.raises(ZeroDivisionError), transaction.atomic():
                services.stream_activity("order-42", CONTENT)
                raise ZeroDivisionError
        assert calls == []

    def test_lets_the_error_of_the_block_through_and_delivers_nothing(self):
        with pytest.raises(ZeroDivisionError), capture_activities() as calls:
            services.stream_activity("order-42", CONTENT)
            raise ZeroDivisionError
        assert calls == outbox == []

    def test_may_be_nested(self):
        with capture_activities() as outer:
            card = services.stream_activity("order-42", CONTENT)
            with capture_activities() as inner:
                services.end_activity(card)
        assert [call.method for call in inner] == ["DELETE"]
        assert [call.method for call in outer] == ["PUT", "DELETE"]

    def test_refuses_an_account_whose_calls_go_elsewhere(self, settings):
        settings.LIVEACTIVITY = {
            "default": {"BACKEND": LOCMEM},
            "alerts": {"BACKEND": ACTIVITYSMITH, "OPTIONS": AT_A_SANDBOX},
        }
        message = (
            r"LIVEACTIVITY\['alerts'\], whose backend is ActivitySmithBackend.*locmem_accounts"
        )
        with pytest.raises(ImproperlyConfigured, match=message), capture_activities():
            pytest.fail("The block was entered.")
        with capture_activities("default") as calls:
            services.end_activity(stream_key="order-42")
        assert len(calls) == 1

    def test_refuses_a_project_without_accounts(self, settings):
        settings.LIVEACTIVITY = {}
        with pytest.raises(ImproperlyConfigured, match="has no account"), capture_activities():
            pytest.fail("The block was entered.")


@pytest.fixture
def two_accounts(settings):
    """An account in each database."""
    far = {"BACKEND": LOCMEM, "DATABASE": "other"}
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM}, "alerts": far}


def test_a_database_that_the_test_may_not_use_is_left_alone(two_accounts):
    with capture_activities() as calls:
        services.end_activity(stream_key="order-42")
    assert len(calls) == 1
    with pytest.raises(DatabaseOperationForbidden):
        deliver("alerts")


@pytest.mark.django_db(databases=["default", "other"])
@pytest.mark.usefixtures("two_accounts")
class TestSeveralAccounts:
    def end_one_of_each(self) -> None:
        services.end_activity(stream_key="order-42")
        services.end_activity(stream_key="disk-1", account="alerts")

    def test_all_are_captured_together(self):
        with capture_activities() as calls:
            self.end_one_of_each()
        assert {call.target for call in calls} == {"order-42", "disk-1"}

    def test_one_is_captured_by_itself(self):
        with capture_activities("default") as calls, capture_activities("alerts") as alerts:
            self.end_one_of_each()
        assert [call.target for call in calls] == ["order-42"]
        assert [call.target for call in alerts] == ["disk-1"]

    def test_one_is_delivered_by_itself(self):
        self.end_one_of_each()
        assert [call.target for call in deliver("alerts")] == ["disk-1"]
        assert [call.target for call in deliver()] == ["order-42"]
