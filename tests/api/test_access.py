"""Every address of the endpoint, asked by every kind of caller: one table.

A card that a caller may not see is answered as one that does not exist.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import Permission, User
from django.urls import include, path
from rest_framework.permissions import BasePermission
from rest_framework.test import APIClient

from django_liveactivity.api.urls import routes
from django_liveactivity.api.views import LiveActivityViewSet
from django_liveactivity.models import KnownActivityId, Operation, lane_digest
from tests.shop.models import Order

from .conftest import ends, show

pytestmark = pytest.mark.django_db
KEY = "ana-1"
URLS = ("POST end/", "DELETE stream", "GET activities/", "GET activity", "GET operation")


class OwnCards(BaseBackend):
    """Permissions on single cards: those whose key begins with the user's name."""

    def has_perm(self, user_obj, perm, obj=None):
        return (
            obj is not None
            and perm == "django_liveactivity.end_liveactivity"
            and obj.stream_key.startswith(f"{user_obj.get_username()}-")
        )


class NotAnas(BasePermission):
    """A permission of the host's."""

    def has_object_permission(self, request, view, obj):
        return obj.stream_key != KEY


class DeniedByHost(LiveActivityViewSet):
    permission_classes = (NotAnas,)


class DeniedByQueryset(LiveActivityViewSet):
    def get_queryset(self):
        return super().get_queryset().exclude(stream_key=KEY)


class DeniedByAccount(LiveActivityViewSet):
    def has_account_permission(self, request, account, card):
        return card.stream_key != KEY and request.method != "GET"


def mounted(views: type[LiveActivityViewSet]):
    return path("liveactivity/", include((routes(views), "django_liveactivity")))


def grown(name: str, *verbs: str, **fields: Any) -> User:
    user = User.objects.create_user(name, **fields)
    codenames = [f"{verb}_liveactivity" for verb in verbs]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user


def client_of(user: object, *, csrf: bool = False) -> APIClient:
    client = APIClient(enforce_csrf_checks=csrf)
    if isinstance(user, User):
        client.force_login(user)
    elif user is not None:
        client.force_authenticate(user, token="token")
    return client


def program(allowed) -> SimpleNamespace:
    """Return a principal that is no Django user."""
    return SimpleNamespace(is_authenticated=True, has_perm=allowed)


CALLERS: dict[str, tuple[Any, list[int]]] = {
    "may end": (lambda: client_of(grown("x", "end")), [202, 202, 1, 200, 200]),
    "a superuser": (
        lambda: client_of(User.objects.create_superuser("x")),
        [202, 202, 1, 200, 200],
    ),
    "may view": (lambda: client_of(grown("x", "view")), [403, 403, 1, 200, 200]),
    "may end this card": (lambda: client_of(grown("ana")), [202, 202, 1, 200, 200]),
    "a program that may end all": (
        lambda: client_of(program(lambda name, card=None: name.endswith(".end_liveactivity"))),
        [202, 202, 1, 200, 200],
    ),
    "a program that may end this card": (
        lambda: client_of(program(lambda name, card=None: bool(card and card.stream_key == KEY))),
        [202, 202, 1, 200, 200],
    ),
    "a program that may view this card": (
        lambda: client_of(
            program(lambda name, card=None: bool(card) and name.endswith("view_liveactivity"))
        ),
        [403, 403, 1, 200, 200],
    ),
    "anonymous": (lambda: client_of(None), [403, 403, 403, 403, 403]),
    "wrong user": (lambda: client_of(grown("bo")), [404, 404, 0, 404, 404]),
    "another program": (
        lambda: client_of(program(lambda name, card=None: False)),
        [404, 404, 0, 404, 404],
    ),
    "no CSRF token": (lambda: client_of(grown("x", "end"), csrf=True), [403, 403, 1, 200, 200]),
    "inactive": (lambda: client_of(grown("x", "end", is_active=False)), [403] * 5),
}


@pytest.fixture
def addresses() -> dict[str, tuple[str, str, Any]]:
    card = show(KEY)
    operation = Operation.objects.get()
    return {
        "POST end/": ("post", "end/", {"stream_key": KEY}),
        "DELETE stream": ("delete", f"streams/{KEY}/", None),
        "GET activities/": ("get", "activities/", None),
        "GET activity": ("get", f"activities/{card.pk}/", None),
        "GET operation": ("get", f"operations/{operation.pk}/", None),
    }


def asked(client: APIClient, addresses, url: str) -> int:
    """Return the status; of a list that is given, how many cards it has."""
    method, address, body = addresses[url]
    answer = getattr(client, method)(f"/liveactivity/{address}", body, format="json")
    if answer.status_code >= 400:
        assert answer.headers["Content-Type"] == "application/problem+json"
        assert answer.json()["status"] == answer.status_code
    is_list = url == "GET activities/" and answer.status_code == 200
    return len(answer.json()["results"]) if is_list else answer.status_code


