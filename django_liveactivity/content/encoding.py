"""JSON: which values have a form in it, how large it may be, and the words of its schemas."""

import json
import math
import sys
from collections.abc import Iterable, Mapping
from datetime import date, time, timedelta
from decimal import Decimal
from enum import Enum
from typing import Any, TypeAlias
from uuid import UUID

from django_liveactivity.exceptions import InvalidInputError

JSONValue: TypeAlias = "str | int | float | bool | list[JSONValue] | dict[str, JSONValue] | None"
JSONObject: TypeAlias = dict[str, JSONValue]
Schema: TypeAlias = dict[str, Any]
"""Of JSON Schema, draft 2020-12."""

KIB = 1024
CONTENT_LIMIT = 16 * KIB
"""Bytes of one content as JSON."""
METADATA_LIMIT = 16 * KIB
"""Bytes of the metadata as JSON (SDK 1.14.0: "16 KB of serialized UTF-8 JSON")."""
BODY_LIMIT = 40 * KIB
"""Bytes of one request's body as JSON."""
OPTIONS_LIMIT = BODY_LIMIT - CONTENT_LIMIT - KIB
"""Bytes of all options as JSON, so that any content with any options fits into a body."""
DEPTH_LIMIT = 8
"""How deep lists and mappings may be nested."""
INTEGER_LIMIT = 2**53
"""Larger integers arrive changed, as JSON's readers keep numbers as doubles (RFC 8259, 6)."""
MAX_DEPTH = 16
"""Deeper than any field is; what lies deeper stays as it is, and its field refuses it."""


TEXT: Schema = {"type": "string", "pattern": r"^[^\x00]*$"}
FILLED_TEXT: Schema = {**TEXT, "minLength": 1}
NUMBER: Schema = {"type": "number", "minimum": -INTEGER_LIMIT, "maximum": INTEGER_LIMIT}
UNSET: Schema = {"type": "null"}
ABSENT: Schema = {"not": {}}


class RuleError(ValueError):
    """A value that a field refuses: what to do about it, and the path from the checked value."""

    def __init__(self, message: str, *path: str | int) -> None:
        super().__init__(message)
        self.message = message
        self.path = path


def encode(value: object) -> bytes:
    """Return *value* as compact UTF-8 JSON.

    Raises:
        ValueError: for NaN, infinities, unpaired surrogates and circular references.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def check_text(value: str, *path: str | int) -> str:
    """Refuse what UTF-8 or a database cannot keep."""
    if message := text_error(value):
        raise RuleError(message, *path)
    return value


def text_error(value: str) -> str:
    """Return why UTF-8 or a database cannot keep a text, and what to do about it; else ""."""
    if "\0" in value:
        return "contains a NUL character, which databases do not store; remove it"
    try:
        value.encode()
    except UnicodeEncodeError:
        return "contains an unpaired surrogate, which is not text; remove it"
    return ""


def check_number(
    value: object, *path: str | int, expected: str = "a number (int or float)"
) -> int | float:
    """Return *value* as a plain int or float that JSON's readers keep; True is no number."""
    if isinstance(value, timedelta):
        raise RuleError(f"give {expected}, such as its total_seconds()", *path)
    # Django's lazy objects claim the class of what they hold, and cannot be computed with.
    is_proxy = value.__class__ is not type(value)
    if is_proxy or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise RuleError(f"give {expected}", *path)
    if isinstance(value, float) and not math.isfinite(value):
        raise RuleError("must be finite; JSON has no NaN and no infinity", *path)
    # JSON has one kind of number. Of Decimals, normalized() leaves those that are larger.
    if isinstance(value, Decimal) or abs(value) > INTEGER_LIMIT:
        raise RuleError("must lie within ±2**53, as JSON's readers round larger integers", *path)
    return float(value) if isinstance(value, float) else int(value)


