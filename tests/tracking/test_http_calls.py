"""What each way to change an object sends to the vendor, over HTTP, and that it sends no more."""

from __future__ import annotations

from unittest.mock import ANY

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client
from django.urls import reverse

from django_liveactivity.delivery import drain
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.tracking import reconcile
from tests.shop.models import Customer, Order

from .orders import OrderActivity, followed, sent

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def phone(configure, sandbox):
    """The vendor; whatever a transaction commits is sent at once."""
    configure()
    with followed(Order, OrderActivity):
        yield sandbox


@pytest.fixture
def order(phone):
    """An order whose card is on the phone, at 10 %."""
    order = Order.objects.create(status="cooking", progress=10)
    assert deliver(phone) == ["PUT 10"]
    return order


def deliver(phone) -> list[str]:
    drain()
    return sent(phone)


def test_a_save_of_a_new_object(phone):
    Order.objects.create(status="cooking", progress=10)
    assert deliver(phone) == ["PUT 10"]


def test_a_save_that_changes_the_content(phone, order):
    order.progress = 60
    order.save()
    assert deliver(phone) == ["PUT 60"]


def test_a_save_that_changes_nothing(phone, order):
    order.save()
    assert deliver(phone) == []


def test_a_save_of_an_object_that_lives_no_more(phone, order):
    order.status = "delivered"
    order.save()
    order.save()
    assert deliver(phone) == ["DELETE"]
    assert phone.phone()["empty"]


def test_a_delete(phone, order):
    order.delete()
    assert deliver(phone) == ["DELETE"]
    assert phone.phone()["empty"]


def test_a_delete_shows_the_last_content_that_was_meant_to_be_shown(phone, order):
    order.progress = 90
    order.save()
    order.delete()
    assert deliver(phone) == ["DELETE 90"]


def test_a_cascade_delete(phone):
    customer = Customer.objects.create(email="ann@shop.example")
    for progress in (10, 20):
        Order.objects.create(status="cooking", progress=progress, customer=customer)
    assert sorted(deliver(phone)) == ["PUT 10", "PUT 20"]
    customer.delete()
    assert deliver(phone) == ["DELETE", "DELETE"]
    assert phone.phone()["empty"]


def test_a_queryset_delete(phone, order):
    Order.objects.create(status="new")
    Order.objects.all().delete()
    assert deliver(phone) == ["DELETE"]


def test_a_queryset_update_is_found_by_reconcile(phone, order):
    Order.objects.update(status="delivered")
    assert deliver(phone) == []
    list(reconcile())
    assert deliver(phone) == ["DELETE"]
    list(reconcile())
    assert deliver(phone) == []


def test_a_queryset_update_of_the_content_is_found_by_reconcile(phone, order):
    Order.objects.update(progress=70)
    list(reconcile())
    assert deliver(phone) == ["PUT 70"]


def test_a_delete_in_the_admin(phone, order):
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    answer = client.post(reverse("admin:shop_order_delete", args=[order.pk]), {"post": "yes"})
    assert answer.status_code == 302
    assert deliver(phone) == ["DELETE"]


def test_a_delete_of_selected_objects_in_the_admin(phone, order):
    client = Client()
    client.force_login(User.objects.create_superuser("ana"))
    data = {"action": "delete_selected", "_selected_action": [order.pk], "post": "yes"}
    client.post(reverse("admin:shop_order_changelist"), data)
    assert not Order.objects.exists()
    assert deliver(phone) == ["DELETE"]


def test_a_transaction_that_rolls_back(phone, order):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        order.delete()
        Order.objects.create(status="cooking")
        raise ZeroDivisionError
    assert deliver(phone) == []
    assert phone.phone()["alive"] == [ANY]


def test_a_savepoint_that_rolls_back_inside_a_transaction_that_commits(phone, order):
    with transaction.atomic():
        order.progress = 50
        order.save()
        with pytest.raises(ZeroDivisionError), transaction.atomic():
            order.status = "delivered"
            order.save()
            raise ZeroDivisionError
    assert deliver(phone) == ["PUT 50"]


def test_savepoints_that_commit(phone, order):
    with transaction.atomic():
        with transaction.atomic():
            order.progress = 50
            order.save()
        with transaction.atomic():
            order.progress = 55
            order.save()
    assert deliver(phone) == ["PUT 55"]


def test_two_saves_in_one_transaction_send_the_newest(phone, order):
    with transaction.atomic():
        order.progress = 40
        order.save()
        order.progress = 80
        order.save()
    assert deliver(phone) == ["PUT 80"]


def test_a_start_and_a_change_in_one_transaction_send_one_start(phone):
    with transaction.atomic():
        order = Order.objects.create(status="cooking", progress=10)
        order.progress = 20
        order.save()
    assert deliver(phone) == ["PUT 20"]


def test_a_change_and_an_end_in_one_transaction_send_the_end(phone, order):
    with transaction.atomic():
        order.progress = 100
        order.save()
        order.status = "delivered"
        order.save()
    assert deliver(phone) == ["DELETE 100"]


def test_a_start_and_an_end_in_one_transaction_send_nothing(phone):
    with transaction.atomic():
        order = Order.objects.create(status="cooking", progress=10)
        order.status = "delivered"
        order.save()
    assert deliver(phone) == []
    assert Operation.objects.get(kind="end").outcome == "never_started"
    assert LiveActivity.objects.get().status == LiveActivity.Status.ENDED


def test_a_row_that_is_selected_for_update(phone, order):
    with transaction.atomic():
        locked = Order.objects.select_for_update().get(pk=order.pk)
        locked.status = "on_the_way"
        locked.progress = 75
        locked.save()
    assert deliver(phone) == ["PUT 75"]


def test_get_or_create_and_update_or_create(phone):
    Order.objects.get_or_create(note="a", defaults={"status": "cooking", "progress": 5})
    Order.objects.get_or_create(note="a", defaults={"status": "delivered"})
    assert deliver(phone) == ["PUT 5"]
    Order.objects.update_or_create(note="a", defaults={"status": "delivered"})
    assert deliver(phone) == ["DELETE"]


def test_a_bulk_create_is_shown_by_sync(phone):
    Order.objects.bulk_create([Order(status="cooking", progress=n) for n in (10, 20)])
    assert deliver(phone) == []
    OrderActivity.sync(Order.objects.all())
    assert sorted(deliver(phone)) == ["PUT 10", "PUT 20"]


def test_an_object_that_was_ended_and_lives_again(phone, order):
    order.status = "delivered"
    order.save()
    order.status = "cooking"
    order.save()
    assert deliver(phone) == ["DELETE", "PUT 10"]
    assert len({call["path"] for call in phone.calls()}) == 2
