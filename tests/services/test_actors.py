"""The actor, the reason and the source that the history keeps, for users of any model."""

from __future__ import annotations

import enum
import uuid
from types import SimpleNamespace

import pytest
from asgiref.sync import async_to_sync
from django.contrib.auth.models import AnonymousUser, User
from django.urls import reverse
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import mark_safe
from django.utils.translation import gettext_lazy, override
from rest_framework.test import APIClient

from django_liveactivity import Progress, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation, OperatorAction, Source
from django_liveactivity.services.writer import recorded_as
from tests.shop.models import Customer, Order

UUID = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
CONTENT = Progress(title="Order 42", percentage=40)

pytestmark = pytest.mark.django_db


def named(username: object) -> object:
    """A user whose USERNAME_FIELD holds any kind of value."""
    return SimpleNamespace(get_username=lambda: username, pk=7)


class ServiceAccount:
    """A principal that is no Django user."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __str__(self) -> str:
        return f"service {self.name}"


class Team(enum.Enum):
    KITCHEN = "kitchen"


ACTORS = [
    (User(username="ann"), "ann"),
    (SimpleLazyObject(lambda: User(username="ann")), "ann"),
    (named(UUID), str(UUID)),
    (named(4912345), "4912345"),
    (named(0), "0"),
    (named(None), "SimpleNamespace 7"),
    (named(""), "SimpleNamespace 7"),
    (named("a\0b\ud800"), "ab?"),
    (named("ä" * 256), "ä" * 254 + "…"),
    (named("ä" * 255), "ä" * 255),
    (Customer(id=UUID, email=None), f"Customer {UUID}"),
    (AnonymousUser(), "AnonymousUser"),
    (ServiceAccount("billing"), "service billing"),
    (ServiceAccount("b" * 300), "service " + "b" * 246 + "…"),
    ("cron", "cron"),
    (mark_safe("cron"), "cron"),
    (gettext_lazy("Monday"), "Montag"),
    (Team.KITCHEN, "kitchen"),
    (UUID, str(UUID)),
    ("", ""),
]


@pytest.mark.parametrize(("actor", "text"), ACTORS)
def test_the_history_has_the_text_of_every_principal(actor, text):
    with override("de"):
        card = services.stream_activity("order-42", CONTENT, actor=actor)
        services.end_activity(card, actor=actor, reason=gettext_lazy("Monday"))
    assert set(Operation.objects.values_list("actor", flat=True)) == {text}
    assert Operation.objects.get(kind="end").reason == "Montag"


@pytest.mark.parametrize("actor", ["a" * 256, "a\0b", None, 42, True, b"ann", ["ann"], {"a": 1}])
def test_a_name_that_the_caller_writes_is_checked(actor):
    with pytest.raises(InvalidInputError, match="^actor: Give|^actor: contains a NUL"):
        services.stream_activity("order-42", CONTENT, actor=actor)
    assert not Operation.objects.exists()


def test_an_operator_may_be_any_principal():
    card = services.stream_activity("order-42", CONTENT)
    operation = Operation.objects.get(activity=card)
    action = services.give_up_operation(operation, actor=named(UUID), reason=mark_safe("gone"))
    assert (action.actor, action.reason) == (str(UUID), "gone")
    with pytest.raises(InvalidInputError, match="Say why"):
        services.give_up_operation(operation, actor="ann", reason=mark_safe(" "))
    assert OperatorAction.objects.count() == 1


def test_a_principal_whose_username_is_no_text_ends_by_the_endpoint():
    services.stream_activity("order-42", CONTENT)
    user = SimpleNamespace(
        get_username=lambda: UUID, is_authenticated=True, is_active=True, has_perm=lambda *_: True
    )
    client = APIClient()
    client.force_authenticate(user)
    answer = client.post(
        reverse("django_liveactivity:end"), {"stream_key": "order-42"}, format="json"
    )
    assert answer.status_code == 202
    end = Operation.objects.get(kind="end")
    assert (end.actor, end.source) == (str(UUID), "endpoint")


def test_a_way_in_is_recorded_for_the_block_alone():
    with recorded_as(Source.ADMIN):
        services.stream_activity("order-1", CONTENT)
    services.stream_activity("order-2", CONTENT)
    assert sources() == ["admin", "service"]


def test_a_way_in_is_recorded_after_an_error_no_more():
    with pytest.raises(InvalidInputError), recorded_as(Source.ADMIN):
        services.stream_activity("a/b", CONTENT)
    services.stream_activity("order-2", CONTENT)
    assert sources() == ["service"]


def test_a_way_in_is_recorded_by_the_async_names_too():
    async def show(key: str) -> None:
        with recorded_as(Source.COMMAND):
            await services.astream_activity(key, CONTENT)
        await services.astream_activity(f"{key}-later", CONTENT)

    async_to_sync(show)("order")
    assert sources() == ["command", "service"]


def test_keys_and_labels_may_be_of_any_kind():
    services.stream_activity(UUID, CONTENT)
    services.end_activity(stream_key=UUID)
    services.end_activity(activity_id=mark_safe("pLAr"), content={"title": gettext_lazy("Monday")})
    shown, ended, other = Operation.objects.order_by("pk")
    assert ended.activity == shown.activity
    assert shown.activity.stream_key == str(UUID)
    assert (other.activity.activity_id, other.content) == ("pLAr", {"title": "Monday"})


def test_a_translated_title_of_a_followed_object_is_shown():
    from tests.tracking.orders import OrderActivity, followed

    class Translated(OrderActivity):
        tags = frozenset({gettext_lazy("May"), "shop"})

        def content(self, order):
            return Progress(title=gettext_lazy("Monday"), percentage=order.progress)

    with followed(Order, Translated), override("de"):
        Order.objects.create(status="cooking", progress=40)
    operation = Operation.objects.get()
    assert operation.content["title"] == "Montag"
    assert operation.options == {"tags": ["Mai", "shop"]}


def sources() -> list[str]:
    return list(Operation.objects.order_by("pk").values_list("source", flat=True))
