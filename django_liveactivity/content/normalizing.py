"""From the values that Django and Python hand out to those that JSON has, in one bounded pass."""

from __future__ import annotations

import math
import sys
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time
from decimal import Decimal
from enum import Enum
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from django_liveactivity.exceptions import InvalidInputError

from .encoding import INTEGER_LIMIT, KIB

MAX_DEPTH = 16
"""Deeper than any field is; what lies deeper stays as it is, and its field refuses it."""
_NOT_LISTS = (str, bytes, bytearray, memoryview, BaseModel)


def normalized(value: Any, *, limit: int, path: str) -> Any:
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


def normalized_scalar(value: Any) -> Any:
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
    return str(value) if _is_lazy(value) else value


def _number(value: Decimal) -> int | float | Decimal:
    if not value.is_finite():
        return math.nan
    if abs(value) > INTEGER_LIMIT:
        return value  # refused as an int of this size is
    return int(value) if value == int(value) else float(value)


def _is_lazy(value: object) -> bool:
    """Tell whether it is Django's lazy text, which cannot exist before its module is loaded."""
    functional = sys.modules.get("django.utils.functional")
    return functional is not None and isinstance(value, functional.Promise)


class _TooLargeError(Exception):
    """More was counted than JSON of the size that is allowed can hold."""


class _Pass:
    """One pass; *left* is how many bytes the rest may have, at least."""

    def __init__(self, left: int) -> None:
        self._left = left

    def normalized(self, value: Any, depth: int) -> Any:
        value = normalized_scalar(value)
        self._count(len(value) + 2 if isinstance(value, str) else 1)
        if depth == MAX_DEPTH or isinstance(value, _NOT_LISTS):
            return value
        if isinstance(value, Mapping):
            return self._dict(value, depth + 1)
        if isinstance(value, Iterable):
            return self._list(value, depth + 1)
        return value

    def _dict(self, mapping: Mapping[Any, Any], depth: int) -> Any:
        copy = {self._key(key): self.normalized(item, depth) for key, item in mapping.items()}
        # Keys that become the same text are left as they are, and are no strings.
        return copy if len(copy) == len(mapping) else mapping

    def _key(self, key: Any) -> Any:
        text = normalized_scalar(key)
        if not isinstance(text, str):
            return key
        self._count(len(text) + 3)
        return text

    def _list(self, iterable: Iterable[Any], depth: int) -> Any:
        try:
            items: Iterator[Any] = iter(iterable)
        except TypeError:  # a proxy, such as a lazy object, of what is not iterable
            return iterable
        copy = []
        for item in items:
            self._count(1)
            copy.append(self.normalized(item, depth))
        if not isinstance(iterable, set | frozenset):
            return copy
        try:
            return sorted(copy)  # the same set is sent as the same list, in every process
        except TypeError:
            return iterable

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise _TooLargeError
