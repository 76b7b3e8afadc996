"""Secrets, such as the API key: never shown, and redacted from answers and logs."""

import hashlib
import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from html.entities import html5

from django_liveactivity.exceptions import InvalidInputError

PRINTABLE = re.compile(r"[!-~]+")
"""ASCII without whitespace, for ``fullmatch``."""

_SHORTEST_TO_REDACT = 8
_BACKSLASHES = rb"(?:\\(?:u005[cC])?){1,16}"
"""JSON within JSON doubles each, and JavaScript within HTML writes it as an escape of its own."""
_LONGEST_ESCAPE = 16 * 6 + 11
"""Bytes that one character of an echo can take."""


class Secret:
    """An API key without surrounding whitespace, known only to the header and to redaction.

    Error pages print the locals of every frame, so no local variable holds the plain key. That is
    why the constructor asks for it, and raises nothing; ``check`` does. The credentials of a proxy
    are secrets, too.

    Args:
        read: returns the key; a value that is not text counts as an empty one.
        label: replaces it where it is redacted.
    """

    __slots__ = ("_label", "_pattern", "_value")

    def __init__(self, read: Callable[[], object], label: bytes = b"[API key]") -> None:
        self._label = label
        self._value = str(read()).strip() if isinstance(read(), str) else ""
        self._pattern: re.Pattern[bytes] | None = None

    def check(self) -> None:
        """Raise InvalidInputError at ``api_key`` if this cannot be a key."""
        # A newline inside would let httpx's own error message print the header.
        if not PRINTABLE.fullmatch(self._value):
            message = "give the API key: printable ASCII, not empty, no whitespace inside"
            raise InvalidInputError.at("api_key", message)

    def __repr__(self) -> str:
        return "Secret('**********')"

    def __reduce__(self) -> str:
        raise TypeError("an API key is not pickled, as pickles end up in queues and caches")

    def bearer(self) -> str:
        """Return the value of the Authorization header."""
        return f"Bearer {self._value}"

    def fingerprint(self, salt: str) -> str:
        """Return 16 hexadecimal digits that tell the key from others, and do not reveal it."""
        # No frame of Python's sees the key here, as one of hmac's would.
        key = hashlib.sha256(salt.encode(errors="replace")).digest()
        return hashlib.blake2b(self._value.encode(), digest_size=8, key=key).hexdigest()

    def encode(self) -> bytes:
        """Return the plain value, to be sent; never keep it in a variable."""
        return self._value.encode()

    def redact(self, content: bytes, *, cut: bool = False) -> bytes:
        """Return *content* without the key, in case an answer echoes it, in any escape.

        Args:
            content: a part of an answer.
            cut: whether more followed: then the end, which may be a part of the key, is hidden too.
        """
        # A shorter key is not a real one, and blotting out its every letter would garble answers.
        if len(self._value) < _SHORTEST_TO_REDACT:
            return content
        if self._pattern is None:
            self._pattern = re.compile(b"".join(map(_escaped, self._value.encode())))
        # UTF-16 puts a NUL between the letters, and UTF-32 three.
        if b"\0" in content and self._pattern.search(content.replace(b"\0", b"")):
            content = content.replace(b"\0", b"")
        hidden = self._pattern.sub(self._label, content)
        tail = _LONGEST_ESCAPE * len(self._value) if cut else 0
        return hidden[: max(0, len(hidden) - tail)] + b"*" * tail


class Redaction:
    """Redacts several secrets from answers and logs.

    Args:
        *secrets: each with its own label.
    """

    __slots__ = ("_secrets",)

    def __init__(self, *secrets: Secret) -> None:
        self._secrets = secrets

    def redact(self, content: bytes, *, cut: bool = False) -> bytes:
        """Return *content* without the secrets; the arguments are those of ``Secret.redact``."""
        for secret in self._secrets:
            content = secret.redact(content, cut=cut)
        return content

    def redact_text(self, text: str) -> str:
        """Return *text* without the secrets."""
        return self.redact(text.encode(errors="surrogatepass")).decode(errors="surrogatepass")

    @contextmanager
    def kept_out_of_logs(self) -> Iterator[None]:
        """Redact what httpx and httpcore log in this thread: headers as they came, at DEBUG."""
        token = _in_use.set(self)
        try:
            yield
        finally:
            _in_use.reset(token)


def _escaped(character: int) -> bytes:
    """Return a pattern for one character of a key as JSON, HTML, URLs and source code write it."""
    digits, plain = b"(?i:%02x)" % character, re.escape(bytes([character]))
    forms = [
        _BACKSLASHES
        + rb"(?:(?:u00|x|U000000|u\{0{0,6})%b\}?|%03o|%b)" % (digits, character, plain),
        plain,
        rb"%%(?:25){0,3}(?:u00)?%b" % digits,
        rb"&#(?:0{0,4}%d|[xX]0{0,4}%b);?" % (character, digits),
        *(b"&%b" % name.encode() for name, meant in html5.items() if meant == chr(character)),
    ]
    return b"(?:%b)" % b"|".join(forms)


_in_use: ContextVar[Redaction | None] = ContextVar("redaction", default=None)


def _redact_record(record: logging.LogRecord) -> bool:
    """Redact the secrets of the current call from a log record, and keep the record."""
    if redaction := _in_use.get():
        record.msg, record.args = redaction.redact_text(record.getMessage()), ()
    return True


for _name in ("httpx", *(f"httpcore.{part}" for part in ("connection", "http11", "proxy"))):
    logging.getLogger(_name).addFilter(_redact_record)  # noqa: TID251 - the libraries'
