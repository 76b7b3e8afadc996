"""Several accounts, and several databases."""

from __future__ import annotations

import pytest
from django.db import transaction

from django_liveactivity.backends.locmem import outbox
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import reconcile
from tests.shop.models import Order

from .orders import OrderActivity, followed

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"


class EuActivity(OrderActivity):
    account = "eu"


@pytest.fixture(autouse=True)
def _accounts(settings, liveactivity_outbox):
    settings.LIVEACTIVITY = {
        "default": {"BACKEND": LOCMEM},
        "eu": {"BACKEND": LOCMEM, "DATABASE": "other"},
        "ops": {"BACKEND": LOCMEM},
    }


def cards(using: str) -> list[str]:
    rows = LiveActivity.objects.using(using).order_by("pk")
    return list(rows.values_list("account", flat=True))


@pytest.mark.django_db(databases=["default", "other"])
class TestDatabases:
    def test_a_save_is_followed_by_the_account_of_its_database(self):
        with followed(Order, OrderActivity, EuActivity):
            Order.objects.create(status="cooking")
            Order.objects.using("other").create(status="cooking")
        assert cards("default") == ["default"]
        assert cards("other") == ["eu"]
        assert len(deliver("default")) == len(deliver("eu")) == 1

    def test_the_same_key_in_another_database_is_another_object(self):
        with followed(Order, OrderActivity, EuActivity):
            here = Order.objects.create(pk=7, status="cooking")
            there = Order.objects.using("other").create(pk=7, status="cooking")
            there.delete()
            assert not Operation.objects.filter(kind="end").exists()
            here.delete()
        assert Operation.objects.filter(kind="end").count() == 1

    def test_the_rows_roll_back_with_the_save(self):
        with followed(Order, OrderActivity, EuActivity):
            with pytest.raises(ZeroDivisionError), transaction.atomic(using="other"):
                Order.objects.using("other").create(status="cooking")
                raise ZeroDivisionError
        assert cards("other") == []

    def test_reconcile_and_sync_look_into_the_account_s_database(self):
        with followed(Order, OrderActivity, EuActivity):
            Order.objects.using("other").bulk_create([Order(status="cooking")])
            assert EuActivity.sync(Order.objects.all()).shown == 1
            Order.objects.using("other").update(status="delivered")
            assert [str(c.kind) for b in reconcile() for c in b.changes] == ["end"]
        assert Operation.objects.using("other").latest("pk").kind == "end"


@pytest.mark.django_db
def test_two_accounts_in_one_database_have_a_card_each():
    class OpsActivity(OrderActivity):
        account = "ops"

    with followed(Order, OrderActivity, OpsActivity):
        order = Order.objects.create(status="cooking")
        deliver("default")
        deliver("ops")
        order.delete()
        deliver("ops")
        assert [call.method for call in outbox] == ["PUT", "PUT", "DELETE"]
    assert cards("default") == ["default", "ops"]


@pytest.mark.django_db(databases=["default", "other"])
def test_a_card_of_the_account_that_a_class_had_before_ends_with_its_object():
    with followed(Order, OrderActivity):
        order = Order.objects.create(status="cooking")

    class MovedActivity(OrderActivity):
        account = "ops"

    MovedActivity.__name__ = "OrderActivity"
    with followed(Order, MovedActivity):
        order.save()
        Order.objects.filter(pk=order.pk)._raw_delete("default")
        list(reconcile())
    assert cards("default") == ["default", "ops"]
    assert Operation.objects.filter(kind="end").count() == 2
