"""An instance may be older than its row: what the row says now is what counts."""

from __future__ import annotations

import pytest
from django.db import DatabaseError, transaction
from django.db.models import F

from django_liveactivity import Progress, services
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.shop.models import Order

from .orders import OrderActivity, followed, kinds, show_twin

CONTENT = Progress(title="By hand", percentage=1)

pytestmark = pytest.mark.usefixtures("orders")


@pytest.fixture
def order(orders):
    return Order.objects.create(status="cooking", progress=10)


def shown() -> int:
    return Operation.objects.latest("pk").content["percentage"]


@pytest.mark.parametrize("fields", [["note"], ["note", "progress"]])
def test_an_instance_older_than_the_end_never_shows_the_card_again(order, fields):
    stale = Order.objects.get(pk=order.pk)
    order.status = "delivered"
    order.save()
    stale.progress = 99
    stale.save(update_fields=fields)
    assert kinds() == ["stream", "end"]


def test_an_instance_older_than_the_delete_never_shows_the_card_again(order):
    stale = Order.objects.get(pk=order.pk)
    order.delete()
    with pytest.raises(DatabaseError, match="did not affect any rows"), transaction.atomic():
        stale.save(update_fields=["note"])
    assert kinds() == ["stream", "end"]


def test_an_instance_older_than_the_start_does_not_end_the_card(order):
    Order.objects.update(status="new")
    stale = Order.objects.get(pk=order.pk)
    Order.objects.update(status="cooking")
    stale.save(update_fields=["note"])
    assert kinds() == ["stream"]


def test_an_instance_with_older_content_does_not_turn_the_card_back(order):
    stale = Order.objects.get(pk=order.pk)
    order.progress = 60
    order.save()
    stale.save(update_fields=["note"])
    assert kinds() == ["stream", "stream"]
    assert shown() == 60


def test_a_whole_save_makes_the_row_what_the_instance_is(order):
    stale = Order.objects.get(pk=order.pk)
    order.status = "delivered"
    order.save()
    stale.save()
    assert Order.objects.get().status == "cooking"
    assert kinds() == ["stream", "end", "stream"]


def test_an_expression_is_shown_as_the_number_that_the_row_has(order):
    order.progress = F("progress") + 5
    order.save()
    assert shown() == 15


def test_a_deferred_field_is_read(order):
    part = Order.objects.only("progress").get()
    part.progress = 70
    part.save()
    assert shown() == 70


def test_a_second_card_of_one_object_ends_when_it_is_seen(order):
    """Two hosts, each in a snapshot of its own, may have started a card each."""
    twin = show_twin(order)
    order.progress = 30
    order.save()
    assert kinds() == ["stream", "stream", "end", "stream"]
    assert Operation.objects.latest("pk").activity == twin
    order.delete()
    assert deliver() == []  # neither card had been sent


def test_all_cards_of_an_object_end_with_it(order):
    show_twin(order)
    deliver()
    order.status = "delivered"
    order.save()
    assert [call.method for call in deliver()] == ["DELETE", "DELETE"]


def test_a_card_that_is_shown_by_hand_is_left_alone(order):
    by_hand = services.stream_activity("hand", CONTENT, subject=order)
    order.delete()
    [end] = Operation.objects.filter(kind="end")
    assert end.activity != by_hand


def test_a_key_of_ones_own_is_used_again_in_a_new_generation(db, liveactivity_outbox):
    class DoorActivity(OrderActivity):
        def key(self, order):
            return f"door-{order.pk}"

    with followed(Order, DoorActivity):
        order = Order.objects.create(status="cooking", progress=10)
        deliver()
        for status in ("delivered", "cooking"):
            order.status = status
            order.save()
        keys = LiveActivity.objects.filter(tracked_by="shop.DoorActivity").values_list("stream_key")
        assert list(keys) == [(f"door-{order.pk}",)] * 2
        assert [call.method for call in deliver() if "door" in call.target] == ["DELETE", "PUT"]


def test_a_key_that_a_service_shows_is_followed_from_the_first_save(db):
    class DoorActivity(OrderActivity):
        def key(self, order):
            return "door"

    services.stream_activity("door", CONTENT)
    with followed(Order, DoorActivity):
        order = Order.objects.create(status="cooking")
        order.save()
        order.delete()
    assert Operation.objects.filter(activity__stream_key="door").latest("pk").kind == "end"


def test_each_save_sees_what_its_own_transaction_wrote(order):
    with transaction.atomic():
        order.status = "delivered"
        order.save()
        order.status = "cooking"
        order.save()
        order.save()
    assert kinds() == ["stream", "end", "stream"]
