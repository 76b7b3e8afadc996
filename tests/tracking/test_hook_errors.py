"""An error in a host's hook: the save goes on, the error is counted, and ends still go out."""

from __future__ import annotations

import datetime as dt
import logging

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import DatabaseError, connection, transaction

from django_liveactivity import Progress, conf
from django_liveactivity.delivery import sweep
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health.status import account_status
from django_liveactivity.models import Operation, TrackingFailure
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.shop.models import Order

from .orders import OrderActivity, followed, kinds

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"
DAY = 24 * 3600


class BrokenActivity(OrderActivity):
    """Breaks where the order's note says so."""

    def _break(self, order, where):
        if order.note == where:
            raise RuntimeError(f"broken {where}")

    def is_live(self, order):
        self._break(order, "is_live")
        return super().is_live(order)

    def content(self, order):
        self._break(order, "content")
        return super().content(order)

    def final_content(self, order):
        self._break(order, "final_content")
        return Progress(title="Here", percentage=100)

    def key(self, order):
        return "a/b" if order.note == "key" else super().key(order)

    def tags(self, order):
        return ["x" * 65] if order.note == "tags" else ["shop"]


@pytest.fixture
def order(db, liveactivity_outbox):
    with followed(Order, BrokenActivity):
        order = Order.objects.create(status="cooking", progress=10)
        deliver()
        yield order


def errors() -> list[str]:
    return list(TrackingFailure.objects.order_by("pk").values_list("error", flat=True))


def counted() -> int:
    return account_status(conf.account()).tracking_failures


@pytest.mark.parametrize(
    ("where", "error"),
    [
        ("is_live", "RuntimeError: broken is_live"),
        ("content", "RuntimeError: broken content"),
        ("tags", "InvalidInputError: tags.0: "),
    ],
)
def test_the_card_stays_as_it_is_and_the_status_counts(order, caplog, where, error):
    order.note, order.progress = where, 60
    order.save()
    assert Order.objects.get().progress == 60
    assert kinds() == ["stream"]
    assert errors()[0].startswith(error)
    assert counted() == 1
    assert f"shop.BrokenActivity: a hook raised for shop.Order {order.pk}" in caplog.text
    failure = TrackingFailure.objects.get()
    assert (failure.subject_model, failure.subject_pk) == ("shop.Order", str(order.pk))


def test_a_card_with_a_broken_key_is_not_shown(order):
    Order.objects.create(status="cooking", note="key")
    assert kinds() == ["stream"]
    assert errors()[0].startswith("InvalidInputError: stream_key: ")


@pytest.mark.parametrize("where", ["content", "key", "tags", "final_content"])
def test_an_end_goes_out_whatever_else_is_broken(order, where):
    order.note, order.status = where, "delivered"
    order.save()
    [call] = deliver()
    shows = 10 if where == "final_content" else 100
    assert call.method == "DELETE"
    assert (call.body or {}).get("content_state", {"percentage": 10})["percentage"] == shows


def test_an_end_goes_out_with_a_dismissal_out_of_range(order, monkeypatch):
    monkeypatch.setattr(BrokenActivity, "dismiss_after", dt.timedelta(hours=5))
    order.status = "delivered"
    order.save()
    assert [call.method for call in deliver()] == ["DELETE"]
    assert len(errors()) == 2


def test_a_delete_asks_no_hook(order):
    order.note = "is_live"
    order.delete()
    assert [call.method for call in deliver()] == ["DELETE"]
    assert errors() == []


def test_what_was_missed_is_made_up_for_by_the_next_save(order):
    order.note, order.progress = "content", 60
    order.save()
    order.note = ""
    order.save()
    assert Operation.objects.latest("pk").content["percentage"] == 60


def test_a_failure_rolls_back_with_the_save(order):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        order.note = "content"
        order.save()
        raise ZeroDivisionError
    assert errors() == []


def test_a_failure_is_counted_for_a_day_and_then_forgotten(order):
    order.note = "content"
    order.save()
    advance(DAY - 60)
    assert counted() == 1
    advance(120)
    assert counted() == 0
    sweep(lambda _: None)
    assert errors() == []


def test_whatever_an_error_says_can_be_stored(order, monkeypatch, caplog):
    caplog.set_level(logging.CRITICAL, "django_liveactivity.tracking")  # xdist sends no surrogates

    def content(self, order):
        raise RuntimeError("\0 \ud800 " + "x" * 999)

    monkeypatch.setattr(BrokenActivity, "content", content)
    order.progress = 60
    order.save()
    assert errors()[0].startswith("RuntimeError:  ? xxx")


def use(settings, **keys):
    settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM, **keys}}


class TestRaising:
    @pytest.mark.parametrize("where", ["is_live", "content", "final_content"])
    def test_a_test_suite_may_have_the_error_itself(self, order, settings, where):
        use(settings, RAISE_TRACKING_ERRORS=True)
        order.note = where
        order.status = "delivered" if where == "final_content" else "cooking"
        with pytest.raises(RuntimeError, match=f"broken {where}"):
            order.save()

    def test_content_that_the_vendor_would_refuse_is_named(self, order, settings):
        use(settings, RAISE_TRACKING_ERRORS=True)
        order.note = "tags"
        with pytest.raises(InvalidInputError, match=r"^tags\.0: "):
            order.save()

    def test_the_setting_is_true_or_false(self, settings):
        use(settings, RAISE_TRACKING_ERRORS="yes")
        with pytest.raises(ImproperlyConfigured, match="RAISE_TRACKING_ERRORS"):
            conf.account()


class TestErrorsOfTheDatabase:
    @pytest.fixture
    def order(self, transactional_db, monkeypatch):
        def content(self, order):
            with connection.cursor() as cursor:
                cursor.execute("SELECT nothing FROM nowhere")

        monkeypatch.setattr(BrokenActivity, "content", content)
        with followed(Order, BrokenActivity):
            yield Order(status="cooking")

    def test_inside_a_transaction_they_reach_its_owner_for_it_is_broken(self, order):
        with pytest.raises(DatabaseError), transaction.atomic():
            order.save()
        assert not Order.objects.exists()

    def test_after_a_save_that_has_committed_they_are_counted_as_others_are(self, order):
        order.save()
        assert Order.objects.exists()
        assert len(errors()) == 1


def test_an_account_that_is_not_configured_breaks_no_save(order, settings, caplog):
    settings.LIVEACTIVITY = {}
    order.progress = 77
    order.save()
    order.delete()
    assert "no account 'default'" in caplog.text
