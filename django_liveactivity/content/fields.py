"""The kinds of value that fields hold; strict, so that True is no number and "5" is not 5."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, TypeVar, get_args

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from django_liveactivity.content.errors import rule
from django_liveactivity.content.wire import (
    INTEGER_LIMIT,
    METADATA_LIMIT,
    check_json,
    check_key,
    check_number,
    check_text,
    encode,
)

Item = TypeVar("Item")

Color = Literal[
    "lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray"
]
"""The vendor's accent colours (LiveActivityColor in its API description)."""

TypeName = Literal["segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"]
TYPE_NAMES: tuple[str, ...] = get_args(TypeName)


def _tuple(value: object) -> object:
    # Sets have no order and generators are used up, so only lists become tuples.
    return tuple(value) if isinstance(value, list) else value


def _text_or_number(value: object) -> str | int | float:
    if isinstance(value, str):
        return check_text(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise rule("give a string or a number")
    return check_number(value)


def _measurement(value: object) -> str | int | float:
    checked = _text_or_number(value)
    if isinstance(checked, str):
        if not 1 <= len(checked) <= 64:
            raise rule("give a string of 1 to 64 characters, or a number")
    elif checked < 0:
        raise rule("must be 0 or more; give a string to show a negative number")
    return checked


def _json_object(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise rule("give a mapping; it is sent as a JSON object")
    copy: dict[str, Any] = check_json(value)
    return copy


def _metadata(value: object) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise rule("give a mapping of keys to strings, numbers or booleans")
    if len(value) > 50:
        raise rule("give at most 50 entries")
    checked = {check_key(key): _metadatum(key, item) for key, item in value.items()}
    if len(encode(checked)) > METADATA_LIMIT:
        raise rule(f"is larger than {METADATA_LIMIT} bytes of JSON; shorten it")
    return checked


def _metadatum(key: str, value: object) -> str | int | float | bool:
    if not 1 <= len(key) <= 100:
        raise rule("keys have 1 to 100 characters", key[:100])
    if isinstance(value, bool):
        return value
    if not isinstance(value, str):
        return check_number(value, key)
    if len(value) > 4000:
        raise rule("give at most 4000 characters", key)
    return check_text(value, key)


Text = Annotated[str, AfterValidator(check_text)]
# Lengths come first: pydantic words its message for strings only there.
FilledText = Annotated[str, Field(min_length=1), AfterValidator(check_text)]
Tag = Annotated[str, Field(min_length=1, max_length=64), AfterValidator(check_text)]
Number = Annotated[int | float, PlainValidator(check_number)]
Percentage = Annotated[Number, Field(ge=0, le=100)]
PositiveNumber = Annotated[Number, Field(gt=0)]
StepCount = Annotated[int, Field(ge=0, le=INTEGER_LIMIT)]
Readout = Annotated[str | int | float, PlainValidator(_text_or_number)]
Measurement = Annotated[str | int | float, PlainValidator(_measurement)]
List = Annotated[Sequence[Item], BeforeValidator(_tuple)]
JsonObject = Annotated[Mapping[str, Any], PlainValidator(_json_object)]
Metadata = Annotated[Mapping[str, Any], PlainValidator(_metadata)]
