"""The check of the endpoint: is it mounted so that it can tell who calls."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.http import HttpResponse
from django.urls import include, path
from rest_framework.authentication import SessionAuthentication
from rest_framework.throttling import ScopedRateThrottle, UserRateThrottle

from django_liveactivity.api.views import LiveActivityViewSet

from .finding import found

ROOT = Path(__file__).parents[2]
OPEN, RATELESS = "liveactivity.W004", "liveactivity.W009"


class OpenViewSet(LiveActivityViewSet):
    """As a host's project has it, whose DEFAULT_AUTHENTICATION_CLASSES are empty."""

    authentication_classes = ()


def other(request):
    return HttpResponse()


def mounted(settings, *patterns) -> dict[str, str]:
    """Return what the checks say of a URL conf."""
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [path("", other), *patterns]})
    return found()


def test_an_endpoint_without_authentication_is_found_under_its_prefix(settings):
    inner = [path("end/", OpenViewSet.as_view({"post": "end"}, throttle_scope="liveactivity_end"))]
    messages = mounted(settings, path("api/", include([path("cards/", include(inner))])))
    assert list(messages) == [OPEN]
    assert "The endpoint at 'api/cards/end/'" in messages[OPEN]


def test_authentication_may_be_taken_or_given_where_it_is_mounted(settings):
    taken = path(
        "end/",
        LiveActivityViewSet.as_view(
            {"post": "end"}, throttle_scope="liveactivity_end", authentication_classes=[]
        ),
    )
    assert list(mounted(settings, taken)) == [OPEN]
    given = path(
        "end/",
        OpenViewSet.as_view(
            {"post": "end"},
            throttle_scope="liveactivity_end",
            authentication_classes=[SessionAuthentication],
        ),
    )
    assert mounted(settings, given) == {}


def test_the_endpoint_as_it_comes_has_the_host_s_authentication(settings):
    assert mounted(settings, path("cards/", include("django_liveactivity.api.urls"))) == {}


def test_a_throttle_by_scope_needs_a_rate_for_the_endpoint_s(settings, monkeypatch):
    throttles = [UserRateThrottle, ScopedRateThrottle]
    throttled = path(
        "end/",
        LiveActivityViewSet.as_view(
            {"post": "end"}, throttle_scope="liveactivity_end", throttle_classes=throttles
        ),
    )
    messages = mounted(settings, throttled)
    assert list(messages) == [RATELESS]
    assert "its scope 'liveactivity_end' has no rate" in messages[RATELESS]
    monkeypatch.setitem(ScopedRateThrottle.THROTTLE_RATES, "liveactivity_end", "60/min")
    assert mounted(settings, throttled) == {}


def test_a_throttle_by_another_measure_needs_no_rate_of_the_endpoint_s(settings):
    throttled = path(
        "end/",
        LiveActivityViewSet.as_view(
            {"post": "end"}, throttle_scope="liveactivity_end", throttle_classes=[UserRateThrottle]
        ),
    )
    assert mounted(settings, throttled) == {}


def test_a_project_that_has_turned_authentication_off_is_told_so():
    check = subprocess.run(
        [sys.executable, "-m", "django", "check", "--fail-level", "WARNING"],
        env=os.environ
        | {"DJANGO_SETTINGS_MODULE": "tests.checks.open_settings", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert check.returncode == 1
    assert "(liveactivity.W004) The endpoint at 'liveactivity/end/'" in check.stderr
    assert "1 issue" in check.stderr


@pytest.mark.parametrize("urls", [None, ""])
def test_a_project_without_urls_has_no_endpoint(settings, urls):
    settings.ROOT_URLCONF = urls
    assert found() == {}
