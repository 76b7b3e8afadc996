"""What a caller sends costs memory by our limits, not by its own size; and so does the refusal."""

from __future__ import annotations

import itertools
import tracemalloc

import pytest

from django_liveactivity.content import Options, SegmentedProgress
from django_liveactivity.content.encoding import CONTENT_LIMIT, OPTIONS_LIMIT, encode
from django_liveactivity.content.endpoints import Endpoint, check_content
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.exceptions import MAX_ERRORS, FieldError, InvalidInputError

KIB = 1024
BODY = 125 * KIB  # what the endpoint lets in
HOOK = {"title": "x", "type": "webhook", "url": "https://example.com"}
LONGEST_MESSAGE = 20 * KIB
MOST_MEMORY = 16 * KIB * KIB


def content(**fields):
    return lambda: parse_content({"title": "x", **fields})


def options(**fields):
    return lambda: Options(**fields)


def body(**fields):
    return options(action={**HOOK, "body": fields})


def nested(depth):
    value = {}
    for _ in range(depth):
        value = {"a": value}
    return value


def circular():
    value = []
    value.extend([value] * 10)
    return value


def unknown(size):
    return {str(n): 0 for n in range(size // 8)}


# From a size in bytes of JSON to a call with bad input of about that size.
COSTLY = {
    "metrics without fields": lambda size: content(metrics=[{} for _ in range(size // 3)]),
    "metrics that are numbers": lambda size: content(metrics=[0] * (size // 2)),
    "metrics of unknown fields": lambda size: content(metrics=[unknown(16)] * (size // 14)),
    "one metric of unknown fields": lambda size: content(metrics=[unknown(size)]),
    "unknown fields": lambda size: content(**unknown(size)),
    "fields of nulls": lambda size: content(**dict.fromkeys(unknown(size))),
    "colors": lambda size: content(current_step=1, step_colors=[0] * (size // 2)),
    "a long name": lambda size: content(**{"k" * size: 0}),
    "a long type": lambda size: content(type="k" * size),
    "tags": lambda size: options(tags=[0] * (size // 2)),
    "channels": lambda size: options(channels=[0] * (size // 2)),
    "metadata": lambda size: options(metadata={str(n): [] for n in range(size // 9)}),
    "a long metadata key": lambda size: options(metadata={"k" * size: 0}),
    "fields of a button": lambda size: options(action={**HOOK, **unknown(size)}),
    "a list in a webhook's body": lambda size: body(a=[float("nan")] * (size // 2)),
    "lists in a webhook's body": lambda size: body(a=[[object()] for _ in range(size // 3)]),
    "nesting": lambda size: body(a=nested(size // 5)),
    "a nested title": lambda size: content(title=nested(size // 5)),
    "a circle": lambda _: body(a=circular()),
    "an endless generator": lambda _: options(tags=itertools.count()),
    "an endless iterator in a list": lambda _: content(metrics=[itertools.repeat({})]),
}


@pytest.mark.parametrize("size", [BODY, CONTENT_LIMIT - KIB, OPTIONS_LIMIT - KIB])
@pytest.mark.parametrize("costly", COSTLY.values(), ids=COSTLY)
def test_what_is_refused_costs_no_more_than_our_limits(costly, size) -> None:
    call = costly(size)
    tracemalloc.start()
    try:
        with pytest.raises(InvalidInputError) as caught:
            call()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert 1 <= len(caught.value.errors) <= MAX_ERRORS
    assert len(str(caught.value)) < LONGEST_MESSAGE
    assert peak < MOST_MEMORY


def test_an_error_says_how_many_more_there_are() -> None:
    with pytest.raises(InvalidInputError) as caught:
        SegmentedProgress(title="x", current_step=1, step_colors=["pink"] * 70)
    *listed, rest = caught.value.errors
    assert [path for path, _ in listed] == [f"step_colors.{n}" for n in range(49)]
    assert rest == FieldError("", "21 more errors are not listed")
    assert str(caught.value).endswith("; 21 more errors are not listed")
    assert InvalidInputError(*caught.value.errors).errors == caught.value.errors


def test_fifty_errors_are_listed() -> None:
    errors = tuple(FieldError(f"f{n}", "is wrong") for n in range(MAX_ERRORS))
    assert InvalidInputError(*errors).errors == errors


def test_content_of_exactly_the_limit_may_have_fields_that_are_none() -> None:
    fields = dict.fromkeys(("subtitle", "color", "icon", "badge"))
    frame = len('{"type":"alert","title":"x","message":""}')
    content = parse_content(
        {"type": "alert", "title": "x", "message": "y" * (CONTENT_LIMIT - frame), **fields}
    )
    assert len(encode(check_content(Endpoint.STREAM, content))) == CONTENT_LIMIT
