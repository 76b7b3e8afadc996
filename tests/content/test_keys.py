"""Stream keys, activity ids and dismissals."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from django_liveactivity.content import check_activity_id, check_dismiss_after, check_stream_key
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
