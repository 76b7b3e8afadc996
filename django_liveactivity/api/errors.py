"""Every refusal of a body, as ``{"errors": [{"path": "content.title", "message": "…"}]}``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from rest_framework import status
from rest_framework.exceptions import APIException, ParseError, ValidationError
from rest_framework.settings import api_settings

from django_liveactivity.exceptions import FieldError, InvalidInputError


class RefusedError(APIException):
    """The body cannot be done; answered with 400.

    Args:
        errors: what is wrong; an empty path means the body as a whole.
    """

    status_code = status.HTTP_400_BAD_REQUEST

    def __init__(self, errors: Iterable[FieldError]) -> None:
        told = [{"path": _encodable(e.path), "message": _encodable(e.message)} for e in errors]
        super().__init__({"errors": told})


def _encodable(text: str) -> str:
    """Return text without the unpaired surrogates that JSON may name and UTF-8 cannot hold."""
    return text.encode(errors="backslashreplace").decode()


def refusal(error: Exception) -> Exception:
    """Return the error to answer with: ours for everything that is wrong with the body."""
    if isinstance(error, InvalidInputError):
        return RefusedError(error.errors)
    if isinstance(error, ValidationError):
        return RefusedError(flattened(error.detail))
    if isinstance(error, ParseError):
        return RefusedError([FieldError("", str(error.detail))])
    return error


def flattened(detail: Any, path: str = "") -> Iterator[FieldError]:
    """Yield DRF's nested error details one by one, each with its dotted path."""
    if isinstance(detail, dict):
        for key, inner in detail.items():
            own = key != api_settings.NON_FIELD_ERRORS_KEY
            yield from flattened(inner, f"{path}.{key}".lstrip(".") if own else path)
    elif isinstance(detail, list):
        for inner in detail:
            yield from flattened(inner, path)
    else:
        yield FieldError(path, str(detail))
