"""Parse JSON of bounded size and depth, in which every key is given once."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

from django_liveactivity.exceptions import MAX_ERRORS, FieldError, InvalidInputError

MAX_BYTES = 128 * 1024
"""Three times the 40 KiB that the vendor takes, because JSON may escape every character."""
MAX_DEPTH = 16
"""Nested objects and lists; no field of the body needs more than five."""
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""One without its other half: ``json`` has joined the pairs."""
TOO_DEEP = f"Nest at most {MAX_DEPTH} objects and lists."


class BodyTooLargeError(APIException):
    """The body of the request is too large."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"Send at most {MAX_BYTES} bytes."
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """Reads at most 128 KiB: DRF's parsers ignore ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,  # noqa: ARG002 - DRF calls it by its own signature
        parser_context: Mapping[str, object] | None = None,  # noqa: ARG002
    ) -> Any:
        """Return the parsed JSON, which is UTF-8 whatever charset the request names (RFC 8259).

        Raises:
            BodyTooLargeError: the body exceeds 128 KiB; it was not parsed.
            ParseError: it is not JSON, or far too deeply nested.
            InvalidInputError: with the path of each repeated key, infinite number, unpaired
                surrogate and object nested too deeply.
        """
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise BodyTooLargeError
        try:
            document = json.loads(body.decode(), object_pairs_hook=_object, parse_int=_integer)
        except RecursionError:
            raise ParseError(TOO_DEEP) from None
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from None
        faults = [FieldError(".".join(p), m) for p, m in islice(_faults(document), MAX_ERRORS)]
        if faults:
            raise InvalidInputError(*faults)
        return document


class _RepeatedKeys(dict[str, object]):
    """An object with repeated keys, refused once its path is known."""

    def __init__(self, pairs: Sequence[tuple[str, object]]) -> None:
        super().__init__(pairs)
        self.repeated = [key for key, times in Counter(k for k, _ in pairs).items() if times > 1]


def _object(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    return found if len(found) == len(pairs) else _RepeatedKeys(pairs)


def _integer(digits: str) -> float:
    """Return an int, or infinity for what no double holds, as other parsers read it."""
    return int(digits) if math.isfinite(float(digits)) else math.inf


def _faults(value: object, depth: int = 0) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield path and message of everything that JSON's grammar allows and we do not.

    Paths grow on the way back, so that only faults pay for them: keys may be long.
    """
    if isinstance(value, str) and SURROGATE.search(value):
        yield (), "Contains an unpaired surrogate, which is not text; remove it."
    elif isinstance(value, float) and not math.isfinite(value):
        yield (), "Give a finite number."
    elif isinstance(value, dict | list) and depth == MAX_DEPTH:
        yield (), TOO_DEEP
    elif isinstance(value, dict | list):
        for key in getattr(value, "repeated", ()):
            yield (key,), "Repeated key; give it once."
        items = value if isinstance(value, dict) else {str(i): v for i, v in enumerate(value)}
        for key, inner in items.items():
            if SURROGATE.search(key):
                yield (key,), "The name contains an unpaired surrogate; remove it."
            for path, message in _faults(inner, depth + 1):
                yield (key, *path), message
