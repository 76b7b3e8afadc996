"""Transactions by hand: a service writes once, and raises before it writes or not at all."""

from __future__ import annotations

import pytest
from django.db import connection, transaction
from django.db.transaction import TransactionManagementError

from django_liveactivity import Progress, services
from django_liveactivity.backends.locmem import outbox
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import LiveActivity, Operation, TrackingFailure
from tests.shop.models import Order
from tests.tracking.orders import OrderActivity, followed, kinds

from .test_services import IMMEDIATE

CONTENT = Progress(title="Order 42", percentage=40)
pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _immediate(settings):
    settings.LIVEACTIVITY = IMMEDIATE
    outbox.clear()


@pytest.fixture
def by_hand():
    """Autocommit is off, as after ``set_autocommit(False)``."""
    transaction.set_autocommit(False)
    yield
    transaction.rollback()
    transaction.set_autocommit(True)


def sent() -> list[str]:
    return [f"{call.method} {call.target}" for call in outbox]


def test_each_service_writes_once_and_does_not_raise(by_hand):
    card = services.stream_activity("order-42", CONTENT)
    services.stream_activity("order-42", CONTENT)
    end = services.end_activity(card)
    services.give_up_operation(end, actor="ann", reason="A test.")
    services.end_activity(stream_key="elsewhere")
    assert kinds() == ["stream", "stream", "end", "end"]
    assert sent() == []
    transaction.commit()
    assert Operation.objects.count() == 4


def test_nothing_is_sent_before_the_commit_and_all_of_it_when_autocommit_is_on_again(by_hand):
    services.stream_activity("order-42", CONTENT)
    assert sent() == []
    transaction.commit()
    transaction.set_autocommit(True)
    assert sent() == ["PUT order-42"]
    transaction.set_autocommit(False)


def test_nothing_is_sent_for_what_was_rolled_back(by_hand):
    services.stream_activity("order-42", CONTENT)
    services.stream_activity("order-42", CONTENT)
    transaction.rollback()
    transaction.set_autocommit(True)
    assert (sent(), kinds()) == ([], [])
    transaction.set_autocommit(False)


def test_a_save_that_is_followed_ends_its_card_once(by_hand):
    with followed(Order, OrderActivity):
        order = Order.objects.create(status="cooking")
        order.status = "delivered"
        order.save()
    assert kinds() == ["stream", "end"]
    assert not TrackingFailure.objects.exists()


def test_a_card_and_its_end_are_written_together_or_not_at_all(by_hand):
    with pytest.raises(ZeroDivisionError), transaction.atomic():
        services.end_activity(stream_key="elsewhere")
        raise ZeroDivisionError
    assert not LiveActivity.objects.exists()
    services.end_activity(stream_key="elsewhere")
    assert (kinds(), LiveActivity.objects.count()) == (["end"], 1)


def test_delivery_refuses_a_connection_that_does_not_commit(by_hand, caplog):
    services.stream_activity("order-42", CONTENT)
    with pytest.raises(TransactionManagementError, match="autocommit is off"):
        drain()
    assert sweep(lambda _: None) == []
    assert "autocommit is off" in caplog.text
    assert kinds() == ["stream"]  # the transaction is as it was
    assert sent() == []


def test_a_durable_block_is_a_transaction_as_any_other():
    with transaction.atomic(durable=True):
        services.stream_activity("order-42", CONTENT)
        assert sent() == []
    assert sent() == ["PUT order-42"]


def test_in_a_broken_transaction_a_service_raises_before_it_writes():
    with transaction.atomic():
        transaction.set_rollback(True)
        with pytest.raises(TransactionManagementError):
            services.stream_activity("order-42", CONTENT)
    assert kinds() == []
    assert connection.run_on_commit == []
