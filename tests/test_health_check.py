"""The check for django-health-check, on that library's own page in a host's urlconf."""

from __future__ import annotations

import sys
from types import ModuleType

import httpx
import pytest
from django.db import OperationalError, connection
from django.urls import path
from health_check.views import HealthCheckView

from django_liveactivity import services
from django_liveactivity.delivery import sweep

from .clock import advance
from .tutorial.document import block

pytestmark = pytest.mark.django_db(transaction=True)
CHECK = "django_liveactivity.health_check.LiveActivityDelivery"
urlpatterns = [
    path("health/", HealthCheckView.as_view(checks=[CHECK])),
    path("health/one/", HealthCheckView.as_view(checks=[(CHECK, {"accounts": ["one"]})])),
]


@pytest.fixture
def ask(configure, live_server, settings):
    """Return what the page answers over HTTP: the status, and what it says of our check."""
    configure()
    settings.ROOT_URLCONF = __name__

    def get(page: str = "health/") -> tuple[int, str]:
        answer = httpx.get(f"{live_server.url}/{page}", params={"format": "json"})
        [(name, said)] = answer.json().items()
        assert name.startswith("LiveActivityDelivery(accounts=")
        return answer.status_code, said

    return get


def two_accounts(settings):
    settings.LIVEACTIVITY = dict.fromkeys(["one", "two"], settings.LIVEACTIVITY["default"])


def test_it_is_well_while_ends_are_delivered(ask):
    services.end_activity(stream_key="order-42")
    sweep(lambda _: None)
    assert ask() == (200, "OK")


def test_it_tells_of_an_end_that_is_overdue(ask):
    services.end_activity(stream_key="order-42")
    advance(301)
    sweep(lambda _: None)
    assert ask() == (500, "Unavailable: default: overdue")


def test_it_tells_that_nothing_drains(ask):
    services.end_activity(stream_key="order-42")
    assert ask() == (500, "Unavailable: default: silent")
    advance(301)
    assert ask() == (500, "Unavailable: default: overdue, silent")


def test_it_looks_at_the_accounts_that_it_is_given(ask, settings):
    two_accounts(settings)
    services.end_activity(stream_key="order-42", account="two")
    assert ask() == (500, "Unavailable: two: silent")
    assert ask("health/one/") == (200, "OK")


def test_it_names_five_accounts_at_most(ask, settings):
    aliases = [f"account-{n}" for n in range(8)]
    settings.LIVEACTIVITY = dict.fromkeys(aliases, settings.LIVEACTIVITY["default"])
    for alias in aliases:
        services.end_activity(stream_key="order-42", account=alias)
    named = "; ".join(f"account-{n}: silent" for n in range(5))
    assert ask() == (500, f"Unavailable: {named}; and 3 more")


def test_it_does_not_quote_the_database(ask):
    def refuse(*_):
        raise OperationalError('connection to "10.0.0.7" as user "site" failed')

    with connection.execute_wrapper(refuse):
        assert ask() == (500, "Unavailable: default: unreadable")
    assert ask() == (200, "OK")


def test_an_account_that_there_is_not_is_an_error_and_not_health(ask):
    assert ask("health/one/") == (500, "Unknown Error: unknown error")


def test_the_urlconf_of_the_documents_has_it_beside_another(
    ask, live_server, settings, monkeypatch
):
    module = ModuleType("urls_of_the_page")
    exec(block("how-to/check-health.md", "With django-health-check", "python").code, vars(module))
    monkeypatch.setitem(sys.modules, module.__name__, module)
    settings.ROOT_URLCONF = module.__name__
    services.end_activity(stream_key="order-42")
    answer = httpx.get(f"{live_server.url}/health/", params={"format": "json"})
    assert answer.status_code == 500
    assert [*answer.json().values()] == ["OK", "Unavailable: default: silent"]
