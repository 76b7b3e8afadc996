"""``sync``: the cards of many objects whose changes sent no signal."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, TrackingFailure
from django_liveactivity.tracking import SyncResult, reconcile
from tests.shop.models import (
    Customer,
    Delivery,
    ExpressOrder,
    Machine,
    Order,
    Parcel,
    UrgentOrder,
)

from .orders import DeliveryActivity, OrderActivity, followed, kinds, reads_of

pytestmark = pytest.mark.usefixtures("orders")


def cooking(number: int) -> list[Order]:
    return Order.objects.bulk_create([Order(status="cooking") for _ in range(number)])


def test_shows_updates_and_ends():
    one, two, _three = cooking(3)
    assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=3, shown=3)
    Order.objects.filter(pk=one.pk).update(progress=50)
    Order.objects.filter(pk=two.pk).update(status="delivered")
    assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=3, updated=1, ended=1)
    assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=3)
    assert kinds() == ["stream"] * 3 + ["stream", "end"]
    assert set(Operation.objects.values_list("source", flat=True)) == {"reconcile"}


def test_looks_only_at_the_objects_that_are_named():
    cooking(2)
    Order.objects.filter(pk=Order.objects.latest("pk").pk).update(note="me")
    OrderActivity.sync(Order.objects.filter(note="me"))
    assert LiveActivity.objects.get().subject == Order.objects.get(note="me")


def test_takes_rows_that_a_join_repeats():
    customer = Customer.objects.create(email="ann@shop.example")
    Order.objects.bulk_create([Order(status="cooking", customer=customer) for _ in range(3)])
    repeated = Order.objects.filter(customer__order__status="cooking")
    assert repeated.count() == 9
    assert OrderActivity.sync(repeated).shown == 3


def test_takes_rows_whose_order_and_whose_manager_join_and_group():
    """PostgreSQL locks no row of an outer join or of a group."""
    with followed(Delivery, DeliveryActivity):
        Delivery.objects.create(parcel=Parcel.objects.create())
        Delivery.objects.update(is_done=True)
        assert DeliveryActivity.sync(Delivery.objects.all()) == SyncResult(examined=1, ended=1)
        Delivery.objects.update(is_done=False)
        assert DeliveryActivity.sync(Delivery.objects.all()) == SyncResult(examined=1, shown=1)
        Delivery.objects.update(is_done=True)
        assert [done.failed for done in reconcile()] == [0]
    assert kinds() == ["stream", "end"] * 2


def test_takes_more_than_one_batch():
    cooking(101)
    assert OrderActivity.sync(Order.objects.order_by("-pk")) == SyncResult(examined=101, shown=101)


def test_the_number_of_reads_does_not_grow_with_the_number_of_objects():
    def reads(number: int) -> int:
        Order.objects.all().delete()
        cooking(number)
        with CaptureQueriesContext(connection) as queries:
            OrderActivity.sync(Order.objects.all())
        return len([q for q in queries if q["sql"].startswith("SELECT")])

    assert reads(1) == reads(99)


def test_what_the_cards_need_of_other_rows_is_read_with_them():
    class CustomerActivity(OrderActivity):
        def get_queryset(self):
            return super().get_queryset().select_related("customer")

        def tags(self, order):
            return [order.customer.email]

    with followed(Order, CustomerActivity):
        customer = Customer.objects.create(email="ann@shop.example")
        Order.objects.bulk_create([Order(status="cooking", customer=customer) for _ in range(20)])
        with CaptureQueriesContext(connection) as queries:
            assert CustomerActivity.sync(Order.objects.all()).shown == 20
    assert not reads_of("shop_customer", queries)
    assert len(reads_of("shop_order", queries)) == 5  # keys, rows, the hold, rows, no more keys
    assert Operation.objects.latest("pk").options == {"tags": ["ann@shop.example"]}


def test_a_mistake_for_one_object_leaves_the_others_alone():
    class PickyActivity(OrderActivity):
        def content(self, order):
            if order.note == "broken":
                raise RuntimeError("no content")
            return super().content(order)

    with followed(Order, PickyActivity):
        Order.objects.bulk_create([Order(status="cooking", note=n) for n in ("", "broken", "")])
        assert PickyActivity.sync(Order.objects.all()) == SyncResult(examined=3, shown=2, failed=1)
    assert TrackingFailure.objects.get().error == "RuntimeError: no content"


def test_takes_proxies_and_children():
    express = ExpressOrder.objects.create(status="new")
    Order.objects.update(status="cooking")
    assert OrderActivity.sync(UrgentOrder.objects.all()).shown == 1
    Order.objects.update(progress=5)
    assert OrderActivity.sync(ExpressOrder.objects.filter(pk=express.pk)).updated == 1


def test_refuses_a_model_that_the_class_does_not_follow():
    with pytest.raises(InvalidInputError, match="queryset: OrderActivity is not registered for Ma"):
        OrderActivity.sync(Machine.objects.all())


def test_an_object_that_was_ended_by_hand_is_shown_again_for_it_lives():
    [order] = cooking(1)
    OrderActivity.sync(Order.objects.all())
    services.end_activities(subject=order)
    assert OrderActivity.sync(Order.objects.all()).shown == 1
