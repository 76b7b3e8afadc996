"""Who may come in: the endpoint says so itself, whatever the host's defaults are."""

from __future__ import annotations

import base64

import pytest
from django.contrib.auth.models import User
from rest_framework.settings import api_settings
from rest_framework.test import APIClient

from django_liveactivity.api.views import EndView

from .conftest import ends

pytestmark = pytest.mark.django_db
BODY = {"stream_key": "order-42"}


@pytest.fixture
def stranger() -> APIClient:
    client = APIClient()
    client.default_format = "json"
    return client


def test_a_stranger_is_refused_although_the_host_s_default_is_open(stranger, url):
    assert [p.__name__ for p in api_settings.DEFAULT_PERMISSION_CLASSES] == ["AllowAny"]

    assert stranger.post(url, BODY).status_code == 403
    assert not ends().exists()


@pytest.mark.parametrize("is_staff", [False, True])
def test_who_lacks_the_permission_is_refused(stranger, url, is_staff):
    stranger.force_login(User.objects.create_user("bo", is_staff=is_staff))

    assert stranger.post(url, BODY).status_code == 403
    assert not ends().exists()


def test_bad_input_tells_a_stranger_nothing(stranger, url):
    assert stranger.post(url, {"id": 1}).status_code == 403
    assert stranger.post(url, "{", content_type="application/json").status_code == 403


def test_a_superuser_may(stranger, url, admin_user):
    stranger.force_login(admin_user)

    assert stranger.post(url, BODY).status_code == 202


def test_who_has_the_permission_may(client, url):
    assert client.post(url, BODY).status_code == 202


def test_an_inactive_user_is_refused(client, url, user):
    user.is_active = False
    user.save()

    assert client.post(url, BODY).status_code == 403


def test_the_host_s_other_ways_to_log_in_work(stranger, url, user):
    credentials = base64.b64encode(b"ana:secret").decode()
    stranger.credentials(HTTP_AUTHORIZATION=f"Basic {credentials}")

    assert stranger.post(url, BODY).status_code == 202


def test_a_session_needs_the_csrf_token(url, user):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)

    assert client.post(url, BODY, format="json").status_code == 403
    assert not ends().exists()


def test_authentication_and_throttling_are_the_host_s():
    assert EndView.authentication_classes == api_settings.DEFAULT_AUTHENTICATION_CLASSES
    assert EndView.throttle_classes == api_settings.DEFAULT_THROTTLE_CLASSES


def test_a_host_without_a_user_for_strangers_refuses_them(stranger, url, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"UNAUTHENTICATED_USER": None}

    assert stranger.post(url, BODY).status_code == 403