@pytest.mark.parametrize("caller", CALLERS)
def test_who_may_what(caller, addresses, settings):
    settings.AUTHENTICATION_BACKENDS = [
        *settings.AUTHENTICATION_BACKENDS,
        f"{__name__}.OwnCards",
    ]
    make, expected = CALLERS[caller]
    client = make()
    assert [asked(client, addresses, url) for url in URLS] == expected
    assert ends().count() == (202 in expected)


def test_without_permissions_on_cards_a_user_is_told_what_is_missing(addresses):
    client = client_of(grown("x"))
    assert [asked(client, addresses, url) for url in URLS] == [403] * 5
    answer = client.post("/liveactivity/end/", {"stream_key": KEY}, format="json")
    assert "django_liveactivity.end_liveactivity" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("views", "expected"),
    [
        (DeniedByHost, [404, 404, 0, 404, 404]),
        (DeniedByQueryset, [404, 404, 0, 404, 404]),
        (DeniedByAccount, [404, 404, 404, 404, 404]),
    ],
)
def test_a_card_that_the_host_denies_is_as_none(views, expected, addresses, settings):
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [mounted(views)]})
    client = client_of(grown("x", "end"))
    assert [asked(client, addresses, url) for url in URLS] == expected
    unknown = client.post("/liveactivity/end/", {"id": 99}, format="json")
    denied = client.post("/liveactivity/end/", {"stream_key": KEY}, format="json")
    assert (unknown.status_code, unknown.json()) == (404, denied.json())
    assert not ends().exists()


def test_what_authenticates_the_request_has_to_agree(addresses):
    """A token that may do less than its user."""
    user = grown("x", "end")
    client = APIClient()
    reads = SimpleNamespace(has_perm=lambda name, card=None: name.endswith("view_liveactivity"))
    client.force_authenticate(user, token=reads)
    assert [asked(client, addresses, url) for url in URLS] == [403, 403, 1, 200, 200]


@pytest.mark.parametrize("name", ["stream_key", "activity_id", "id", "subject"])
@pytest.mark.parametrize("views", [DeniedByHost, DeniedByQueryset, LiveActivityViewSet])
def test_what_is_wrong_with_a_body_tells_nothing_of_a_card_that_is_not_seen(name, views, settings):
    """Its content is of another type than the card, which the service would say."""
    settings.AUTHENTICATION_BACKENDS = [*settings.AUTHENTICATION_BACKENDS, f"{__name__}.OwnCards"]
    settings.ROOT_URLCONF = type("urls", (), {"urlpatterns": [mounted(views)]})
    order = Order.objects.create()
    card = show(KEY, subject=order)
    KnownActivityId.objects.create(
        activity=card, account="default", id_digest=lane_digest(activity_id="pLAr")
    )
    names = {
        "stream_key": KEY,
        "activity_id": "pLAr",
        "id": card.pk,
        "subject": {"model": "shop.Order", "pk": str(order.pk)},
    }
    body = {name: names[name], "content": {"type": "alert", "title": "x", "message": "y"}}
    user = grown("bo") if views is LiveActivityViewSet else grown("x", "end", "give_content")
    answer = client_of(user).post("/liveactivity/end/", body, format="json")
    assert (answer.status_code, "errors" in answer.json()) == (404, False)
    superuser = client_of(User.objects.create_superuser("y"))
    if views is LiveActivityViewSet:
        assert superuser.post("/liveactivity/end/", body, format="json").status_code == 400


class TestContent:
    """A right of its own: without it a caller ends a card, and does not say what it shows."""

    @pytest.mark.parametrize(
        "given",
        [
            {"content": {"title": "x", "percentage": 1}},
            {"content_state": {"title": "x", "percentage": 1}},
            {"alert": {"title": "x"}},
            {"tags": ["a"]},
            {"metadata": {"a": 1}},
            {"action": {"title": "x", "type": "open_url", "url": "https://example.com/"}},
            {"secondary_action": {"title": "x", "type": "open_url", "url": "https://a.example/"}},
        ],
        ids=lambda given: next(iter(given)),
    )
    def test_needs_the_right(self, given):
        show(KEY)
        body = {"stream_key": KEY, **given}
        refused = client_of(grown("x", "end")).post("/liveactivity/end/", body, format="json")
        assert refused.status_code == 403
        assert "give_content_liveactivity" in refused.json()["detail"]
        assert not ends().exists()
        allowed = client_of(grown("y", "end", "give_content"))
        assert allowed.post("/liveactivity/end/", body, format="json").status_code == 202

    def test_the_bare_end_needs_none(self):
        show(KEY)
        body = {"stream_key": KEY, "dismiss_after": 60, "after": 5, "reason": "x"}
        client = client_of(grown("x", "end"))
        assert client.post("/liveactivity/end/", body, format="json").status_code == 202
