"""The body of an answer, made safe to keep whatever it holds."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer that are read at most."""
TEXT_LIMIT = 4 * 1024
"""Bytes of an answer that are kept as text."""

_DEPTH_LIMIT = 32


def read_object(content: bytes) -> dict[str, Any] | None:
    """Return the JSON object in *content*; None if it is too large, too deep or anything else."""
    if len(content) > ANSWER_LIMIT:
        return None
    try:
        value = json.loads(content.decode(), parse_constant=_refuse)
        return _storable(value, 1) if isinstance(value, dict) else None
    except (ValueError, RecursionError):
        return None


def read_text(content: bytes) -> str:
    """Return the beginning of *content* as text, at most 4 KiB of UTF-8."""
    text = content[:ANSWER_LIMIT].decode(errors="replace").replace("\0", "\ufffd")
    return text.encode()[:TEXT_LIMIT].decode(errors="ignore")


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is not JSON")


def _storable(value: Any, depth: int) -> Any:
    # PostgreSQL's jsonb refuses NUL characters, unpaired surrogates and infinities (1e999 is one).
    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deep")
    if isinstance(value, str):
        return value.replace("\0", "\ufffd").encode(errors="replace").decode()
    if isinstance(value, list):
        return [_storable(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {_storable(name, depth): _storable(item, depth + 1) for name, item in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError("not finite")
    return value
