"""Statements that are written once read and change what the QuerySet's own would."""

from __future__ import annotations

import pytest
from django.db.models import Case, Exists, F, JSONField, OuterRef, QuerySet, Value, When
from django.db.models.functions import Greatest

from django_liveactivity.models import AccountState, Lane, Now, compiled
from tests.reads import statements

CHANGES = [
    {"stream_key": "a'b\\c%s", "fence": 7},
    {"deadline_at": None, "cards": []},
    {"deadline_at": 12, "cards": [3, 4], "ever_called": True},
    {"cards": [3], "deadline_at": F("lease_until") + 5},
    {"fence": F("fence") + 1, "generation": F("generation") + F("fence")},
    {
        "lease_until": Greatest(F("lease_until"), Value(50)) + 8,
        "hidden_because": Lane.HiddenBecause.PAUSED,
    },
    {"ambiguous_until": Greatest(Value(9), F("fence") - 100), "hidden_because": ""},
]


def lanes(count: int = 3) -> list[int]:
    """Store lanes, and return their ids."""
    rows = [
        Lane(account="default", digest=str(n), fence=n, lease_until=10 * n) for n in range(count)
    ]
    Lane.objects.bulk_create(rows)
    return list(Lane.objects.order_by("digest").values_list("pk", flat=True))


def columns(ids: list[int]) -> list[dict[str, object]]:
    """Return what is stored of lanes, their names and ids aside."""
    rows = Lane.objects.filter(pk__in=ids).order_by("digest").values()
    return [{k: v for k, v in row.items() if k not in ("id", "digest")} for row in rows]


def described(account: str, lowest: object) -> QuerySet[Lane, Lane]:
    """Return lanes with values of which each database's driver gives another form."""
    higher = Lane.objects.filter(fence__gt=OuterRef("fence"))
    return (
        Lane.objects.filter(account=account, fence__gte=lowest)
        .defer("generation")
        .annotate(is_highest=~Exists(higher), copy=F("cards"), nothing=Value(None, JSONField()))
        .order_by("-fence")
    )


def written_once(using: str) -> QuerySet[Lane, Lane]:
    return described(compiled.Param("account"), compiled.integer_param("lowest")).using(using)


def read(lane: Lane) -> dict[str, object]:
    return {**vars(lane), "_state": (lane._state.adding, lane._state.db)}


@pytest.mark.django_db
def test_rows_are_read_as_those_of_the_queryset():
    lanes()
    Lane.objects.update(cards=[3, {"é": None}], ever_called=True)
    ours = compiled.run(written_once, "default", account="default", lowest=1)
    assert [read(lane) for lane in ours] == [read(lane) for lane in described("default", 1)]
    assert [(lane.fence, lane.is_highest) for lane in ours] == [(2, True), (1, False)]


@pytest.mark.parametrize("changes", CHANGES)
@pytest.mark.django_db
def test_an_update_writes_what_a_queryset_would(changes):
    ids = lanes()
    where = {"pk__in": ids[1:], "lease_until__lte": 10}
    assert compiled.update(Lane, "default", where, changes) == 1
    ours = columns(ids)
    Lane.objects.all().delete()
    ids = lanes()
    assert Lane.objects.filter(pk__in=ids[1:], lease_until__lte=10).update(**changes) == 1
    assert ours == columns(ids)


@pytest.mark.django_db
def test_the_same_form_is_written_once_and_takes_other_values():
    ids = lanes()
    compiled._update.cache_clear()
    for place, pk in enumerate(ids):
        changes = {"cards": [place], "lease_until": F("lease_until") + place}
        assert compiled.update(Lane, "default", {"pk": pk, "fence": place}, changes) == 1
    assert [row["cards"] for row in columns(ids)] == [[0], [1], [2]]
    assert [row["lease_until"] for row in columns(ids)] == [0, 11, 22]
    assert compiled._update.cache_info().currsize == 1


@pytest.mark.django_db
def test_lists_of_other_lengths_and_no_value_are_other_statements():
    ids = lanes()
    for chosen in ([ids[0]], ids[:2], ids):
        assert compiled.update(Lane, "default", {"pk__in": chosen}, {"deadline_at": 1}) == len(
            chosen
        )
    assert compiled.update(Lane, "default", {"pk": ids[0]}, {"deadline_at": None}) == 1
    assert [row["deadline_at"] for row in columns(ids)] == [None, 1, 1]


@pytest.mark.django_db
def test_the_clock_is_read_at_each_run():
    AccountState.objects.create(account="default")
    for _ in range(2):
        where = {"account": "default", "alarm_at__lt": Now()}
        assert compiled.update(AccountState, "default", where, {"alarm_at": Now() - 1}) == 1


@pytest.mark.django_db
def test_one_update_is_one_statement():
    ids = lanes()
    found = statements(lambda: compiled.update(Lane, "default", {"pk": ids[0]}, {"fence": 3}))
    assert len(found) == 1


def test_an_expression_of_another_kind_is_refused():
    idle = Case(When(lease_until__lte=1, then=1), default=0)
    with pytest.raises(TypeError, match="Case cannot be written once"):
        compiled.update(Lane, "default", {"pk": 1}, {"fence": F("fence") + idle})
