"""The values that Django hands out become the values that JSON has; all others are refused."""

from __future__ import annotations

import datetime as dt
import enum
import uuid
from collections import OrderedDict, deque
from decimal import Decimal

import pytest
from django.db import models
from django.urls import reverse_lazy
from django.utils.functional import SimpleLazyObject
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy, override, pgettext_lazy

from django_liveactivity.content import (
    Action,
    AlertMessage,
    Content,
    Metric,
    Metrics,
    Options,
    Progress,
    SegmentedProgress,
    Timer,
    Value,
)
from django_liveactivity.content.endpoints import Endpoint, check_content
from django_liveactivity.content.parsing import parse_content
from django_liveactivity.exceptions import InvalidInputError

UUID = uuid.UUID("6ba7b810-9dad-11d1-80b4-00c04fd430c8")
HOOK = {"title": "x", "type": "webhook", "url": "https://example.com"}


class Status(models.TextChoices):
    COOKING = "cooking", "In the oven"


class Priority(models.IntegerChoices):
    HIGH = 3, "High"


class Tint(enum.Enum):
    OK = "green"


class Kind(enum.Enum):
    TIMER = "timer"


class OldTint(str, enum.Enum):  # noqa: UP042 - its text is not its value
    OK = "green"


TEXTS = [
    (gettext_lazy("Monday"), "Montag"),
    (pgettext_lazy("alt. month", "May"), "Mai"),
    (format_lazy("{}!", gettext_lazy("Monday")), "Montag!"),
    (mark_safe("<b>"), "<b>"),
    (SimpleLazyObject(lambda: "late"), "late"),
    (UUID, str(UUID)),
    (Status.COOKING, "cooking"),
    (Tint.OK, "green"),
    (OldTint.OK, "green"),
    (dt.date(2030, 1, 31), "2030-01-31"),
    (dt.datetime(2030, 1, 31, 12, tzinfo=dt.UTC), "2030-01-31T12:00:00+00:00"),
    (dt.datetime(2030, 1, 31, 12), "2030-01-31T12:00:00"),
    (dt.time(12, 30), "12:30:00"),
]
NUMBERS = [
    (Decimal(40), 40),
    (Decimal("4E1"), 40),
    (Decimal("12.50"), 12.5),
    (Decimal(100) / 3, 100 / 3),
    (Decimal("1E-999999"), 0.0),
    (Decimal("-0.0"), 0),
    (Priority.HIGH, 3),
]


def refusals(call) -> list[tuple[str, str]]:
    with pytest.raises(InvalidInputError) as caught:
        call()
    return [tuple(error) for error in caught.value.errors]


@pytest.mark.parametrize(("given", "text"), TEXTS)
def test_text_of_any_kind_is_taken_wherever_text_is(given, text) -> None:
    with override("de"):
        content = Content(title=given).to_json()
        parsed = parse_content({"title": "x", "icon": {"symbol": given}}).to_json()
        options = Options(
            tags=[given],
            channels=(given,),
            metadata={given: given},
            alert=AlertMessage(title=given),
            action={**HOOK, "title": given, "body": {given: [given]}},
        ).to_json()
    assert content == {"title": text}
    assert parsed["icon"] == {"symbol": text}
    assert options == {
        "tags": [text],
        "channels": [text],
        "metadata": {text: text},
        "alert": {"title": text},
        "action": {**HOOK, "title": text, "body": {text: [text]}},
    }
    found = [content["title"], options["tags"][0], *options["metadata"], options["alert"]["title"]]
    assert {type(each) for each in found} == {str}


@pytest.mark.parametrize(("given", "number"), NUMBERS)
def test_numbers_of_any_kind_are_taken_wherever_numbers_are(given, number) -> None:
    sent = [
        Progress(title="x", percentage=given).to_json()["percentage"],
        parse_content({"title": "x", "percentage": given}).to_json()["percentage"],
        Metrics(title="x", metrics=[Metric(label="x", value=given)]).to_json()["metrics"][0][
            "value"
        ],
        Options(metadata={"k": given}).to_json()["metadata"]["k"],
        Options(action={**HOOK, "body": {"k": given}}).to_json()["action"]["body"]["k"],
    ]
    assert sent == [number] * 5
    assert {type(each) for each in sent} == {type(number)}


def test_lazy_text_is_in_the_language_of_the_call() -> None:
    title = gettext_lazy("Monday")
    with override("de"):
        german = Content(title=title)
    with override("fr"):
        french = Content(title=title)
    assert (german.title, french.title) == ("Montag", "lundi")


def test_whole_numbers_and_choices_may_be_of_any_kind() -> None:
    steps = SegmentedProgress(
        title="x", current_step=Priority.HIGH, number_of_steps=Decimal("4.0"), color=Tint.OK
    )
    assert steps.to_json()["number_of_steps"] == 4
    assert steps.to_json()["color"] == "green"
    assert parse_content({"title": "x", "type": Kind.TIMER}).to_json()["type"] == "timer"


