"""How much of an answer is read, by value: each limit at its bound and one beyond."""

from __future__ import annotations

import json

import pytest

from django_liveactivity.client import Answer, Outcome
from django_liveactivity.client.answer import Received, read_answer, read_object, read_text
from django_liveactivity.content.endpoints import Endpoint

KIB = 1024


def padded(size: int) -> bytes:
    """A good answer of so many bytes."""
    frame = len(json.dumps({"success": True, "pad": ""}))
    return json.dumps({"success": True, "pad": "x" * (size - frame)}).encode()


@pytest.mark.parametrize(
    ("size", "outcome"),
    [(64 * KIB, Outcome.DELIVERED), (64 * KIB + 1, Outcome.AMBIGUOUS)],
)
def test_64_kib_are_taken_for_json(size, outcome):
    content = padded(size)
    assert len(content) == size
    assert read_answer(Endpoint.STREAM, Received(200, {}, content), 0.0).outcome is outcome


@pytest.mark.parametrize(("levels", "is_read"), [(31, True), (32, True), (33, False)])
@pytest.mark.parametrize("wrap", [lambda inner: {"a": inner}, lambda inner: [inner]])
def test_32_levels_are_read(levels, is_read, wrap):
    value = 1
    for _ in range(levels - 2):
        value = wrap(value)
    content = json.dumps({"success": True, "deep": value}).encode()
    assert (read_object(content) is not None) is is_read


@pytest.mark.parametrize(("size", "kept"), [(4095, 4095), (4096, 4096), (4097, 4096)])
def test_4_kib_are_kept_as_text(size, kept):
    assert read_text(b"x" * size) == "x" * kept


def test_a_character_is_kept_whole_or_not_at_all():
    assert read_text(("x" * 4095 + "é").encode()) == "x" * 4095
    assert read_text(("x" * 4094 + "é").encode()) == "x" * 4094 + "é"


@pytest.mark.parametrize(("length", "is_id"), [(0, False), (1, True), (255, True), (256, False)])
@pytest.mark.parametrize(
    "name", ["activity_id", "previous_activity_id", "ended_activity_id", "operation"]
)
def test_an_id_has_1_to_255_characters(length, is_id, name):
    value = "i" * length
    assert getattr(Answer(Outcome.DELIVERED, body={name: value}), name) == (
        value if is_id else None
    )


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("3600", 3600),
        ("3600.5", 3600),
        ("3599.5", 3599.5),
        ("9" * 12, 3600),
        ("9" * 13, None),
        ("1." + "5" * 12, float("1." + "5" * 12)),
        ("1." + "5" * 13, None),
    ],
)
def test_a_retry_after_is_an_hour_at_most(value, seconds):
    reply = read_answer(Endpoint.STREAM, Received(429, {"Retry-After": value}, b""), 0.0)
    assert reply.retry_after == seconds


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (199, Outcome.AMBIGUOUS),
        (200, Outcome.DELIVERED),
        (299, Outcome.DELIVERED),
        (300, Outcome.UNAUTHORIZED),
        (399, Outcome.UNAUTHORIZED),
        (400, Outcome.REJECTED),
        (407, Outcome.REJECTED),
        (408, Outcome.AMBIGUOUS),
        (409, Outcome.REJECTED),
        (499, Outcome.REJECTED),
        (500, Outcome.AMBIGUOUS),
    ],
)
def test_a_status_is_read_by_its_class(status, outcome):
    content = json.dumps({"success": True, "error": "No", "message": "Because"}).encode()
    assert read_answer(Endpoint.END_STREAM, Received(status, {}, content), 0.0).outcome is outcome


def test_a_limit_of_0_cards_is_a_limit():
    content = json.dumps({"error": "Limit", "message": "None may live.", "limit": 0}).encode()
    answer = read_answer(Endpoint.STREAM, Received(429, {}, content), 0.0)
    assert answer.outcome is Outcome.LIMIT_REACHED
