"""For any request body the endpoint answers, and its answer is small."""

from __future__ import annotations

import json
from math import inf, nan
from typing import Any

import pytest
from django.apps import apps
from django.db import connection, transaction
from hypothesis import HealthCheck, example, given, settings, strategies as st

from django_liveactivity.api.serializers import EndSerializer
from tests.shop.models import Line, Machine, Order, Parcel, Receipt, SealedOrder, Shift

pytestmark = pytest.mark.django_db
ANSWERS = {200, 202, 400, 404, 413}
SMALL = 32 * 1024
FIELDS = tuple(EndSerializer().fields)
MODELS = tuple(model._meta.label for model in apps.get_models())
KEYS = (
    *("1", "-1", "0", "x", " ", "\n", "NaN", "sNaN", "inf", "1e9999999", "9" * 200, "\u0663"),
    *("a\0b", "\ud800", "999999999999 00:00:00", "-999999999 23:59:60", "P99999999999D"),
    *("2031-02-30", "0001-01-01T00:00:00+23:59", "99999-01-01", "::1", "{}", "[]", "None"),
    *("0" * 32, "00000000-0000-0000-0000-000000000000", "True", "aGFsbG8=", "../../etc/passwd"),
)
ODD = ("", "order-42", "a/b", "a\n", "\0", "\ud83d", "\U0001f600" * 80, "default", "x" * 4_000)

texts = st.sampled_from([*ODD, *KEYS, *MODELS])
numbers = st.sampled_from([0, 1, -1, 2**63, -(2**63) - 1, 10**400, 0.5, 1e308, inf, -inf, nan])
scalars = st.sampled_from([None, True, False]) | numbers | texts
names = st.sampled_from(
    [*FIELDS, *ODD, "title", "type", "metrics", "label", "value", "percentage", "url", "pk"]
)


def one(*strategies: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Choose each as often: ``one_of`` counts the strategies inside of each."""
    return st.sampled_from(strategies).flatmap(lambda chosen: chosen)


def objects(values: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    """Return objects whose names are mostly those of fields."""
    return st.dictionaries(names, values, max_size=4)


flat = scalars | st.lists(scalars, max_size=4) | objects(scalars)
values = flat | st.lists(flat, max_size=3) | objects(flat)
CONTENTS = (
    *({"title": "Done"}, {"title": "Done", "percentage": 100}, {"type": "alert", "message": "Hi"}),
    {"type": "metrics", "title": "Web", "metrics": [{"label": "CPU", "value": 1}]},
)
contents = st.builds(lambda good, odd: good | odd, st.sampled_from(CONTENTS), objects(flat))
GOOD = {
    "content": CONTENTS,
    "dismiss_after": (0, 60),
    "at": ("2031-05-06T07:08:09Z", "2031-05-06T07:08:09.123456+14:00"),
    "after": (1, 60),
    "account": ("default",),
    "reason": ("", "why"),
    "action": ({"title": "Open", "type": "open_url", "url": "https://example.com/"},),
    "alert": ({"title": "Ended"},),
    "tags": ([], ["a"]),
    "metadata": ({}, {"door": 3}),
}
odd = {"content": contents, "action": objects(scalars), "alert": objects(texts)}


def wish(name: str) -> st.SearchStrategy[tuple[str, Any]]:
    """Return a field beside the name of the card, good or odd."""
    good = st.sampled_from(GOOD[name])
    return st.tuples(st.just(name), one(good, good, odd.get(name, flat)))


subjects = st.builds(lambda m, pk: {"model": m, "pk": pk}, st.sampled_from(MODELS), texts)
named = one(
    st.sampled_from([{"stream_key": "order-42"}, {"stream_key": "a"}, {"id": 1}]),
    texts.map(lambda key: {"stream_key": key}),
    texts.map(lambda key: {"activity_id": key}),
    numbers.map(lambda pk: {"id": pk}),
    subjects.map(lambda subject: {"subject": subject}),
)
wishes = st.lists(st.sampled_from([*GOOD]).flatmap(wish), max_size=2).map(dict)
plausible = st.builds(lambda how, who: how | who, wishes, named)
documents = one(plausible, plausible, objects(values), values).map(json.dumps)
BITS = ('"', "{", "}", "[", ",", "\0", "\ufeff", "\\ud800", '"tags":1,', '"id":1,"id":2,', "9e9")


def spoil(body: str, at: int, bit: str) -> str:
    """Put a bit somewhere into a body."""
    at %= len(body) + 1
    return body[:at] + bit + body[at:]


spoiled = st.builds(spoil, documents, st.integers(0, 10_000), st.sampled_from(BITS))
bodies = one(documents, documents, spoiled).map(str.encode)


def check(client, url: str, body: bytes) -> None:
    """Post a body; an exception in the view is raised here."""
    answer = client.post(url, body, content_type="application/json")
    assert answer.status_code in ANSWERS
    assert len(answer.content) < SMALL
    if answer.status_code == 400:
        errors = answer.json()["errors"]
        assert 1 <= len(errors) <= 50
        assert all(error["message"] for error in errors)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(body=bodies)
@example(body=b"")
def test_an_odd_body_has_a_small_answer(client, url, body):
    with transaction.atomic():
        check(client, url, body)
        assert not connection.needs_rollback
        transaction.set_rollback(True)


@pytest.mark.parametrize("model", [Order, Parcel, Machine, Shift, Receipt, SealedOrder, Line])
def test_a_key_of_any_text_has_an_answer_for_any_kind_of_model(client, url, model):
    for pk in KEYS:
        body = {"subject": {"model": model._meta.label, "pk": pk}}
        check(client, url, json.dumps(body).encode())
