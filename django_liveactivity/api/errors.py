"""Every error as ``application/problem+json`` (RFC 9457)."""

from collections.abc import Iterable, Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

from rest_framework import exceptions, status
from rest_framework.response import Response
from rest_framework.settings import api_settings
from rest_framework.views import exception_handler

from django_liveactivity.exceptions import (
    MAX_ERRORS,
    AccountSourceError,
    FieldError,
    InvalidInputError,
)
from django_liveactivity.printable import shortened

PROBLEM = "application/problem+json"
MAX_PATH = 200
MAX_MESSAGE = 300


class UnavailableError(exceptions.APIException):
    """The account source does not answer, so nothing can be stored now: 503."""

    status_code = status.HTTP_503_SERVICE_UNAVAILABLE
    default_detail = "The account cannot be looked up now. Try again later."


class RefusedError(exceptions.APIException):
    """The input is refused with 400.

    The answer stays small for any body: at most 50 errors, with paths of at most 200 and messages
    of at most 300 characters.

    Args:
        errors: what is wrong; an empty path means the body as a whole.
    """

    status_code = status.HTTP_400_BAD_REQUEST
    default_detail = "The input is refused; nothing was stored."

    def __init__(self, errors: Iterable[FieldError]) -> None:
        super().__init__()
        self.errors = [
            {"path": _bounded(e.path, MAX_PATH), "message": _bounded(e.message, MAX_MESSAGE)}
            for e in islice(errors, MAX_ERRORS)
        ]


def problem_response(error: Exception, context: dict[str, Any]) -> Response | None:
    """Return the response to an error, or None if DRF does not handle it: an exception handler."""
    known = _api_error(error)
    response = exception_handler(known, context)
    if response is None:
        return None
    detail = getattr(known, "detail", None) or HTTPStatus(response.status_code).phrase
    response.data = {
        "type": "about:blank",
        "title": HTTPStatus(response.status_code).phrase,
        "status": response.status_code,
        "detail": _bounded(str(detail), MAX_MESSAGE),
    }
    if isinstance(known, RefusedError):
        response.data["errors"] = known.errors
    response.content_type = PROBLEM
    return response


def _api_error(error: Exception) -> Exception:
    if isinstance(error, InvalidInputError):
        return RefusedError(error.errors)
    if isinstance(error, AccountSourceError):
        return UnavailableError()
    if isinstance(error, exceptions.ValidationError | exceptions.ParseError):
        return RefusedError(flattened(error.detail))
    return error


def _bounded(text: str, limit: int) -> str:
    """Return the start of a text, without the unpaired surrogates that UTF-8 cannot hold."""
    return shortened(text, limit).encode(errors="backslashreplace").decode()


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
