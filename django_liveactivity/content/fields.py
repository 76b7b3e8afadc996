"""The kinds of value that fields hold; strict, so that True is no number and "5" is not 5."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    PlainValidator,
    WithJsonSchema,
)
from pydantic_core import core_schema

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
from .json_schema import FILLED_TEXT, NUMBER, TEXT, UNSET, Schema

Item = TypeVar("Item")
MOST_METADATA = 50
LONGEST_KEY = 100
LONGEST_METADATUM = 4000

Color = Literal[
    "lime", "green", "cyan", "blue", "purple", "magenta", "red", "orange", "yellow", "gray"
]
"""The vendor's accent colors (LiveActivityColor in its API description)."""

TypeName = Literal["segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"]


def _tuple(value: object) -> object:
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True, slots=True)
class Sized:
    """The length of a list, checked before its items: thousands cost one error."""

    least: int
    most: float = math.inf

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        return core_schema.no_info_before_validator_function(self._check, handler(source))

    def __get_pydantic_json_schema__(
        self, schema: core_schema.CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        most = {} if self.most == math.inf else {"maxItems": self.most}
        return {**handler(schema), "minItems": self.least, **most}

    def _check(self, value: object) -> object:
        if isinstance(value, list | tuple) and len(value) > self.most:
            raise RuleError(f"give at most {self.most} entries")
        if isinstance(value, list | tuple) and len(value) < self.least:
            raise RuleError(f"give at least {self.least} entry")
        return value


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
    if len(value) > MOST_METADATA:
        raise RuleError(f"give at most {MOST_METADATA} entries")
    checked = {check_key(key): _metadatum(key, item) for key, item in value.items()}
    if len(encode(checked)) > METADATA_LIMIT:
        raise RuleError(f"is larger than {METADATA_LIMIT} bytes of JSON; shorten it")
    return checked


def _metadatum(key: str, value: object) -> str | int | float | bool:
    if not 1 <= len(key) <= LONGEST_KEY:
        raise RuleError(f"keys have 1 to {LONGEST_KEY} characters", key[:LONGEST_KEY])
    if value is True or value is False:
        return value
    if not isinstance(value, str):
        return check_number(value, key, expected="a string, a number or a boolean")
    if len(value) > LONGEST_METADATUM:
        raise RuleError(f"give at most {LONGEST_METADATUM} characters", key)
    return check_text(value, key)


_METADATUM: Schema = {
    "anyOf": [{**TEXT, "maxLength": LONGEST_METADATUM}, NUMBER, {"type": "boolean"}]
}
_METADATA: Schema = {
    "type": "object",
    "maxProperties": MOST_METADATA,
    "propertyNames": {**FILLED_TEXT, "maxLength": LONGEST_KEY},
    "additionalProperties": _METADATUM,
}
_JSON_OBJECT: Schema = {
    "type": "object",
    "propertyNames": TEXT,
    "additionalProperties": {
        "anyOf": [
            TEXT,
            NUMBER,
            {"type": "boolean"},
            UNSET,
            {"type": "array", "items": {}},
            {"type": "object"},
        ]
    },
}

Text = Annotated[str, AfterValidator(check_text), WithJsonSchema(TEXT)]
# Lengths come first: pydantic words its message for strings only there.
FilledText = Annotated[
    str, Field(min_length=1), AfterValidator(check_text), WithJsonSchema(FILLED_TEXT)
]
Tag = Annotated[
    str,
    Field(min_length=1, max_length=64),
    AfterValidator(check_text),
    WithJsonSchema({**FILLED_TEXT, "maxLength": 64}),
]
Number = Annotated[int | float, PlainValidator(check_number), WithJsonSchema(NUMBER)]
Percentage = Annotated[
    Number, Field(ge=0, le=100), WithJsonSchema({**NUMBER, "minimum": 0, "maximum": 100})
]
PositiveNumber = Annotated[
    Number,
    Field(gt=0),
    WithJsonSchema({"type": "number", "exclusiveMinimum": 0, "maximum": INTEGER_LIMIT}),
]
StepCount = Annotated[int, Field(ge=0, le=INTEGER_LIMIT)]
Readout = Annotated[
    str | int | float,
    PlainValidator(_text_or_number),
    WithJsonSchema({"anyOf": [TEXT, NUMBER]}),
]
Measurement = Annotated[
    str | int | float,
    PlainValidator(_measurement),
    WithJsonSchema({"anyOf": [{**FILLED_TEXT, "maxLength": 64}, {**NUMBER, "minimum": 0}]}),
]
List = Annotated[Sequence[Item], BeforeValidator(_tuple)]
JsonObject = Annotated[
    Mapping[str, object], PlainValidator(_json_object), WithJsonSchema(_JSON_OBJECT)
]
Metadata = Annotated[Mapping[str, object], PlainValidator(_metadata), WithJsonSchema(_METADATA)]