@pytest.mark.parametrize(
    "given",
    [
        ("b", "a"),
        deque(["b", "a"]),
        iter(["b", "a"]),
        (each for each in "ba"),
        {"b": 1, "a": 2}.keys(),
        {1: "b", 2: "a"}.values(),
        OrderedDict(b=1, a=2),
    ],
)
def test_any_iterable_but_a_mapping_is_a_list(given) -> None:
    if isinstance(given, dict):
        assert refusals(lambda: Options(tags=given)) == [("tags", "give a list")]
        return
    assert Options(tags=given).to_json() == {"tags": ["b", "a"]}


def test_a_set_is_sent_in_the_same_order_by_every_process() -> None:
    tags = {Status.COOKING, "shop", gettext_lazy("May"), SafeString("a")}
    assert Options(tags=tags).to_json()["tags"] == ["May", "a", "cooking", "shop"]
    body = {"ids": frozenset({3, 1, 2})}
    assert Options(action={**HOOK, "body": body}).to_json()["action"]["body"] == {"ids": [1, 2, 3]}


def test_what_the_caller_gave_is_not_changed() -> None:
    body = {"when": dt.date(2030, 1, 31), "tags": ("a",)}
    Options(action={**HOOK, "body": body})
    assert body == {"when": dt.date(2030, 1, 31), "tags": ("a",)}


LINK = reverse_lazy("admin:index")
REFUSED = [
    (lambda: Progress(title="x", percentage="5"), "percentage", "give a number (int or float)"),
    (lambda: Progress(title="x", percentage=True), "percentage", "give a number (int or float)"),
    (lambda: Content(title=Decimal(5)), "title", "give a string"),
    (lambda: Content(title=b"x"), "title", "give a string"),
    (lambda: Content(title=object()), "title", "give a string"),
    (lambda: Content(title=Status), "title", "give a string"),
    (lambda: Progress(title="x", percentage=Decimal("inf")), "percentage", "must be finite"),
    (lambda: Value(title="x", value=Decimal("sNaN")), "value", "must be finite"),
    (lambda: Value(title="x", value=Decimal("1E999999")), "value", "must lie within ±2**53"),
    (lambda: Value(title="x", value=Decimal(2**53 + 1)), "value", "must lie within ±2**53"),
    (
        lambda: SegmentedProgress(title="x", current_step=Decimal("1.5")),
        "current_step",
        "give a whole number as an int",
    ),
    (
        lambda: Timer(title="x", duration_seconds=dt.timedelta(minutes=1)),
        "duration_seconds",
        "give a number (int or float), such as its total_seconds()",
    ),
    (
        lambda: Options(metadata={"k": dt.timedelta(1)}),
        "metadata.k",
        "give a string, a number or a boolean, such as its total_seconds()",
    ),
    (lambda: Options(metadata={"k": b"x"}), "metadata.k", "give a string, a number or a boolean"),
    (lambda: Options(metadata={"k": SimpleLazyObject(dict)}), "metadata.k", "give a string"),
    (lambda: Options(metadata={"k": SimpleLazyObject(lambda: 5)}), "metadata.k", "give a string"),
    (lambda: Options(metadata={"k": SimpleLazyObject(object)}), "metadata.k", "give a string"),
    (lambda: Options(metadata={5: 1}), "metadata", "has a key of type int; give string keys"),
    (
        lambda: Options(metadata={UUID: 1, str(UUID): 2}),
        "metadata",
        "has a key of type UUID; give string keys",
    ),
    (lambda: Options(tags={"a", 5}), "tags", "give a list"),
    (lambda: Options(action={**HOOK, "body": {"k": {1, None}}}), "action.body.k", "give what JSON"),
    (lambda: Options(action={**HOOK, "url": LINK}), "action.url", "must start with https://"),
    (lambda: parse_content({"title": "x", "type": Status.COOKING}), "type", "give one of"),
]


@pytest.mark.parametrize(("call", "path", "message"), REFUSED)
def test_what_has_no_obvious_form_is_refused_with_what_to_write(call, path, message) -> None:
    [(found, told)] = refusals(call)
    assert found == path
    assert told.startswith(message)


def test_an_unknown_field_is_answered_with_the_known_ones() -> None:
    metric = {"label": "CPU", "value": 1, "units": "%"}
    assert refusals(lambda: Metrics(title="x", metrics=[metric])) == [
        ("metrics.0.units", "Unknown field. Known fields: label, value, unit, color")
    ]
    assert refusals(lambda: Options(secondary_action={**HOOK, "label": "x"})) == [
        ("secondary_action.label", "Unknown field. Known fields: title, type, url, method, body")
    ]


def test_what_a_copy_changes_is_taken_and_refused_alike() -> None:
    copy = Progress(title="x", percentage=5).model_copy(update={"percentage": Decimal("7.5")})
    assert check_content(Endpoint.STREAM, copy)["percentage"] == 7.5
    action = Action(**HOOK)
    refused = refusals(lambda: action.model_copy(update={"title": "a\0b"}))
    assert [path for path, _ in refused] == ["title"]
    action = Action(title="x", type="webhook", url="https://example.com", body={"a": 1})
    action.body["a"] = "b\0"  # its dict is the one thing in it that can be changed
    assert [path for path, _ in refusals(lambda: Options(action=action))] == ["action.body.a"]
