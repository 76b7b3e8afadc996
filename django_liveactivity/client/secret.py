"""The API key, held so that no repr, traceback or log shows it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import httpx

from django_liveactivity.exceptions import InvalidInputError

if TYPE_CHECKING:
    from collections.abc import Generator

_PRINTABLE = re.compile(r"[!-~]+")
_HIDDEN = "[API key]"
_SHORTEST_TO_REDACT = 8


class Secret:
    """An API key without surrounding whitespace, known only to the header and to redaction.

    Error pages print the locals of every frame, so no local variable holds the bare key while
    something can be raised. That is why the constructor raises nothing, and ``check`` does.
    """

    __slots__ = ("_value",)

    def __init__(self, value: object) -> None:
        self._value = value.strip() if isinstance(value, str) else ""

    def check(self) -> None:
        """Raise InvalidInputError at ``api_key`` if this cannot be a key."""
        # A newline inside would let httpx's own error message print the header.
        if not _PRINTABLE.fullmatch(self._value):
            message = "give the API key: printable ASCII, not empty, no whitespace inside"
            raise InvalidInputError.at("api_key", message)

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled, as pickles end up in queues and caches")

    def bearer(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def redact(self, content: bytes) -> bytes:
        """Return *content* without the key, should an answer echo it."""
        # A shorter key is not a real one, and blotting out its every letter would garble answers.
        if len(self._value) < _SHORTEST_TO_REDACT:
            return content
        return content.replace(self._value.encode(), _HIDDEN.encode())


class BearerAuth(httpx.Auth):
    """Sets the Authorization header as late as possible."""

    def __init__(self, secret: Secret) -> None:
        self._secret = secret

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign *request*."""
        request.headers["Authorization"] = self._secret.bearer()
        yield request
