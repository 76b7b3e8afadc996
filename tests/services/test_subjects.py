"""Ends for the objects that cards tell of: one, a queryset, all but one card."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import Progress, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation, Subject
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.shop.models import Machine, Order, UrgentOrder

CONTENT = Progress(title="Card", percentage=40)
MINUTE = dt.timedelta(minutes=1)

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def orders():
    """Three orders, each with a card in the kitchen and one at the door."""
    orders = [Order.objects.create(note=f"tour {number % 2}") for number in range(3)]
    for order in orders:
        for place in ("kitchen", "door"):
            services.stream_activity(f"{place}-{order.pk}", CONTENT, subject=order)
    deliver()
    return orders


def ended() -> list[str]:
    return sorted(call.target for call in deliver())


def test_every_card_of_each_object_of_a_queryset_ends(orders):
    ends = services.end_activities(subject=Order.objects.filter(note="tour 0"))
    assert [end.pk for end in ends] == sorted(end.pk for end in ends)
    first, _, third = orders
    assert ended() == sorted(f"{p}-{o.pk}" for o in (first, third) for p in ("kitchen", "door"))
    assert services.end_activities(subject=Order.objects.filter(note="tour 0")) == []


def test_the_number_of_queries_is_three_whatever_the_number_of_objects(orders):
    Order.objects.bulk_create([Order(note="without a card") for _ in range(50)])
    with CaptureQueriesContext(connection) as queries:
        assert len(services.end_activities(subject=Order.objects.all())) == 6
    verbs = [q["sql"].split()[0] for q in queries]
    assert [v for v in verbs if v in ("SELECT", "INSERT", "UPDATE")] == [
        "SELECT",
        "SELECT",
        "INSERT",
    ]


@pytest.mark.parametrize("wrap", [list, tuple, iter], ids=["list", "tuple", "iterator"])
def test_any_iterable_of_objects_will_do(orders, wrap):
    machine = Machine(hostname="web-1")
    services.stream_activity("web-1", CONTENT, subject=machine)
    assert len(services.end_activities(subject=wrap([orders[0], machine]))) == 3


def test_a_queryset_of_a_proxy_or_of_values_or_a_slice_will_do(orders):
    assert len(services.end_activities(subject=UrgentOrder.objects.order_by("pk")[:1])) == 2
    assert len(services.end_activities(subject=Order.objects.values("note"))) == 4


def test_an_empty_queryset_ends_nothing(orders):
    assert services.end_activities(subject=Order.objects.none()) == []
    assert services.end_activities(subject=[]) == []


def test_more_objects_than_a_query_takes_at_once():
    orders = Order.objects.bulk_create([Order() for _ in range(1_100)])
    services.stream_activity("first", CONTENT, subject=orders[0])
    services.stream_activity("last", CONTENT, subject=orders[-1])
    ends = services.end_activities(subject=Order.objects.all())
    assert [str(end.activity) for end in ends] == ["first", "last"]


def test_the_others_of_an_object_end(orders):
    kitchen = Operation.objects.filter(activity__subject_pk=orders[0].pk).earliest("pk").activity
    services.end_activities(subject=orders[0], exclude=kitchen)
    assert ended() == [f"door-{orders[0].pk}"]


def test_a_second_row_of_the_spared_card_is_spared_too(orders):
    """Two rows of one key are one card: an end of either would end it."""
    from tests.delivery.test_regressions import twin_of

    kitchen = Operation.objects.filter(activity__subject_pk=orders[0].pk).earliest("pk").activity
    twin_of(kitchen)
    services.end_activities(subject=orders[0], exclude=kitchen)
    assert [c.target for c in deliver() if c.method == "DELETE"] == [f"door-{orders[0].pk}"]


def test_the_ends_may_be_scheduled_moved_and_cancelled(orders):
    first = services.end_activities(subject=orders[0], after=5 * MINUTE)
    services.end_activities(subject=orders[0], after=10 * MINUTE)
    services.keep_activity(first[0].activity)
    advance(400)
    assert ended() == []
    advance(300)
    assert ended() == [str(first[1].activity)]


def test_what_the_ended_cards_show_is_asked_for_all_of_them(orders):
    final = Progress(title="Here", percentage=100)
    services.end_activities(subject=orders[0], content=final, dismiss_after=MINUTE)
    assert {c.body["content_state"]["percentage"] for c in deliver()} == {100}


def test_an_object_may_be_named_without_an_instance(orders):
    first, second, third = (Subject.named(Order, str(order.pk)) for order in orders)
    assert len(services.end_activities(subject=first)) == 2
    assert len(services.end_activities(subject=[second, third, orders[0]])) == 4


@pytest.mark.parametrize(
    ("path", "arguments"),
    [
        ("subject", {"subject": None}),
        ("subject", {"subject": Subject("", "")}),
        ("subject", {"subject": "order"}),
        ("subject", {"subject": 42}),
        ("subject", {"subject": [Order(pk=1), None]}),
        ("subject", {"subject": [Order()]}),
        ("exclude", {"subject": Order(pk=1), "exclude": "kitchen"}),
    ],
)
def test_what_is_no_object_is_refused(orders, path, arguments):
    services.stream_activity("of-nobody", CONTENT)
    with pytest.raises(InvalidInputError, match=f"^{path}: "):
        services.end_activities(**arguments)
    assert not Operation.objects.filter(kind="end").exists()
