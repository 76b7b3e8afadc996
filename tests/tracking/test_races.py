"""Saves and reconcile at the same time, on databases with row locks.

``TEST_DATABASE=postgres pytest tests/tracking`` collects these, and ``mariadb`` does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
from django.db import connection, transaction

from django_liveactivity.models import LiveActivity
from django_liveactivity.tracking import SyncResult, reconcile, sync
from tests.shop.models import Line, Order

from .orders import OrderActivity, followed, kinds

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def order(liveactivity_outbox):
    with followed(Order, OrderActivity):
        yield Order.objects.create(status="cooking", progress=10)


def run() -> SyncResult:
    synced = SyncResult()
    for done in reconcile():
        synced.add(done)
    return synced


def elsewhere(call) -> None:
    """Run a call on a connection of its own, as another process does, and wait for it."""

    def with_own_connection():
        try:
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(1) as pool:
        return pool.submit(with_own_connection).result(30)


@contextmanager
def open_transaction(change) -> Iterator[None]:
    """Have another process hold a transaction with that change open for the block, then commit."""
    changed, over = threading.Event(), threading.Event()

    def hold():
        try:
            with transaction.atomic():
                change()
                changed.set()
                over.wait(30)
        finally:
            connection.close()

    holder = threading.Thread(target=hold)
    holder.start()
    try:
        assert changed.wait(30)
        yield
    finally:
        over.set()
        holder.join()


def test_a_row_that_a_save_holds_is_left_to_that_save(order):
    Order.objects.update(status="delivered")

    def cook_again():
        again = Order.objects.get(pk=order.pk)
        again.status, again.progress = "cooking", 50
        again.save()

    with open_transaction(cook_again):
        assert run() == SyncResult(examined=1, busy=1)
    assert run() == SyncResult(examined=1)
    assert kinds() == ["stream", "stream"]


def test_what_a_save_committed_after_the_first_look_is_seen(order, monkeypatch):
    Order.objects.update(status="delivered")
    looked = sync.lock_objects

    def save_then_hold(*args):
        def cook_again():
            again = Order.objects.get(pk=order.pk)
            again.status = "cooking"
            again.save()

        elsewhere(cook_again)
        return looked(*args)

    with monkeypatch.context() as patched:
        patched.setattr(sync, "lock_objects", save_then_hold)
        assert run() == SyncResult(examined=1)
    assert kinds() == ["stream"]


def test_a_save_that_meets_reconcile_waits_for_it_and_sees_its_end(order, monkeypatch):
    Order.objects.update(status="delivered")
    apply_decision, begun = sync.apply_decision, threading.Event()
    savers: list[threading.Thread] = []

    def cook_again():
        again = Order(pk=order.pk, status="cooking", progress=50)
        begun.set()
        again.save(force_update=True)
        connection.close()

    def end_while_somebody_saves(*args):
        saver = threading.Thread(target=cook_again)
        savers.append(saver)
        saver.start()
        assert begun.wait(30)
        saver.join(0.3)
        assert saver.is_alive()  # it waits for the row
        apply_decision(*args)

    with monkeypatch.context() as patched:
        patched.setattr(sync, "apply_decision", end_while_somebody_saves)
        assert run().ended == 1  # it may examine the saver's new card, too
    for saver in savers:
        saver.join(30)
    assert kinds() == ["stream", "end", "stream"]
    assert LiveActivity.objects.count() == 2


def test_two_saves_at_once_start_one_card(liveactivity_outbox):
    with followed(Order, OrderActivity):
        order = Order.objects.create(status="new")

        def cook(progress: int):
            with transaction.atomic():
                same = Order.objects.select_for_update().get(pk=order.pk)
                same.status, same.progress = "cooking", progress
                same.save()

        threads = [threading.Thread(target=lambda n=n: elsewhere(lambda: cook(n))) for n in (1, 2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert LiveActivity.objects.count() == 1
    assert kinds() == ["stream", "stream"]


def test_a_row_that_is_referred_to_meanwhile_is_seen_to_now_or_later(order):
    """PostgreSQL locks the key alone for a new row that refers to it, MariaDB the whole row."""
    Order.objects.update(status="delivered")
    with open_transaction(lambda: Line.objects.create(order=order, number=1)):
        on_postgres = connection.vendor == "postgresql"
        assert run() == SyncResult(examined=1, ended=on_postgres, busy=not on_postgres)
    run()
    assert kinds() == ["stream", "end"]


def test_two_reconciles_at_once_end_a_card_once(order):
    Order.objects.update(status="delivered")
    with open_transaction(run):
        assert run().busy == 1
    assert kinds() == ["stream", "end"]