def check_json(value: object, *path: str | int) -> JSONValue:
    """Return a copy of *value* that holds nothing but JSON."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return check_text(value, *path)
    if not isinstance(value, Mapping | list | tuple):
        expected = "what JSON has: text, a number, true, false, null, a list or a dict"
        return check_number(value, *path, expected=expected)
    if len(path) >= DEPTH_LIMIT:
        raise RuleError(f"is nested deeper than {DEPTH_LIMIT} levels; flatten it", *path)
    if isinstance(value, Mapping):
        return {check_key(key, *path): check_json(item, *path, key) for key, item in value.items()}
    return [check_json(item, *path, index) for index, item in enumerate(value)]


def check_key(key: object, *path: str | int) -> str:
    """Return *key* if it can name a member of a JSON object."""
    if not isinstance(key, str):
        raise RuleError(f"has a key of type {type(key).__name__}; give string keys", *path)
    return check_text(key, *path)


def normalized(value: object, *, limit: int, path: str) -> object:
    """Return *value*, with all in it that has one obvious JSON form in that form.

    Text of any kind, lazy or safe, becomes a plain string, in the language that is active now; a
    UUID becomes text, and dates and times their ISO 8601 text; a Decimal becomes a number; an enum
    member its value; a mapping a dict, a set a sorted list, and any other iterable a list. What has
    no such form stays as it is, for its field to refuse with what to write.

    Args:
        value: what a caller gave; it is not changed, but iterators are used up.
        limit: bytes of JSON. Counting stops the pass, so that no input costs more than that.
        path: the field that is named as too large.

    Raises:
        InvalidInputError: at *path*, if *value* is larger.
    """
    try:
        # The slack is for fields that are None: they count here, and are not sent.
        return _Pass(limit + KIB).normalized(value, depth=0)
    except _TooLargeError:
        message = f"exceeds {limit} bytes of JSON; shorten it"
        raise InvalidInputError.at(path, message) from None


def normalized_scalar(value: object) -> object:
    """Return *value* as the text or number that it stands for; other values as they are."""
    if isinstance(value, Enum):
        return normalized_scalar(value.value)
    if isinstance(value, str):
        return str.__str__(str(value))  # str() alone keeps a SafeString, which is a string
    if isinstance(value, Decimal):
        return _number(value)
    if isinstance(value, UUID):
        return str(value)
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value) if _is_a(value, "django.utils.functional", "Promise") else value


def _number(value: Decimal) -> int | float | Decimal:
    if not value.is_finite():
        return math.nan
    if abs(value) > INTEGER_LIMIT:
        return value  # refused as an int of this size is
    return int(value) if value == int(value) else float(value)


def _is_a(value: object, module: str, name: str) -> bool:
    """Tell whether *value* is of a class that this module need not import: without it, none is."""
    return isinstance(value, getattr(sys.modules.get(module), name, ()))


class _TooLargeError(Exception):
    """More was counted than JSON of the size that is allowed can hold."""


class _Pass:
    """One pass; *left* is how many bytes the rest may have, at least."""

    def __init__(self, left: int) -> None:
        self._left = left

    def normalized(self, value: object, depth: int) -> object:
        value = normalized_scalar(value)
        self._count(len(value) + 2 if isinstance(value, str) else 1)
        if depth == MAX_DEPTH or isinstance(value, str | bytes | bytearray | memoryview):
            return value
        if _is_a(value, "pydantic.main", "BaseModel"):
            return value
        if isinstance(value, Mapping):
            return self._dict(value, depth + 1)
        return self._list(value, depth + 1) if isinstance(value, Iterable) else value

    def _dict(self, mapping: Mapping[object, object], depth: int) -> object:
        copy = {self._key(key): self.normalized(item, depth) for key, item in mapping.items()}
        # Keys that become the same text are left as they are, and are no strings.
        return copy if len(copy) == len(mapping) else mapping

    def _key(self, key: object) -> object:
        text = normalized_scalar(key)
        if not isinstance(text, str):
            return key
        self._count(len(text) + 3)
        return text

    def _list(self, iterable: Iterable[object], depth: int) -> object:
        try:
            items = iter(iterable)
        except TypeError:  # a proxy, such as a lazy object, of what is not iterable
            return iterable
        copy = []
        for item in items:
            self._count(1)
            copy.append(self.normalized(item, depth))
        if not isinstance(iterable, set | frozenset):
            return copy
        try:
            return sorted(copy)  # type: ignore[type-var]  # the same set is sent as the same list, in every process
        except TypeError:
            return iterable

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _TooLargeError


def has(*required: str, **fields: Schema) -> Schema:
    """Return the schema of an object that has some fields, and whose others, if given, are so."""
    parts = {"required": list(required), "properties": fields}
    return {name: part for name, part in parts.items() if part}


def only(name: str, among: tuple[str, ...]) -> Schema:
    """Return the schema of an object that has one field and none of the others."""
    return has(name, **{other: ABSENT for other in among if other != name})


def either(*ways: Schema) -> Schema:
    """Return what an object's schema adds for rules between its fields: one of them holds.

    Inside ``allOf``, where generators of clients leave the object's own fields as they are.
    """
    return {"allOf": [{"anyOf": list(ways)}]}
