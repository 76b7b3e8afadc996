"""What a tracked save costs the host, in queries."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F
from django.test.utils import CaptureQueriesContext

from django_liveactivity import conf, selectors
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.shop.models import Machine, Order

from .orders import reads_of

pytestmark = pytest.mark.usefixtures("orders")


def cost(call) -> tuple[int, int]:
    """How many statements beside the host's own read, and how many INSERT."""
    with CaptureQueriesContext(connection) as queries:
        call()
    statements = [q["sql"] for q in queries if "shop_order" not in q["sql"].split("WHERE")[0]]
    verbs = [sql.split()[0] for sql in statements]
    return verbs.count("SELECT"), verbs.count("INSERT")


@pytest.fixture
def order(orders):
    order = Order.objects.create(status="cooking", progress=10)
    deliver()
    return order


def test_a_save_that_changes_nothing_costs_one_query(order):
    assert cost(order.save) == (1, 0)
    idle = Order.objects.create()
    assert cost(idle.save) == (1, 0)


def test_a_save_of_another_model_costs_nothing():
    with CaptureQueriesContext(connection) as queries:
        Machine.objects.create(hostname="web-1")
    assert len(queries) == 1


def test_no_save_costs_more_than_three_beside_the_reading_of_the_row(order):
    assert cost(lambda: Order.objects.create(status="cooking")) == (1, 2)
    order.progress = 60
    assert cost(order.save) == (1, 1)
    order.status = "delivered"
    assert cost(order.save) == (1, 1)
    order.status = "cooking"
    assert cost(order.save) == (1, 2)
    order.progress = F("progress") + 1
    assert cost(order.save) == (1, 1)
    assert cost(order.delete) == (1, 1)


def test_the_row_is_read_again_only_when_it_matters(order):
    def reads(**fields) -> int:
        with CaptureQueriesContext(connection) as queries:
            order.save(**fields)
        return len(reads_of("shop_order", queries))

    assert reads() == 0
    assert reads(update_fields=["note"]) == 0
    order.progress = 20
    assert reads() == 0
    order.progress = 30
    assert reads(update_fields=["progress"]) == 1
    order.status = "delivered"
    assert reads() == 0
    order.status = "cooking"
    assert reads() == 1


def test_the_index_of_the_subject_serves_the_save(order):
    """SQLite took another one, and would have read every card of the account."""
    rows = selectors.activities_of(conf.account(), order)
    assert connection.vendor != "sqlite" or "dla_subject" in rows.explain()


def test_the_cost_does_not_grow_with_what_was(order):
    def lookups() -> int:
        with CaptureQueriesContext(connection) as queries:
            order.save()
        return len(queries)

    before = lookups()
    for status in ("delivered", "cooking") * 5:
        order.status = status
        order.save()
        deliver()
    assert LiveActivity.objects.count() == 6
    assert lookups() == before
    assert Operation.objects.filter(kind="end", state="done").count() == 5
