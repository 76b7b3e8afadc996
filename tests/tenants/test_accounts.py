"""Tenants with an account each from the host's source, and an order of the same number each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django_tenants.utils import schema_context

from django_liveactivity import ModelActivity, Progress, conf, register
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import LiveActivity, Operation, TrackingFailure
from django_liveactivity.tracking import SyncResult, unregister
from tests.accounts.sources import PATH, Customers
from tests.tenants.kitchen.liveactivities import OrderActivity
from tests.tenants.kitchen.models import Order

from .conftest import NAMES, compare, create_orders

LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"


class TenantsOrderActivity(ModelActivity[Order]):
    """An order's card is on its tenant's account, or on the one that its status names."""

    def get_account(self, order: Order) -> str:
        moved = order.status.removeprefix("moved to ")
        return connection.schema_name if moved == order.status else moved

    def is_live(self, order: Order) -> bool:
        return order.status != "served"

    def content(self, order: Order) -> Progress:
        if order.status == "burnt":
            raise ValueError("no content")
        return Progress(title=order.title, percentage=50)


@pytest.fixture(autouse=True)
def source(settings: Any, liveactivity_outbox: object) -> Iterator[type[Customers]]:
    """An account of each tenant, and a class that chooses among them."""
    Customers.reset()
    for name in (*NAMES, "catering"):
        Customers.put(name, BACKEND=LOCMEM)
    settings.LIVEACTIVITY = {}
    settings.LIVEACTIVITY_ACCOUNTS = PATH
    unregister(Order, OrderActivity)
    register(Order)(TenantsOrderActivity)
    yield Customers
    unregister(Order, TenantsOrderActivity)
    register(Order)(OrderActivity)
    Customers.reset()


@pytest.fixture(autouse=True)
def orders(source: type[Customers], public_schema: None) -> dict[str, Order]:
    found = create_orders()
    for name in NAMES:
        drain(name)
    return found


def cards() -> list[tuple[str, str, bool]]:
    """Return the tenant and the account of each card, and whether it is to end."""
    ending = set(Operation.objects.filter(kind="end").values_list("activity", flat=True))
    rows = LiveActivity.objects.order_by("pk")
    return [(row.subject_scope, row.account, row.pk in ending) for row in rows]


def test_each_tenant_has_its_card_on_its_own_account():
    assert cards() == [("acme", "acme", False), ("globex", "globex", False)]


def test_reconcile_compares_the_cards_of_the_tenant_that_runs_it():
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="served")
    assert compare() == SyncResult()  # in the public schema
    with schema_context("globex"):
        assert compare() == SyncResult(examined=1, ended=1)
    assert cards() == [("acme", "acme", False), ("globex", "globex", True)]
    with schema_context("globex"):
        assert compare() == SyncResult()
    call_command("all_tenants_command", "liveactivity_reconcile", stdout=StringIO())
    assert cards() == [("acme", "acme", True), ("globex", "globex", True)]


def test_reconcile_ends_the_card_of_a_tenant_s_object_that_is_gone():
    with schema_context("globex"):
        Order.objects.filter(pk=1000)._raw_delete("default")
        assert compare() == SyncResult(examined=1, ended=1)
    with schema_context("acme"):
        assert compare() == SyncResult(examined=1)
    assert cards() == [("acme", "acme", False), ("globex", "globex", True)]


def test_reconcile_moves_a_card_to_another_account_and_no_other_tenant_s(source):
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="moved to catering")
    with schema_context("globex"):
        assert compare() == SyncResult(examined=2, ended=1, shown=1)  # the new card, too
        assert compare() == SyncResult(examined=1)
    assert cards() == [
        ("acme", "acme", False),
        ("globex", "globex", True),
        ("globex", "catering", False),
    ]


def test_two_tenants_on_one_account_are_compared_apart():
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="moved to catering")
            assert compare() == SyncResult(examined=2, ended=1, shown=1)
    with schema_context("acme"):
        Order.objects.update(status="served")
        assert compare() == SyncResult(examined=1, ended=1)
    assert cards()[2:] == [("acme", "catering", True), ("globex", "catering", False)]


def test_reconcile_ends_cards_though_the_source_does_not_answer(source):
    with schema_context("globex"):
        Order.objects.update(status="served")
        conf.forget_version()
        source.error = OSError("down")
        assert compare() == SyncResult(examined=1, ended=1)
    assert cards() == [("acme", "acme", False), ("globex", "globex", True)]


def test_what_reconcile_has_stored_is_delivered_on_each_tenant_s_account():
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="served")
            compare()
    woken: Counter[str] = Counter()
    sweep(lambda alias: woken.update([alias]))
    assert woken == Counter(NAMES)
    assert [drain(name).calls for name in NAMES] == [1, 1]
    assert {card.status for card in LiveActivity.objects.all()} == {"ended"}


def test_a_failure_names_the_tenant_whose_object_it_was():
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="burnt")
            assert compare() == SyncResult(examined=1, failed=1)
    failures = TrackingFailure.objects.order_by("pk")
    assert [(row.subject_scope, row.subject_pk) for row in failures] == [
        ("acme", "1000"),
        ("globex", "1000"),
    ]
