"""JSON of bounded size and depth."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError
from rest_framework.parsers import JSONParser

MAX_BYTES = 128 * 1024
"""Three times the 40 KiB that the vendor takes, because JSON may escape every character."""


class BodyTooLargeError(APIException):
    """The body of the request is too large."""

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE
    default_detail = f"Send at most {MAX_BYTES} bytes."
    default_code = "too_large"


class BoundedJSONParser(JSONParser):
    """Reads at most 128 KiB: ``DATA_UPLOAD_MAX_MEMORY_SIZE`` does not hold for DRF's parsers."""

    def parse(
        self,
        stream: IO[Any],
        media_type: str | None = None,
        parser_context: Mapping[str, Any] | None = None,
    ) -> Any:
        """Return the parsed JSON.

        Raises:
            BodyTooLargeError: the body exceeds 128 KiB.
            ParseError: it is not JSON, or too deeply nested.
        """
        body = stream.read(MAX_BYTES + 1)
        if len(body) > MAX_BYTES:
            raise BodyTooLargeError
        try:
            return super().parse(io.BytesIO(body), media_type, parser_context)
        except RecursionError:
            raise ParseError("JSON parse error - too deeply nested") from None
