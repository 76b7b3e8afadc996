"""The shape of every 400: ``{"errors": [{"path": "content.title", "message": "…"}]}``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.settings import api_settings

from django_liveactivity.exceptions import (
    MAX_ERRORS,
    AccountSourceError,
    FieldError,
    InvalidInputError,
)
from django_liveactivity.printable import shortened

MAX_PATH = 200
MAX_MESSAGE = 300


class RefusedError(APIException):
    """The body is refused with 400.

    The answer stays small, whatever the body was: at most 50 errors, with paths of at most 200 and
    messages of at most 300 characters.

    Args:
        errors: what is wrong; an empty path means the body as a whole.
    """

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, errors: Iterable[FieldError]) -> None:
        listed = [
            {"path": _bounded(e.path, MAX_PATH), "message": _bounded(e.message, MAX_MESSAGE)}
            for e in islice(errors, MAX_ERRORS)
        ]
        super().__init__({"errors": listed})


class UnavailableError(APIException):
    """The account source does not answer, so nothing can be stored now: 503."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The account cannot be looked up now. Try again later."


def _bounded(text: str, limit: int) -> str:
    """Return the start of a text, without the unpaired surrogates that UTF-8 cannot hold."""
    return shortened(text, limit).encode(errors="backslashreplace").decode()


def error_response(error: Exception) -> Exception:
    """Return the error to answer with: a ``RefusedError`` if the body is at fault.

    An ``UnavailableError`` if the account source is.
    """
    if isinstance(error, InvalidInputError):
        return RefusedError(error.errors)
    if isinstance(error, AccountSourceError):
        return UnavailableError()
    if isinstance(error, ValidationError | ParseError):
        return RefusedError(flattened(error.detail))
    return error


def flattened(detail: object, path: str = "") -> Iterator[FieldError]:
    """Yield DRF's nested errors one by one, each with its dotted path."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = key != api_settings.NON_FIELD_ERRORS_KEY
            yield from flattened(inner, f"{path}.{key}".lstrip(".") if own else path)
    elif isinstance(detail, list):
        for inner in detail:
            yield from flattened(inner, path)
    else:
        yield FieldError(path, str(detail))
