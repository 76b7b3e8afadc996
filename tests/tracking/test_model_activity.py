"""Model signals: save shows, updates or ends; delete ends."""

from __future__ import annotations

import datetime as dt

import pytest
from django.core import serializers
from django.db import transaction

from django_liveactivity import ModelActivity, Progress, register
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import unregister
from tests.shop.models import Order

from .orders import kinds


class OrderActivity(ModelActivity[Order]):
    dismiss_after = dt.timedelta(minutes=15)
    tags = ["shop"]

    def is_live(self, order):
        return order.status in {"cooking", "on_the_way"}

    def content(self, order):
        if order.note == "broken":
            raise RuntimeError("no content")
        return Progress(title=f"Order {order.pk}", percentage=order.progress)

    def final_content(self, order):
        if order.note == "broken at the end":
            raise RuntimeError("no final content")
        return Progress(title=f"Order {order.pk} is here", percentage=100)


@pytest.fixture(autouse=True)
def _registered(db, liveactivity_outbox):
    register(Order)(OrderActivity)
    yield
    unregister(Order, OrderActivity)


@pytest.fixture
def order():
    return Order.objects.create(status="cooking", progress=10)


def shown() -> list[tuple[str, object]]:
    return [(c.method, (c.body.get("content_state") or {}).get("percentage")) for c in deliver()]


def test_a_save_shows_the_card_of_a_live_object(order):
    assert shown() == [("PUT", 10)]
    card = LiveActivity.objects.get()
    assert card.subject == order
    assert card.tracked_by == "shop.OrderActivity"
    assert Operation.objects.get().options == {"tags": ["shop"]}


def test_an_object_that_is_not_live_has_no_card():
    Order.objects.create(status="new")
    assert kinds() == []


def test_a_save_updates_the_card(order):
    deliver()
    order.progress = 60
    order.save()
    assert shown() == [("PUT", 60)]
    assert LiveActivity.objects.count() == 1


def test_unchanged_content_costs_no_operation(order):
    order.save()
    order.save()
    assert kinds() == ["stream"]


def test_a_save_ends_the_card_with_its_final_content(order):
    deliver()
    order.status = "delivered"
    order.save()
    order.save()
    assert kinds() == ["stream", "end"]
    [call] = deliver()
    assert call.body["content_state"] == {
        "title": f"Order {order.pk} is here",
        "percentage": 100,
        "type": "progress",
        "auto_dismiss_seconds": 900,
    }


def test_final_content_may_be_in_the_vendors_shape(order, monkeypatch):
    final = {"title": "Here", "percentage": 100, "auto_dismiss_minutes": 15}
    monkeypatch.setattr(OrderActivity, "final_content", lambda *_: final)
    deliver()
    order.status = "delivered"
    order.save()
    [call] = deliver()
    assert call.body["content_state"].items() >= {("title", "Here"), ("auto_dismiss_seconds", 900)}


def test_a_delete_ends_the_card_with_its_last_content(order):
    deliver()
    order.delete()
    [call] = deliver()
    assert (call.method, call.body["content_state"]["percentage"]) == ("DELETE", 10)


def test_a_queryset_delete_ends_the_cards(order):
    deliver()
    Order.objects.all().delete()
    assert kinds() == ["stream", "end"]


def test_a_rollback_undoes_everything(order):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        order.delete()
        raise ZeroDivisionError
    assert kinds() == ["stream"]


def test_a_new_generation_has_a_fresh_key(order):
    deliver()
    order.status = "delivered"
    order.save()
    order.status = "cooking"
    order.save()
    keys = set(LiveActivity.objects.values_list("stream_key", flat=True))
    assert len(keys) == 2
    assert all(key.startswith(f"order-{order.pk}-") for key in keys)
    assert [call.method for call in deliver()] == ["DELETE", "PUT"]


def test_a_stale_instance_never_shows_the_card_again(order):
    stale = Order.objects.get(pk=order.pk)
    deliver()
    order.status = "delivered"
    order.save()
    stale.save(update_fields=["note"])
    assert kinds() == ["stream", "end"]


def test_start_and_end_before_any_call_need_none(order):
    order.status = "delivered"
    order.save()
    assert deliver() == []
    assert Operation.objects.latest("pk").outcome == "never_started"


def test_a_fixture_shows_nothing(order):
    data = serializers.serialize("json", [Order(pk=99, status="cooking")])
    for item in serializers.deserialize("json", data):
        item.save()
    assert LiveActivity.objects.count() == 1


def test_a_mistake_in_content_does_not_break_the_save(order, caplog):
    order.note = "broken"
    order.save()
    order.refresh_from_db()
    assert order.note == "broken"
    assert kinds() == ["stream"]
    assert "a hook raised for shop.Order" in caplog.text


def test_a_mistake_in_final_content_ends_with_the_last_content(order, caplog):
    deliver()
    order.note, order.status = "broken at the end", "delivered"
    order.save()
    assert shown() == [("DELETE", 10)]


def test_a_configuration_that_does_not_fit_does_not_break_the_save(order, settings, caplog):
    settings.LIVEACTIVITY = {}
    order.progress = 77
    order.save()
    assert "no account 'default'" in caplog.text
    assert Order.objects.get().progress == 77


def test_two_activities_of_one_model_have_a_card_each(order):
    class KitchenActivity(OrderActivity):
        tags = None

    register(Order)(KitchenActivity)
    try:
        Order.objects.create(status="cooking")
    finally:
        unregister(Order, KitchenActivity)
    names = LiveActivity.objects.order_by("pk").values_list("tracked_by", flat=True)
    assert list(names) == ["shop.OrderActivity"] * 2 + ["shop.KitchenActivity"]


def test_liveactivities_modules_are_found_at_start_up():
    from tests.shop import liveactivities

    assert liveactivities.FOUND_BY_AUTODISCOVERY
