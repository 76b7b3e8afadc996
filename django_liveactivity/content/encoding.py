"""JSON as it travels: which values it keeps, how it is written, how large it may be."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Any

from .errors import rule

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


def encode(value: Any) -> bytes:
    """Return *value* as compact UTF-8 JSON.

    Raises:
        ValueError: for NaN, infinities, unpaired surrogates and circular references.
    """
    return json.dumps(value, allow_nan=False, ensure_ascii=False, separators=(",", ":")).encode()


def check_text(value: str, *path: str | int) -> str:
    """Refuse what UTF-8 or a database cannot keep."""
    if message := text_error(value):
        raise rule(message, *path)
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
        raise rule(f"give {expected}, such as its total_seconds()", *path)
    # Django's lazy objects claim the class of what they hold, and cannot be computed with.
    is_proxy = value.__class__ is not type(value)
    if is_proxy or isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise rule(f"give {expected}", *path)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise rule("must be finite; JSON has no NaN and no infinity", *path)
        return float(value)
    # Of Decimals, normalized() leaves those that are larger.
    if isinstance(value, Decimal) or abs(value) > INTEGER_LIMIT:
        raise rule("must lie within ±2**53, as JSON's readers round larger integers", *path)
    return int(value)


def check_json(value: object, *path: str | int) -> Any:
    """Return a copy of *value* that holds nothing but JSON."""
    if value is None or value is True or value is False:
        return value
    if isinstance(value, str):
        return check_text(value, *path)
    if isinstance(value, Mapping | list | tuple):
        return _check_container(value, path)
    expected = "what JSON has: text, a number, true, false, null, a list or a dict"
    return check_number(value, *path, expected=expected)


def _check_container(
    value: Mapping[Any, Any] | list[Any] | tuple[Any, ...], path: tuple[str | int, ...]
) -> Any:
    if len(path) >= DEPTH_LIMIT:
        raise rule(f"is nested deeper than {DEPTH_LIMIT} levels; flatten it", *path)
    if not isinstance(value, Mapping):
        return [check_json(item, *path, index) for index, item in enumerate(value)]
    return {check_key(key, *path): check_json(item, *path, key) for key, item in value.items()}


def check_key(key: object, *path: str | int) -> str:
    """Return *key* if it can name a member of a JSON object."""
    if not isinstance(key, str):
        raise rule(f"has a key of type {type(key).__name__}; give string keys", *path)
    return check_text(key, *path)
