"""``get_account`` chooses an account for each object; an object that moves takes its card along."""

from __future__ import annotations

import pytest

from django_liveactivity import Progress
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, TrackingFailure
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import reconcile
from tests.shop.models import Order
from tests.tracking.orders import OrderActivity, followed

from .conftest import LOCMEM

pytestmark = pytest.mark.django_db


class CustomerActivity(OrderActivity):
    """An order's account is named in its note."""

    def get_account(self, order: Order) -> str:
        return order.note

    def final_content(self, order: Order) -> Progress:
        return Progress(title="Delivered", percentage=100)


@pytest.fixture(autouse=True)
def _customers(source, settings):
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM}}
    for alias in ("acme", "bolt"):
        source.put(alias, BACKEND=LOCMEM)
    with followed(Order, CustomerActivity):
        yield


def cards() -> list[tuple[str, bool]]:
    """Return the account of each card, and whether it is to end."""
    rows = LiveActivity.objects.order_by("pk")
    ending = set(Operation.objects.filter(kind="end").values_list("activity", flat=True))
    return [(row.account, row.pk in ending) for row in rows]


def test_each_object_has_its_card_on_its_own_account():
    Order.objects.create(status="cooking", note="acme")
    Order.objects.create(status="cooking", note="bolt")
    assert cards() == [("acme", False), ("bolt", False)]
    assert len(deliver("acme")) == len(deliver("bolt")) == 1


class TestMoving:
    @pytest.fixture
    def order(self):
        order = Order.objects.create(status="cooking", note="acme")
        deliver("acme")
        return order

    def test_a_save_ends_the_card_here_and_shows_one_there(self, order):
        order.note = "bolt"
        order.save()
        assert cards() == [("acme", True), ("bolt", False)]

    def test_the_card_ends_with_its_last_content(self, order):
        order.note = "bolt"
        order.save()
        assert Operation.objects.get(kind="end").content is None
        order.status = "done"
        order.save()
        assert Operation.objects.filter(kind="end").last().content["title"] == "Delivered"

    def test_a_save_of_other_fields_asks_the_row(self, order):
        Order.objects.filter(pk=order.pk).update(note="bolt")
        order.progress = 50
        order.save(update_fields=["progress"])
        assert cards() == [("acme", True), ("bolt", False)]

    def test_a_save_that_does_not_move_it_only_updates(self, order):
        order.progress = 60
        order.save()
        assert cards() == [("acme", False)]
        assert Operation.objects.filter(kind="stream").count() == 2

    def test_sync_moves_it(self, order):
        Order.objects.filter(pk=order.pk).update(note="bolt")
        done = CustomerActivity.sync(Order.objects.all())
        assert (done.ended, done.shown, done.failed) == (1, 1, 0)
        assert cards() == [("acme", True), ("bolt", False)]

    def test_reconcile_ends_it_and_shows_it_again(self, order):
        Order.objects.filter(pk=order.pk).update(note="bolt")
        kinds = [change.kind for batch in reconcile() for change in batch.changes]
        assert kinds == ["end", "show"]
        assert cards() == [("acme", True), ("bolt", False)]
        assert [change for batch in reconcile() for change in batch.changes] == []

    def test_a_deleted_object_s_card_ends_wherever_it_is(self, order):
        order.delete()
        assert cards() == [("acme", True)]

    def test_reconcile_finds_one_whose_object_is_gone(self, order):
        Order.objects.filter(pk=order.pk)._raw_delete("default")
        assert [c.kind for batch in reconcile() for c in batch.changes] == ["end"]
        assert cards() == [("acme", True)]


class TestTrouble:
    def test_an_unknown_account_breaks_no_save(self, caplog):
        Order.objects.create(status="cooking", note="nobody")
        assert cards() == []
        assert TrackingFailure.objects.get().error.startswith("UnknownAccountError")

    def test_an_object_that_is_not_live_needs_none(self):
        order = Order.objects.create(status="cooking", note="acme")
        order.note, order.status = "nobody", "done"
        order.save()
        assert cards() == [("acme", True)]

    def test_a_source_that_is_down_breaks_no_save(self, source):
        source.error = OSError("down")
        order = Order.objects.create(status="cooking", note="acme")
        source.error = None
        assert cards() == []
        order.save()
        assert cards() == [("acme", False)]

    def test_in_tests_it_can_be_raised(self, settings):
        settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, "RAISE_TRACKING_ERRORS": True}}
        with pytest.raises(InvalidInputError, match="nobody"):
            Order.objects.create(status="cooking", note="nobody")

    def test_a_closing_account_shows_nothing_and_its_cards_end(self, source, later):
        order = Order.objects.create(status="cooking", note="acme")
        source.put("acme", BACKEND=LOCMEM, CLOSING=True)
        later()
        order.progress = 30
        order.save()
        Order.objects.create(status="cooking", note="acme")
        assert cards() == [("acme", True)]
        assert TrackingFailure.objects.count() == 0
