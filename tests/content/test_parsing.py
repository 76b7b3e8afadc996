"""From mappings to typed content."""

from __future__ import annotations

import pytest

from django_liveactivity.content import (
    Alert,
    Content,
    Metrics,
    Progress,
    SegmentedProgress,
    Timer,
    Value,
)
from django_liveactivity.content.cards import CONTENT_TYPES
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.exceptions import InvalidInputError

ONE = [{"label": "CPU", "value": 1}]


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, Content),
        ({"subtitle": "s", "color": "red"}, Content),
        ({"percentage": 5}, Progress),
        ({"value": 5, "upper_limit": 9}, Progress),
        ({"current_step": 5}, SegmentedProgress),
        ({"metrics": ONE}, Metrics),
        ({"message": "m"}, Alert),
        ({"is_running": False}, Timer),
        ({"value": 5}, Value),
        ({"percentage": 5, "type": None}, Progress),
    ],
)
def test_the_fields_tell_the_class_and_no_type_is_sent(fields, expected) -> None:
    content = parse_content({"title": "x", **fields})
    assert type(content) is expected
    assert "type" not in content.to_json()


@pytest.mark.parametrize("name", CONTENT_TYPES)
def test_the_type_tells_the_class(name) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content({"title": "", "type": name})
    assert "title" in {error.path for error in caught.value.errors}
    cls = CONTENT_TYPES[name]
    assert cls.model_fields["type"].default == name


def test_the_cards_own_type_tells_the_class_of_untyped_fields() -> None:
    content = parse_content({"title": "x", "metrics": ONE}, own_type="stats")
    assert content.to_json() == {"title": "x", "type": "stats", "metrics": ONE}


@pytest.mark.parametrize(
    "data", [{"title": "x", "type": "alert", "message": "m"}, Alert(title="x", message="m")]
)
def test_content_of_another_type_than_the_card_is_refused(data) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content(data, own_type="timer")
    assert [error.path for error in caught.value.errors] == ["type"]
    assert "alert" in str(caught.value)
    assert "timer" in str(caught.value)


def test_content_without_a_type_fits_every_card() -> None:
    content = Content(title="x")
    assert parse_content(content, own_type="timer") is content


@pytest.mark.parametrize("given", ["gauge", "", 5, ["timer"], True])
def test_an_unknown_type_is_refused_with_the_seven_names(given) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content({"title": "x", "type": given})
    assert [error.path for error in caught.value.errors] == ["type"]
    assert all(name in str(caught.value) for name in CONTENT_TYPES)


@pytest.mark.parametrize("data", ["x", None, 5, [("title", "x")]])
def test_what_is_no_mapping_is_refused(data) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content(data)
    assert [error.path for error in caught.value.errors] == ["content"]


def test_odd_keys_are_refused_like_unknown_fields() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content({"title": "x", "self": 1, "cls": 2, 3: 4})
    assert {error.path for error in caught.value.errors} == {"self", "cls", "3"}


def test_fields_of_two_types_are_refused() -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_content({"title": "x", "percentage": 5, "message": "m"})
    assert [error.path for error in caught.value.errors] == ["message"]
