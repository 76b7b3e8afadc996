"""Stream keys, activity ids and dismissals."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, strategies as st

from django_liveactivity.content import Progress
from django_liveactivity.content.parsing import (
    check_activity_id,
    check_dismiss_after,
    check_stream_key,
    parse_content,
    take_dismissal,
)
from django_liveactivity.exceptions import InvalidInputError

BAD_KEYS = [
    "a/b",
    "../x",
    "a\n",
    "",
    "x" * 256,
    "ä",
    "a?b",
    "a b",
    "a.b",
    "a%2Fb",
    "٣",
    None,
    5,
    b"a",
]


@pytest.mark.parametrize("key", BAD_KEYS)
def test_a_stream_key_that_the_vendor_would_not_take_is_refused(key) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_stream_key(key)
    assert [error.path for error in caught.value.errors] == ["stream_key"]


@pytest.mark.parametrize("key", ["a", "Order-42", "prod_web-1", "0", "-", "x" * 255])
def test_a_stream_key_of_the_vendors_pattern_is_returned(key) -> None:
    assert check_stream_key(key) == key


@given(st.text())
def test_a_stream_key_never_leaves_its_place_in_the_path(key) -> None:
    try:
        check_stream_key(key)
    except InvalidInputError:
        return
    assert key.isascii()
    assert key.replace("-", "").replace("_", "a").isalnum() or set(key) <= {"-"}


@pytest.mark.parametrize("value", ["", "a b", "a\n", "ä", "x" * 256, "\x7f", None, 5])
def test_an_activity_id_that_cannot_be_one_is_refused(value) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_activity_id(value)
    assert [error.path for error in caught.value.errors] == ["activity_id"]


@pytest.mark.parametrize("value", ["pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW", "a/b?c#d", "x" * 255])
def test_an_activity_id_is_opaque(value) -> None:
    assert check_activity_id(value) == value


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (timedelta(0), 0),
        (timedelta(microseconds=1), 1),
        (timedelta(seconds=1), 1),
        (timedelta(seconds=1, microseconds=1), 2),
        (timedelta(minutes=15), 900),
        (timedelta(hours=4), 14_400),
    ],
)
def test_a_dismissal_is_whole_seconds_rounded_up(value, seconds) -> None:
    assert check_dismiss_after(value) == seconds


@pytest.mark.parametrize(
    "value",
    [
        timedelta(microseconds=-1),
        timedelta(hours=4, microseconds=1),
        timedelta.max,
        60,
        "PT1M",
        None,
    ],
)
def test_a_dismissal_outside_of_0_s_to_4_h_is_refused(value) -> None:
    with pytest.raises(InvalidInputError) as caught:
        check_dismiss_after(value)
    assert [error.path for error in caught.value.errors] == ["dismiss_after"]


TWO = timedelta(minutes=2)


@pytest.mark.parametrize(
    ("fields", "beside", "dismissal"),
    [
        ({}, None, None),
        ({}, TWO, TWO),
        ({"auto_dismiss_minutes": Decimal(2)}, None, timedelta(minutes=2)),
        ({"auto_dismiss_minutes": 0}, None, timedelta(0)),
        ({"auto_dismiss_minutes": 240}, None, timedelta(hours=4)),
        ({"auto_dismiss_seconds": 0}, None, timedelta(0)),
        ({"auto_dismiss_seconds": 14_400}, None, timedelta(hours=4)),
        ({"auto_dismiss_minutes": 2}, TWO, TWO),
        ({"auto_dismiss_minutes": 2, "auto_dismiss_seconds": 120}, TWO, TWO),
        ({"auto_dismiss_minutes": None, "auto_dismiss_seconds": 90}, None, timedelta(seconds=90)),
    ],
)
def test_the_vendors_dismissal_is_taken_out_of_the_content(fields, beside, dismissal) -> None:
    given = {"title": "x", **fields}
    assert take_dismissal(given, beside) == ({"title": "x"}, dismissal)
    assert given == {"title": "x", **fields}


@pytest.mark.parametrize("content", [None, "x", Progress(title="x", percentage=1)])
def test_what_is_no_mapping_brings_no_dismissal(content) -> None:
    assert take_dismissal(content, TWO) == (content, TWO)


@pytest.mark.parametrize(
    ("fields", "beside", "message"),
    [
        ({"auto_dismiss_minutes": -1}, None, "from 0 to 240"),
        ({"auto_dismiss_minutes": 241}, None, "from 0 to 240"),
        ({"auto_dismiss_minutes": 1.5}, None, "a whole number of minutes"),
        ({"auto_dismiss_minutes": True}, None, "a whole number"),
        ({"auto_dismiss_minutes": "2"}, None, "a whole number"),
        ({"auto_dismiss_minutes": 10**400}, None, "from 0 to 240"),
        ({"auto_dismiss_seconds": 14_401}, None, "seconds from 0 to 14400"),
        ({"auto_dismiss_minutes": 2}, timedelta(0), "contradicts dismiss_after"),
        ({"auto_dismiss_seconds": 90}, TWO, "contradicts dismiss_after"),
        ({"auto_dismiss_minutes": 2, "auto_dismiss_seconds": 90}, None, "auto_dismiss_seconds"),
    ],
)
def test_a_dismissal_in_content_that_is_wrong_or_contradicts_another_is_refused(
    fields, beside, message
) -> None:
    with pytest.raises(InvalidInputError, match=message) as caught:
        take_dismissal({"title": "x", **fields}, beside)
    assert caught.value.errors[0].path in fields


def test_nothing_beside_the_content_may_be_said_in_another_way() -> None:
    given = {"title": "x", "auto_dismiss_minutes": 2}
    assert take_dismissal(given, ..., unset=...) == ({"title": "x"}, TWO)
    with pytest.raises(InvalidInputError, match="contradicts dismiss_after"):
        take_dismissal(given, None, unset=...)


@pytest.mark.parametrize("name", ["auto_dismiss_minutes", "auto_dismiss_seconds"])
def test_content_that_ends_nothing_says_where_a_dismissal_belongs(name) -> None:
    with pytest.raises(
        InvalidInputError, match="call that ends the card: as dismiss_after"
    ) as caught:
        parse_content({"title": "x", "percentage": 1, name: 2})
    assert [error.path for error in caught.value.errors] == [name]
