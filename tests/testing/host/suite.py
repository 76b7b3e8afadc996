"""The host's tests: none asks for a fixture or a mixin. Both runners run them."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from urllib.request import urlopen

from django.conf import settings
from django.test import (
    LiveServerTestCase,
    SimpleTestCase,
    TestCase,
    TransactionTestCase,
    override_settings,
)

from django_liveactivity import Progress, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.testing import allow_network, capture_activities, deliver, outbox

CONTENT = Progress(title="Order 42", percentage=40)
CALL = Call(Endpoint.END_STREAM, "order-42", {})


def sent_by(alias: str = "default") -> list[str]:
    return [call.target for call in outbox.of(alias)]


class WithoutADatabase(SimpleTestCase):
    def setUp(self) -> None:
        outbox.clear()

    def test_a_call_stays_in_memory(self) -> None:
        assert get_backend().send(CALL).acknowledged
        assert outbox == [CALL]

    def test_so_does_one_of_a_backend_that_the_host_wrote(self) -> None:
        assert get_backend("own").send(CALL).acknowledged
        assert sent_by("own") == ["order-42"]

    def test_so_does_one_in_a_pool_of_threads(self) -> None:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(lambda _: get_backend().send(CALL), range(20)))
        assert len(outbox) == 20

    def test_so_does_one_of_another_address(self) -> None:
        for address in ("https://elsewhere.invalid", "https://192.0.2.1/api"):
            options = settings.PRODUCTION["OPTIONS"] | {"base_url": address}
            elsewhere = {"default": settings.PRODUCTION | {"OPTIONS": options}}
            with override_settings(LIVEACTIVITY=elsewhere):
                get_backend().send(CALL)
        assert len(outbox) == 2

    def test_how_cards_are_holds_and_the_pace_does_not(self) -> None:
        assert get_backend().channels == ["shop"]
        assert get_backend().rate_limit is None

    def test_a_loopback_address_is_reached(self) -> None:
        options = settings.PRODUCTION["OPTIONS"] | {"base_url": "http://127.0.0.1:9/api"}
        sandbox = {"default": settings.PRODUCTION | {"OPTIONS": options}}
        with override_settings(LIVEACTIVITY=sandbox):
            assert get_backend().send(CALL).outcome == "not_sent"
        assert outbox == []

    def test_a_test_may_say_otherwise_for_all_threads_and_one_account(self) -> None:
        with allow_network("default"):
            answers = []
            caller = threading.Thread(target=lambda: answers.append(get_backend().send(CALL)))
            caller.start()
            caller.join()
            get_backend("own").send(CALL)
        assert [answer.outcome for answer in answers] == ["not_sent"]
        assert sent_by() == []
        assert sent_by("own") == ["order-42"]
        get_backend().send(CALL)
        assert sent_by() == ["order-42"]


class InTestCase(TestCase):
    def test_deliver(self) -> None:
        services.stream_activity("order-42", CONTENT)
        assert [call.target for call in deliver()] == ["order-42"]

    def test_the_dispatcher_immediate(self) -> None:
        before = len(outbox)
        with self.captureOnCommitCallbacks(execute=True):
            services.stream_activity("order-42", CONTENT)
            services.stream_activity("order-43", CONTENT, account="own")
        assert {call.target for call in outbox[before:]} == {"order-42", "order-43"}

    def test_capture_activities(self) -> None:
        with capture_activities() as calls:
            services.stream_activity("order-42", CONTENT)
        assert len(calls) == 1

    def test_a_task_of_celery_in_place(self) -> None:
        from django_liveactivity import tasks

        before = len(outbox)
        services.stream_activity("order-42", CONTENT)
        assert tasks.drain.apply(args=["default"]).successful()
        assert len(outbox) == before + 1


class InTransactionTestCase(TransactionTestCase):
    def test_the_dispatcher_immediate(self) -> None:
        before = len(outbox)
        services.stream_activity("order-42", CONTENT)
        assert len(outbox) == before + 1


class WithALiveServer(LiveServerTestCase):
    def test_a_view(self) -> None:
        before = len(outbox)
        assert urlopen(f"{self.live_server_url}/show/").read() == b"shown"
        assert [call.target for call in outbox[before:]] == ["from-a-view"]
