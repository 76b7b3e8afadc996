"""The parser of request bodies: JSON of bounded size and depth, each key given once."""

import codecs
import functools
import io
import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, islice
from typing import IO, Any

from django.conf import settings
from django.http import HttpRequest
from django.utils.http import parse_header_parameters
from rest_framework import status, views
from rest_framework.exceptions import APIException, ParseError, UnsupportedMediaType
from rest_framework.parsers import BaseParser
from rest_framework.request import Request

from django_liveactivity.exceptions import MAX_ERRORS, FieldError, InvalidInputError

MAX_BYTES = 128 * 1024
"""Three times the 40 KiB that the vendor takes, because JSON may escape every character."""
MAX_DEPTH = 16
"""Nested objects and lists; no field of the body needs more than five."""
PARSED_DEPTH = 500
"""Deeper JSON is not parsed: on Python 3.14 only the end of C's stack stops ``json``."""
STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"?', re.DOTALL)
"""With a quote at its end or not: a search that fails begins again at each quote."""
STEPS = {ord("["): 1, ord("{"): 1, ord("]"): -1, ord("}"): -1}
SURROGATE = re.compile(r"[\ud800-\udfff]")
"""One without its other half: ``json`` has joined the pairs."""
TOO_DEEP = f"Nest at most {MAX_DEPTH} objects and lists."
NOT_UTF_8 = "Send JSON in UTF-8, without a byte order mark."


class BodyTooLargeError(APIException):
    """The body of the request is too large.

    Args:
        limit: how many bytes may be sent.
    """

    status_code = status.HTTP_413_REQUEST_ENTITY_TOO_LARGE

    def __init__(self, limit: int) -> None:
        super().__init__(f"Send at most {limit} bytes.")


class LengthRequiredError(APIException):
    """The server does not tell where a chunked body ends."""

    status_code = status.HTTP_411_LENGTH_REQUIRED
    default_detail = "Send a Content-Length: this server does not read chunked bodies."


class BoundedJSONParser(BaseParser):
    """Reads at most 128 KiB, or ``DATA_UPLOAD_MAX_MEMORY_SIZE`` if that is less.

    It is no ``JSONParser``, because DRF (3.18) reads the whole body before it calls one of those.
    """

    media_type = "application/json"

    def parse(
        self,
        stream: IO[bytes],
        media_type: str | None = None,
        parser_context: Mapping[str, object] | None = None,  # noqa: ARG002 - DRF's own signature
    ) -> Any:
        """Return the parsed JSON, which is UTF-8 (RFC 8259).

        Raises:
            UnsupportedMediaType: the request names another charset.
            BodyTooLargeError: the body is too large; it was not parsed.
            ParseError: it cannot be read, is not JSON, or is far too deeply nested.
            InvalidInputError: with the path of each repeated key, infinite number, unpaired
                surrogate and object nested too deeply.
        """
        _check_charset(media_type or "")
        body = _read(stream)
        if len(body) > _limit():
            raise BodyTooLargeError(_limit())
        if _depth(body) > PARSED_DEPTH:
            raise ParseError(TOO_DEEP)
        try:
            document = json.loads(_text(body), object_pairs_hook=_object, parse_int=_integer)
        except ValueError as error:
            raise ParseError(f"JSON parse error - {error}") from None
        faults = [FieldError(".".join(p), m) for p, m in islice(_faults(document), MAX_ERRORS)]
        if faults:
            raise InvalidInputError(*faults)
        return document


class BoundedRequest(Request):
    """A request whose chunked body is read: DRF takes a body without a length for none."""

    @functools.cached_property
    def stream(self) -> Any:
        """The body, or None if there is none.

        Raises:
            LengthRequiredError: the server does not tell where the body ends.
        """
        announced = super().stream
        return _unannounced(self._request) if announced is None else announced


class BoundedBodyMixin(views.APIView):
    """A view that reads chunked bodies, too."""

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Return the request as DRF makes it, as a ``BoundedRequest``."""
        made = super().initialize_request(request, *args, **kwargs)
        return BoundedRequest(
            request,
            made.parsers,
            made.authenticators,  # type: ignore[arg-type] # or a forced one
            made.negotiator,
            made.parser_context,
        )


def _unannounced(request: HttpRequest) -> IO[bytes] | None:
    """Return the body of a request that has no ``Content-Length``."""
    if request.META.get("CONTENT_LENGTH"):
        return None
    environ = getattr(request, "environ", None)
    if environ is None:  # under ASGI Django has stored the body in a temporary file
        body = _read(request)
    elif environ.get("wsgi.input_terminated"):
        body = _read(environ["wsgi.input"])
    elif "HTTP_TRANSFER_ENCODING" in request.META:
        raise LengthRequiredError
    else:
        return None
    return io.BytesIO(body) if body else None


def _read(stream: Any) -> bytes:
    """Return the body, or one byte more than is allowed of it."""
    try:
        body: bytes = stream.read(_limit() + 1)
    except OSError:  # the client went away, or its chunks are malformed
        raise ParseError("The body could not be read.") from None
    return body


def _limit() -> int:
    own = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return MAX_BYTES if own is None else min(MAX_BYTES, own)


def _check_charset(content_type: str) -> None:
    charset = parse_header_parameters(content_type)[1].get("charset", "utf-8")
    if charset.lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaType(content_type, NOT_UTF_8)


def _depth(body: bytes) -> int:
    """Return how many objects and lists are open at once, at most."""
    brackets = STRING.sub(b"", body).translate(None, bytes({*range(256)} - STEPS.keys()))
    return max(accumulate(map(STEPS.__getitem__, brackets)), default=0)


def _text(body: bytes) -> str:
    """Return the text of a body; a NUL, of which UTF-16 and UTF-32 have many, is not JSON."""
    if body.startswith(codecs.BOM_UTF8) or b"\0" in body:
        raise ParseError(NOT_UTF_8)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise ParseError(NOT_UTF_8) from None


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
    """Yield the path and message of everything that is JSON, but that this endpoint refuses.

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
