"""Objects and accounts in several databases: whose cards are an object's, and where they end."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import User
from django.test import RequestFactory
from django.urls import reverse

from django_liveactivity.admin import LiveActivitiesMixin
from django_liveactivity.admin.subject_cards import objects_of_queryset
from django_liveactivity.delivery import sweep
from django_liveactivity.models import Operation
from tests.shop.models import Order

from .conftest import messages_of
from .subject_pages import press, select, shop_client, show, url_of

pytestmark = pytest.mark.django_db(databases=["default", "other"])


class ShopInDefault:
    """The orders are in one database, whatever database the cards are in."""

    def allow_migrate(self, db, app_label, **hints):
        return db == "default" if app_label == "shop" else None


class ReplicaOfShop(ShopInDefault):
    """Orders are read from a replica, here the database ``other``."""

    def db_for_read(self, model, **hints):
        return "other" if model._meta.app_label == "shop" else None

    def db_for_write(self, model, **hints):
        return "default" if model._meta.app_label == "shop" else None


class OrdersElsewhere(LiveActivitiesMixin, admin.ModelAdmin):
    """An admin of the orders in another database, as Django documents it."""

    def get_queryset(self, request):
        return super().get_queryset(request).using("other")


@pytest.fixture(autouse=True)
def accounts(settings, db) -> None:
    sweep(lambda _: None)
    near = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {
        "default": near,
        "second": near,
        "far": near | {"DATABASE": "other"},
    }


@pytest.fixture
def operator(db):
    return shop_client("view_order", "view_liveactivity", "end_liveactivity")


def list_of(client):
    return client.get(url_of("changelist", Order)).content.decode()


def page_of(client, order):
    return client.get(url_of("change", order)).content.decode()


def ends(using="default"):
    ends = Operation.objects.using(using).filter(kind="end")
    return {end.activity.stream_key for end in ends}


def test_the_same_key_in_another_database_is_another_object(operator):
    order = Order.objects.create()
    show(order, "here")
    show(order, "there", account="far")  # of that database's order

    assert list_of(operator).count(">pending<") == 1
    assert "Title of there" not in page_of(operator, order)
    select(operator, order, post="yes")
    assert (ends(), ends("other")) == ({"here"}, set())


def test_the_accounts_of_one_database_cost_one_query(operator, django_assert_num_queries):
    order = Order.objects.create()
    show(order, "first")
    show(order, "second", account="second")
    list_of(operator)

    with django_assert_num_queries(8):
        page = list_of(operator)

    assert page.count(">pending<") == 2


def test_the_cards_of_every_account_end(operator):
    order = Order.objects.create()
    show(order, "first")
    show(order, "second", account="second")

    answer = press(operator, order)

    assert ends() == {"first", "second"}
    assert messages_of(answer) == [("success", "Ending 2 live activities: first, second")]


def test_cards_in_a_database_without_the_objects_are_theirs(operator, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.ShopInDefault"]
    order = Order.objects.create()
    show(order, "here")
    card = show(order, "there", account="far")

    url = reverse("admin:django_liveactivity_liveactivity_change", args=[card.pk])
    assert f'<a href="{url}?account=far">' in list_of(operator)
    page = page_of(operator, order)
    assert f'<a href="{url}?account=far">Title of there</a>' in page
    press(operator, order, reason="Both")
    assert (ends(), ends("other")) == ({"here"}, {"there"})
    assert LogEntry.objects.get().get_edited_object() == order


def test_an_object_that_was_read_from_a_replica_has_its_cards(operator, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.ReplicaOfShop"]
    order = Order.objects.using("other").create()
    show(order, "here")

    assert ">pending<" in list_of(operator)
    assert "Title of here" in page_of(operator, order)
    (found,) = objects_of_queryset(Order.objects.all(), lambda card: True)
    assert [str(card) for card in found.cards] == ["here"]


def test_an_admin_of_another_database_shows_and_ends_the_cards_there(rf: RequestFactory):
    here, there = Order.objects.create(pk=7), Order(pk=7)
    there.save(using="other", force_insert=True)
    show(here, "here")
    show(there, "there", account="far")
    request = rf.get("/")
    request.user = User.objects.create_superuser("root")
    model_admin = OrdersElsewhere(Order, admin.AdminSite())

    found = objects_of_queryset(model_admin.get_queryset(request), lambda card: True)
    cell = model_admin.live_activities(model_admin.get_queryset(request).get())

    assert [str(card) for each in found for card in each.cards] == ["there"]
    assert cell.count(">pending<") == 1
