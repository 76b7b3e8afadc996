"""However many rows there are, a statement names a few hundred: PostgreSQL takes 65,535 values."""

from __future__ import annotations

import pytest
from django.db import connection

from django_liveactivity import selectors
from django_liveactivity.models import LiveActivity, Operation
from tests.reads import statements
from tests.shop.models import Machine

MORE_THAN_A_STATEMENT_TAKES = 70_000


@pytest.mark.django_db
def test_rows_are_inserted_500_in_a_statement():
    values = {"account": "default", "activity_id": 1, "lane_digest": "a", "kind": "end", "rank": 0}
    rows = [values | {"due_at": n, "created_at": 0, "next_try_at": 0} for n in range(1_001)]
    found = statements(lambda: Operation.objects.insert_all(rows))
    inserts = len([sql for sql in found if sql.startswith("INSERT")])
    # Django names fewer for SQLite, which by default takes 999 values.
    assert inserts > 3 if connection.vendor == "sqlite" else inserts == 3
    assert Operation.objects.count() == 1_001


@pytest.mark.django_db
@pytest.mark.long
def test_objects_of_any_number_of_cards_are_read_500_at_once():
    machine = Machine.objects.create(hostname="host-3")
    cards = [
        LiveActivity(pk=n, subject_model=Machine._meta.label, subject_pk=f"host-{n}")
        for n in range(MORE_THAN_A_STATEMENT_TAKES)
    ]
    for card in cards:
        card._state.db = "default"
    found: dict[int, object] = {}
    read = statements(lambda: found.update(selectors.subjects(cards)))
    assert len(read) == MORE_THAN_A_STATEMENT_TAKES / 500 + 1
    assert found[3] == machine
    assert {found[n] for n in found if n != 3} == {None}
