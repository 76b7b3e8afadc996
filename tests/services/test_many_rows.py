"""However many rows there are, a statement names a few hundred: PostgreSQL takes 65,535 values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection

from django_liveactivity import Progress, selectors, services
from django_liveactivity.admin import explanation, queryset
from django_liveactivity.admin.search import ids_of_name
from django_liveactivity.admin.subject_cards import objects_of_queryset
from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.conf import account
from django_liveactivity.delivery import notify, prune
from django_liveactivity.delivery.lanes import apply, snapshot
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.signals import activity_ended, operation_delivered
from django_liveactivity.sketches import sketches
from tests.reads import statements, values_at_once
from tests.shop.models import Machine, Order

MORE_THAN_A_STATEMENT_TAKES = 70_000
A_FEW_HUNDRED_FOR_EACH_COLUMN = 2_100
"""Values of a statement that names 500 cards by up to four columns, and says a little more."""
ONE_COLUMN = 600
"""The same, where one column names them."""
MANY = 2_500


@pytest.mark.django_db
def test_rows_are_inserted_500_in_a_statement():
    values = {"account": "default", "activity_id": 1, "lane_digest": "a", "kind": "end", "rank": 0}
    rows = [values | {"due_at": n, "created_at": 0, "next_try_at": 0} for n in range(1_001)]
    found = statements(lambda: Operation.objects.insert_all(rows))
    inserts = len([sql for sql in found if sql.startswith("INSERT")])
    # For SQLite Django names fewer, because it may take 999 values only; Django 6.1 asks it.
    assert inserts >= 3 if connection.vendor == "sqlite" else inserts == 3
    assert Operation.objects.count() == 1_001


def cards_in_memory(number: int, **values: Any) -> list[LiveActivity]:
    """Return cards as they are read, which no table holds: what is asked is what counts."""
    names = {"account": "default", "lane_digest": "a", "subject_model": Machine._meta.label}
    cards = [
        LiveActivity(**names | {"pk": n, "subject_pk": f"host-{n}", "stream_key": str(n)} | values)
        for n in range(1, number + 1)
    ]
    for card in cards:
        card._state.db, card.is_closed, card.created_at = "default", True, 0
        card.lane_digest, card.evicted_by, card.now = str(card.pk), card.pk, 1
    return cards


@pytest.mark.django_db
@pytest.mark.long
def test_objects_of_any_number_of_cards_are_read_500_at_once():
    machine = Machine.objects.create(hostname="host-3")
    cards = cards_in_memory(MORE_THAN_A_STATEMENT_TAKES)
    found: dict[int, object] = {}
    read = statements(lambda: found.update(selectors.subjects(cards)))
    # One more where there is an object: only the database tells that no other key is the same.
    assert len(read) == MORE_THAN_A_STATEMENT_TAKES / 500 + 1
    assert found[3] == machine
    assert {found[n] for n in found if n != 3} == {None}


def end_by_signal() -> None:
    """Have everyone who listens told of many operations and cards."""
    cards, operations = range(MANY), [Operation(pk=n) for n in range(MANY)]
    told = lambda **_: None  # noqa: E731
    operation_delivered.connect(told)
    activity_ended.connect(told)
    try:
        notify.send_for_operations("default", operation_delivered, operations)
        notify._send_ended("default", cards, Outcome.DELIVERED)
    finally:
        operation_delivered.disconnect(told)
        activity_ended.disconnect(told)


def apply_to_a_lane() -> None:
    operations, lane = [Operation(pk=n) for n in range(MANY)], snapshot.Lane(digest="a")
    apply.finish_operations("default", operations, Operation.State.DONE)
    apply.update_unfinished("default", operations, next_try_at=1)
    apply.mark_displayed("default", lane, range(MANY))
    apply.mark_ended("default", lane, range(MANY))
    list(snapshot._pending_cards("default", range(MANY)))


def read_by_key() -> None:
    keys = [str(n) for n in range(MANY)]
    selectors.stored_keys(Machine, "default", keys)
    selectors.operations("default", range(MANY), with_cards=True)
    selectors.by_pks("default", range(MANY))


WORK: dict[str, Callable[[], object]] = {
    "newest operations": lambda: selectors.newest_operations(cards_in_memory(MANY)),
    "due ends": lambda: selectors.due_ends(cards_in_memory(MANY)),
    "objects": lambda: selectors.subjects(cards_in_memory(MANY)),
    "rows by their keys": read_by_key,
    "sketches": lambda: sketches(cards_in_memory(MANY)),
    "explanation": lambda: explanation.read_facts(cards_in_memory(MANY), {}),
    "signals": end_by_signal,
    "a lane": apply_to_a_lane,
    "pruned operations": lambda: prune._delete_operations("default", range(MANY)),
}


@pytest.mark.django_db
@pytest.mark.parametrize("work", WORK.values(), ids=WORK)
def test_a_statement_names_a_few_hundred_rows(work):
    assert 0 < values_at_once(work) <= A_FEW_HUNDRED_FOR_EACH_COLUMN


@pytest.mark.django_db
def test_the_newest_operations_of_many_cards_are_read_500_at_once():
    """Each card has up to five that may count."""
    rows = {"account": "default", "lane_digest": "a", "rank": 0, "due_at": 0, "created_at": 0}
    LiveActivity.objects.bulk_create(
        LiveActivity(account="default", lane_digest=str(n), created_at=0) for n in range(700)
    )
    cards = list(selectors.described(LiveActivity.objects.all()))
    Operation.objects.bulk_create(
        Operation(**rows | {"activity": card, "lane_digest": card.lane_digest, "kind": kind})
        for card in cards
        for kind in ("stream", "end")
    )
    cards = list(selectors.described(LiveActivity.objects.all()))
    found: dict[int, selectors.Newest] = {}
    read = values_at_once(lambda: found.update(selectors.newest_operations(cards)))
    assert {(each.content.kind, each.end.kind) for each in found.values()} == {("stream", "end")}
    assert read <= ONE_COLUMN
    assert values_at_once(lambda: selectors.due_ends(cards)) <= ONE_COLUMN


@pytest.mark.django_db
def test_an_eviction_of_many_rows_names_500_at_once(liveactivity_outbox):
    digest = selectors.lane_digest(activity_id="evicted")
    LiveActivity.objects.bulk_create(
        LiveActivity(account="default", lane_digest=digest, status="live", created_at=0)
        for _ in range(1_200)
    )
    answer = Answer(Outcome.DELIVERED, status=200, body={"ended_activity_id": "evicted"})
    read = values_at_once(lambda: apply.evict(account(), answer, Operation(pk=7)))
    assert read <= ONE_COLUMN
    assert LiveActivity.objects.filter(status="evicted", evicted_by=7).count() == 1_200


@pytest.mark.django_db
def test_objects_that_were_selected_are_ended_500_at_once():
    Order.objects.bulk_create(Order() for _ in range(700))
    orders = list(Order.objects.all())
    LiveActivity.objects.bulk_create(
        LiveActivity(
            account="default",
            lane_digest=str(order.pk),
            subject_model="shop.Order",
            subject_pk=str(order.pk),
            created_at=0,
        )
        for order in orders
    )
    found: list[Any] = []
    read = values_at_once(
        lambda: found.extend(objects_of_queryset(Order.objects.all(), lambda _: True))
    )
    assert len(found) == 700
    assert read <= ONE_COLUMN


@pytest.mark.django_db
def test_the_ids_that_a_search_names_are_no_more_than_a_list_has(monkeypatch):
    monkeypatch.setattr(queryset, "LIMIT", 3)
    machine = Machine(hostname="same")
    for _ in range(5):
        card = services.stream_activity("same", Progress(title="x", percentage=1), subject=machine)
        services.end_activity(card)
    found = ids_of_name("same", LiveActivity.objects.all(), ["default"])
    assert found == list(LiveActivity.objects.order_by("-pk").values_list("pk", flat=True)[:4])
