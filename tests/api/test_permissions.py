"""Access: the endpoint requires its own permission under any defaults of the host."""

from __future__ import annotations

import base64
from types import SimpleNamespace

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User
from django.core.cache import cache
from rest_framework.permissions import DjangoModelPermissions, IsAdminUser
from rest_framework.settings import api_settings
from rest_framework.test import APIClient, APIRequestFactory, force_authenticate
from rest_framework.throttling import ScopedRateThrottle

from django_liveactivity.api.views import LiveActivityViewSet
from tests.shop.models import Customer

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


def test_authentication_throttles_and_permissions_are_the_host_s():
    assert LiveActivityViewSet.permission_classes == api_settings.DEFAULT_PERMISSION_CLASSES
    assert LiveActivityViewSet.authentication_classes == api_settings.DEFAULT_AUTHENTICATION_CLASSES
    assert LiveActivityViewSet.throttle_classes == api_settings.DEFAULT_THROTTLE_CLASSES


def test_a_host_without_a_user_for_strangers_refuses_them(stranger, url, settings):
    settings.REST_FRAMEWORK = settings.REST_FRAMEWORK | {"UNAUTHENTICATED_USER": None}

    assert stranger.post(url, BODY).status_code == 403


def granting(**attributes) -> SimpleNamespace:
    """Return a principal that is no Django user, and that has every permission."""
    return SimpleNamespace(**({"has_perm": lambda permission: True} | attributes))


@pytest.mark.parametrize(
    "principal",
    [
        AnonymousUser(),
        None,
        object(),
        Customer(email="ana@shop.example"),
        granting(),
        granting(is_authenticated=True, is_active=False),
        granting(is_authenticated=True, has_perm=None),
        SimpleNamespace(is_authenticated=True),
        User(username="root", is_superuser=True, is_active=False),
    ],
    ids=[
        *("anonymous", "None", "an object", "a user model without permissions"),
        *("not authenticated", "inactive", "has_perm is None", "without has_perm"),
        "an inactive superuser",
    ],
)
def test_a_principal_without_the_permission_is_refused(stranger, url, principal):
    stranger.force_authenticate(principal, token="token")

    assert stranger.post(url, BODY).status_code in {401, 403}
    assert not ends().exists()


def answered(user: User, **options) -> int:
    """Post to the endpoint as a host mounts it with options; return the status."""
    request = APIRequestFactory().post("/end/", BODY, format="json")
    force_authenticate(request, user)
    return LiveActivityViewSet.as_view({"post": "end"}, **options)(request).status_code


class TestHost:
    """What the host asks for holds besides the endpoint's own permission."""

    def test_the_host_s_permission_holds_too(self, user):
        assert answered(user, permission_classes=[IsAdminUser]) == 403
        user.is_staff = True
        assert answered(user, permission_classes=[IsAdminUser]) == 202

    def test_the_host_s_permission_does_not_replace_the_endpoint_s(self, db):
        staff = User.objects.create_user("bo", is_staff=True)

        assert answered(staff, permission_classes=[IsAdminUser]) == 403
        assert answered(staff, permission_classes=[]) == 403
        assert not ends().exists()

    def test_model_permissions_ask_for_no_other_permission(self, user):
        assert answered(user, permission_classes=[DjangoModelPermissions]) == 202
        user.user_permissions.remove(Permission.objects.get(codename="end_liveactivity"))
        stripped = User.objects.get(pk=user.pk)
        assert answered(stripped, permission_classes=[DjangoModelPermissions]) == 403

    def test_a_throttle_by_scope_holds(self, user, monkeypatch):
        cache.clear()
        monkeypatch.setitem(ScopedRateThrottle.THROTTLE_RATES, "liveactivity_end", "2/hour")
        throttled = {
            "throttle_classes": [ScopedRateThrottle],
            "throttle_scope": "liveactivity_end",
        }

        assert [answered(user, **throttled) for _ in range(3)] == [202, 202, 429]
