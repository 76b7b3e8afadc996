"""The kinds of value that fields hold; strict, so that True is no number and "5" is not 5."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator

from .encoding import (
    INTEGER_LIMIT,
    METADATA_LIMIT,
    JSONValue,
    RuleError,
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
"""The vendor's accent colors (LiveActivityColor in its API description)."""

TypeName = Literal["segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


def sized(least: int, most: float = math.inf) -> BeforeValidator:
    """Return the check of a list's length that comes before its items: thousands cost one error."""

    def check(value: object) -> object:
        if isinstance(value, list | tuple) and len(value) > most:
            raise RuleError(f"give at most {most} entries")
        if isinstance(value, list | tuple) and len(value) < least:
            raise RuleError(f"give at least {least} entry")
        return value

    return BeforeValidator(check)


def _text_or_number(value: object) -> str | int | float:
    if isinstance(value, str):
        return check_text(value)
    return check_number(value, expected="a string or a number")


def _measurement(value: object) -> str | int | float:
    checked = _text_or_number(value)
    if isinstance(checked, str):
        if not 1 <= len(checked) <= 64:
            raise RuleError("give a string of 1 to 64 characters, or a number")
    elif checked < 0:
        raise RuleError("must be 0 or more; give a string to show a negative number")
    return checked


def _json_object(value: object) -> JSONValue:
    if not isinstance(value, Mapping):
        raise RuleError("give a mapping; it is sent as a JSON object")
    return check_json(value)


def _metadata(value: object) -> dict[str, str | int | float | bool]:
    if not isinstance(value, Mapping):
        raise RuleError("give a mapping of keys to strings, numbers or booleans")
    if len(value) > 50:
        raise RuleError("give at most 50 entries")
    checked = {check_key(key): _metadatum(key, item) for key, item in value.items()}
    if len(encode(checked)) > METADATA_LIMIT:
        raise RuleError(f"is larger than {METADATA_LIMIT} bytes of JSON; shorten it")
    return checked


def _metadatum(key: str, value: object) -> str | int | float | bool:
    if not 1 <= len(key) <= 100:
        raise RuleError("keys have 1 to 100 characters", key[:100])
    if value is True or value is False:
        return value
    if not isinstance(value, str):
        return check_number(value, key, expected="a string, a number or a boolean")
    if len(value) > 4000:
        raise RuleError("give at most 4000 characters", key)
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
JsonObject = Annotated[Mapping[str, object], PlainValidator(_json_object)]
Metadata = Annotated[Mapping[str, object], PlainValidator(_metadata)]
