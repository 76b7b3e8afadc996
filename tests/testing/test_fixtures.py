"""The fixtures and the mixin, in tests of every kind, over the settings of production."""

from __future__ import annotations

import pytest
from django.test import SimpleTestCase, TestCase, TransactionTestCase, override_settings

from django_liveactivity import Progress, conf, services
from django_liveactivity.backends import get_backend
from django_liveactivity.backends.activitysmith import ActivitySmithBackend
from django_liveactivity.backends.locmem import LocmemBackend
from django_liveactivity.models import LiveActivity
from django_liveactivity.testing import (
    LiveActivityTestMixin,
    capture_activities,
    deliver,
    outbox,
)

CONTENT = Progress(title="Order 42", percentage=40)
PRODUCTION = {
    "default": {
        "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
        "DISPATCHER": "celery",
        "OPTIONS": {"api_key": "ask_production", "channels": ["shop"], "rate_limit": (6, 60)},
    },
    "alerts": {"BACKEND": "django_liveactivity.backends.console.ConsoleBackend"},
}


class LocmemOfTheHost(LocmemBackend):
    """A backend that a host has written for its tests."""


@pytest.fixture(scope="module", autouse=True)
def _production():
    with override_settings(LIVEACTIVITY=PRODUCTION):
        yield


class HostsTests(LiveActivityTestMixin, SimpleTestCase):
    """What a host would write; the classes below are it in two kinds of test case."""

    __test__ = False

    def test_a_block_is_captured_and_asserted(self):
        with self.captureActivities() as calls:
            card = services.stream_activity("order-42", CONTENT)
        self.assertActivityStreamed(card, percentage=40)
        with self.captureActivities() as calls:
            services.end_activity(card)
        self.assertActivityEnded("order-42", calls=calls)
        self.assertNoActivities("order-43")

    def test_the_outbox_is_empty_at_first(self):
        self.leave_a_call_behind()

    def test_the_outbox_is_empty_at_first_again(self):
        self.leave_a_call_behind()

    def leave_a_call_behind(self) -> None:
        self.assertNoActivities()
        services.end_activity(stream_key="order-42")
        deliver()
        assert len(outbox) > 0


class InTestCase(HostsTests, TestCase):
    """Where ``on_commit`` never fires, and rows of the class come before the tests."""

    __test__ = True

    @classmethod
    def setUpTestData(cls):
        cls.card = services.stream_activity("shown-before", CONTENT)

    def setUp(self):  # it calls no other: the outbox is empty all the same
        assert LiveActivity.objects.get() == self.card

    def test_a_card_from_before_the_tests_ends(self):
        with self.captureActivities() as calls:
            services.end_activity(self.card)
        assert [call.method for call in calls] == ["DELETE"]

    def test_callbacks_on_commit_do_no_harm(self):
        with self.captureActivities() as calls, self.captureOnCommitCallbacks(execute=True):
            services.end_activity(self.card)
        assert len(calls) == 1

    def test_an_immediate_dispatcher_delivers_on_commit(self):
        account = {"BACKEND": f"{__name__}.LocmemOfTheHost", "DISPATCHER": "immediate"}
        immediate = {"default": account}
        with override_settings(LIVEACTIVITY=immediate), self.captureActivities() as calls:
            with self.captureOnCommitCallbacks(execute=True):
                services.stream_activity("order-42", CONTENT)
                assert len(outbox) == 1  # the card from before
            assert len(outbox) == 2
        assert [call.target for call in calls] == ["order-42"]


class InTransactionTestCase(HostsTests, TransactionTestCase):
    """Where transactions commit."""

    __test__ = True


@pytest.mark.django_db
class TestTheFixtures:
    def test_every_account_is_in_memory(self, liveactivity_outbox):
        backends = [get_backend(alias) for alias in PRODUCTION]
        assert {type(backend) for backend in backends} == {LocmemBackend}
        assert {account.dispatcher for account in conf.accounts().values()} == {"none"}

    def test_how_cards_are_stays_and_how_calls_are_made_goes(self, liveactivity_outbox):
        backend = get_backend()
        assert backend.channels == ["shop"]
        assert backend.rate_limit is None
        assert "api_key" not in conf.account().options.names

    def test_a_backend_of_the_host_s_own_stays(self, settings, request):
        account = {"BACKEND": f"{__name__}.LocmemOfTheHost", "DISPATCHER": "immediate"}
        settings.LIVEACTIVITY = {"default": account}
        request.getfixturevalue("liveactivity_outbox")
        assert type(get_backend()) is LocmemOfTheHost
        assert conf.account().dispatcher == "immediate"

    def test_the_outbox_is_empty_at_first(self, settings, request):
        outbox.put("default", "left behind by another test")
        assert request.getfixturevalue("liveactivity_outbox") == []

    def test_the_sandbox_takes_the_calls_of_every_account(self, liveactivity_sandbox):
        assert isinstance(get_backend("alerts"), ActivitySmithBackend)
        cards = [
            services.stream_activity("order-42", CONTENT),
            services.stream_activity("disk-1", CONTENT, account="alerts"),
        ]
        deliver()
        assert [card["stream_key"] for card in liveactivity_sandbox.phone()["alive"]] == [
            "order-42",
            "disk-1",
        ]
        for card in cards:
            services.end_activity(card)
        deliver()
        assert liveactivity_sandbox.phone()["empty"]
        calls = liveactivity_sandbox.calls()
        assert [call["status"] for call in calls] == [200] * 4
        assert calls[0]["body"]["channels"] == ["shop"]
        assert calls[0]["account"] != calls[1]["account"]

    def test_capturing_at_a_sandbox_is_refused(self, liveactivity_sandbox):
        with pytest.raises(Exception, match="cannot see the calls"), capture_activities():
            pytest.fail("The block was entered.")


def test_production_s_settings_are_back_in_force():
    assert conf.account().options.get("api_key") == "ask_production"
