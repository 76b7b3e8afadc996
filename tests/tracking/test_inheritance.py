"""Parents, children, proxies and several classes: one card for each class, not for each signal."""

from __future__ import annotations

import pytest
from django.db.models import signals
from django.test.utils import isolate_apps

from django_liveactivity import ModelActivity, Progress, Value, register
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import unsupported
from tests.shop.models import Customer, ExpressOrder, Line, Order, UrgentOrder

from .orders import OrderActivity, followed, kinds

pytestmark = pytest.mark.django_db


class ExpressActivity(ModelActivity[ExpressOrder]):
    def is_live(self, order):
        return order.status == "cooking"

    def content(self, order):
        return Value(title=order.courier, value=order.progress)


class UrgentActivity(ModelActivity[UrgentOrder]):
    def is_live(self, order):
        return order.status == "cooking"

    def content(self, order):
        return Progress(title=order.title, percentage=order.progress)


@pytest.fixture(autouse=True)
def _outbox(liveactivity_outbox):
    pass


def names() -> list[str]:
    return list(LiveActivity.objects.order_by("pk").values_list("tracked_by", flat=True))


class TestChildren:
    def test_a_child_has_the_card_of_its_parent_s_class(self):
        with followed(Order, OrderActivity):
            order = ExpressOrder.objects.create(status="cooking", courier="Ann")
            Order.objects.get(pk=order.pk).save()
            order.save()
            assert kinds() == ["stream"]
            order.delete()
        assert kinds() == ["stream", "end"]

    def test_parent_and_child_have_a_card_each(self):
        with followed(Order, OrderActivity), followed(ExpressOrder, ExpressActivity):
            order = ExpressOrder.objects.create(status="cooking", courier="Ann")
            Order.objects.get(pk=order.pk).save()
            assert names() == ["shop.OrderActivity", "shop.ExpressActivity"]
            order.delete()
        assert kinds() == ["stream", "stream", "end", "end"]

    def test_one_class_for_parent_and_child_shows_one_card(self):
        with followed(Order, OrderActivity):
            with pytest.raises(
                InvalidInputError, match=r"shop\.OrderActivity already follows ExpressOrder"
            ):
                register(ExpressOrder)(OrderActivity)

    def test_a_save_of_the_parent_is_a_save_of_the_child(self):
        with followed(ExpressOrder, ExpressActivity):
            order = ExpressOrder.objects.create(status="cooking", courier="Ann")
            Order.objects.create(status="cooking")
            parent = Order.objects.get(pk=order.pk)
            parent.progress = 30
            parent.save()
            assert [call.body["content_state"]["value"] for call in deliver()] == [30]
            parent.status = "delivered"
            parent.save()
        assert kinds() == ["stream", "stream", "end"]

    def test_a_child_that_is_made_of_an_existing_parent_adds_no_second_card(self):
        with followed(Order, OrderActivity):
            parent = Order.objects.create(status="cooking")
            child = ExpressOrder(order_ptr=parent, courier="Ann")
            child.__dict__.update(status=parent.status, progress=parent.progress)
            child.save()
        assert kinds() == ["stream"]

    def test_a_child_that_goes_leaves_the_card_of_its_parent(self):
        with followed(Order, OrderActivity), followed(ExpressOrder, ExpressActivity):
            order = ExpressOrder.objects.create(status="cooking", courier="Ann")
            order.delete(keep_parents=True)
            [ended] = LiveActivity.objects.filter(operations__kind="end")
        assert ended.tracked_by == "shop.ExpressActivity"


class TestProxies:
    def test_a_proxy_is_followed_as_its_model_is(self):
        with followed(Order, OrderActivity):
            order = UrgentOrder.objects.create(status="cooking")
            order.save()
            Order.objects.get().save()
            assert kinds() == ["stream"]
            UrgentOrder.objects.all().delete()
        assert kinds() == ["stream", "end"]

    def test_a_class_for_a_proxy_sees_the_rows_as_the_proxy(self):
        with followed(UrgentOrder, UrgentActivity):
            order = Order.objects.create(status="cooking")
            assert deliver()[0].body["content_state"]["title"] == f"Urgent {order.pk}"
            Order.objects.all().delete()
        assert kinds() == ["stream", "end"]

    def test_the_subject_of_a_proxy_is_the_row(self):
        with followed(UrgentOrder, UrgentActivity):
            order = UrgentOrder.objects.create(status="cooking")
        assert LiveActivity.objects.get().subject == Order.objects.get(pk=order.pk)


class TestRegistration:
    def test_several_classes_have_a_card_each(self):
        class KitchenActivity(OrderActivity):
            pass

        with followed(Order, OrderActivity, KitchenActivity):
            order = Order.objects.create(status="cooking")
            order.delete()
        assert names() == ["shop.OrderActivity", "shop.KitchenActivity"]
        assert kinds() == ["stream", "stream", "end", "end"]

    @isolate_apps("tests.shop")
    def test_a_model_that_is_defined_later_is_followed_too(self):
        with followed(Order, OrderActivity):

            class LateOrder(Order):
                class Meta:
                    proxy = True
                    app_label = "shop"

            LateOrder.objects.create(status="cooking")
        assert kinds() == ["stream"]

    def test_other_models_get_no_receivers_and_keep_their_fast_deletes(self):
        with followed(Order, OrderActivity):
            assert signals.post_delete.has_listeners(Order)
            assert not signals.post_delete.has_listeners(Customer)
            assert not signals.post_save.has_listeners(Customer)
        assert not signals.post_delete.has_listeners(Order)
        assert not signals.post_save.has_listeners(UrgentOrder)

    def test_a_model_with_a_composite_primary_key_is_not_followed(self):
        with followed(Line, OrderActivity):
            assert not signals.post_save.has_listeners(Line)
            assert [activity.model for activity in unsupported()] == [Line]
        assert not unsupported()

    def test_an_abstract_model_is_refused(self):
        from django.contrib.auth.models import AbstractBaseUser

        with pytest.raises(InvalidInputError, match="^model: AbstractBaseUser is abstract"):
            register(AbstractBaseUser)

    def test_a_name_that_cards_could_not_tell_apart_is_refused(self):
        with followed(Order, OrderActivity), pytest.raises(InvalidInputError, match="already"):
            register(Order)(type("OrderActivity", (OrderActivity,), {}))
