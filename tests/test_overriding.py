"""``override_settings(LIVEACTIVITY=…)`` holds from one line to the next, as in Django itself."""

from __future__ import annotations

import pytest
from django.test import override_settings

from django_liveactivity import Progress, conf, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.dispatch import dispatcher_of
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.testing import deliver, outbox, sandbox_accounts

pytestmark = pytest.mark.django_db
CONTENT = Progress(title="Order 42", percentage=40)
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
DUMMY = "django_liveactivity.backends.dummy.DummyBackend"
CALL = Call(Endpoint.END_STREAM, "order-42", {})

wakes: list[str] = []


def count(alias: str) -> None:
    """A dispatcher of the host's."""
    wakes.append(alias)


def one(backend: str, **account: object) -> override_settings:
    """Override the setting with a single account."""
    return override_settings(LIVEACTIVITY={"default": {"BACKEND": backend, **account}})


@pytest.fixture(autouse=True)
def _outbox(liveactivity_outbox):
    wakes.clear()


def test_accounts_come_and_go():
    with override_settings(LIVEACTIVITY={"shop": {"BACKEND": LOCMEM}}):
        services.end_activity(stream_key="order-42", account="shop")
        with pytest.raises(InvalidInputError, match="no account 'default'\\.$"):
            services.end_activity(stream_key="order-42")
    with pytest.raises(InvalidInputError, match="no account 'shop'"):
        services.end_activity(stream_key="order-42", account="shop")
    services.end_activity(stream_key="order-42")


def test_what_waits_goes_to_the_backend_of_the_moment():
    services.end_activity(stream_key="order-42")
    with one(DUMMY):
        deliver()
    assert outbox == []
    services.end_activity(stream_key="order-43")
    deliver()
    assert [call.target for call in outbox] == ["order-43"]


def test_a_dispatcher_is_asked_from_the_moment_on(django_capture_on_commit_callbacks):
    before = dispatcher_of(conf.account())
    with one(LOCMEM, DISPATCHER=f"{__name__}.count"):
        with django_capture_on_commit_callbacks(execute=True):
            services.end_activity(stream_key="order-42")
    assert wakes == ["default"]
    with django_capture_on_commit_callbacks(execute=True):
        services.end_activity(stream_key="order-43")
    assert wakes == ["default"]
    assert dispatcher_of(conf.account()) is before


def test_options_hold_for_what_is_stored_from_then_on():
    def channels(key: str) -> list[str] | None:
        return services.stream_activity(key, CONTENT).channels

    assert channels("before") is None
    with one(LOCMEM, OPTIONS={"channels": ["ops"]}):
        assert channels("within") == ["ops"]
        with one(LOCMEM, OPTIONS={"channels": ["night"]}):
            assert channels("deeper") == ["night"]
        assert channels("within-again") == ["ops"]
    assert channels("after") is None


@pytest.mark.django_db(databases=["default", "other"])
def test_the_database_is_the_account_s_own():
    with one(LOCMEM, DATABASE="other"):
        services.stream_activity("order-42", CONTENT)
    assert LiveActivity.objects.using("other").count() == 1
    assert LiveActivity.objects.count() == 0


def test_the_same_setting_once_more_makes_nothing_anew():
    first = conf.account()
    assert conf.account() is first
    assert get_backend() is get_backend()
    with one(LOCMEM):
        assert conf.account() is not first
        assert get_backend() is get_backend()


def test_the_connections_of_a_backend_are_closed_with_it():
    with Sandbox() as sandbox:
        with override_settings(LIVEACTIVITY=sandbox_accounts(sandbox.url)):
            backend = get_backend()
            assert backend.send(CALL).status == 404
        with pytest.raises(RuntimeError, match="closed"):
            backend.send(CALL)
        assert len(sandbox.calls()) == 1
        assert outbox == []
        get_backend().send(CALL)
        assert outbox == [CALL]
