"""The proxy of an account: where it is, and its credentials, which no surface shows."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import SplitResult, unquote, urlsplit

from django_liveactivity.exceptions import InvalidInputError

from .secret import Secret

DEFAULT_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}
"""The kinds of proxies, by the scheme of their URLs."""

_PRINTABLE = re.compile(r"[!-~]+")
_HOST = re.compile(r"[a-z0-9_.:-]+")
_LABEL = b"[proxy credentials]"
_LONGEST = 255
"""Bytes of a user and of a password (RFC 1929)."""
_WANTED = "give a URL such as http://proxy.example.com:3128"


class Proxy:
    """A proxy that passes the calls of an account on, in a tunnel that it cannot read.

    Error pages print the locals of every frame, so no local variable holds the URL. That is why
    the constructor asks for it, and raises nothing; ``check`` does.

    Args:
        read: returns the URL: ``scheme://host:port``; a user and password in it are
            percent-encoded.
        read_auth: returns ``(user, password)`` in plain text; None if the URL tells them, or there
            are none.

    Attributes:
        scheme: http, https, socks5 or socks5h.
        host: a name or an address.
        port: of the host.
        user: as a secret, empty if there is none.
        password: as a secret.
        token: both, as HTTP's Basic authentication sends them (RFC 7617).
        has_credentials_in_url: whether Django's error pages show them, with the settings.
    """

    __slots__ = (
        "_problem",
        "has_credentials_in_url",
        "host",
        "password",
        "port",
        "scheme",
        "token",
        "user",
    )

    def __init__(
        self, read: Callable[[], Any], read_auth: Callable[[], Any] = lambda: None
    ) -> None:
        self.scheme, self.host, self.port = "", "", 0
        self.user = self.password = self.token = Secret(lambda: "", _LABEL)
        self.has_credentials_in_url = False
        self._problem = "proxy", _WANTED
        if isinstance(read(), str) and _PRINTABLE.fullmatch(read().strip()):
            with suppress(ValueError):  # urllib's, which quotes the URL
                self._read(lambda: urlsplit(read().strip()), read_auth)

    def __repr__(self) -> str:
        parts = [getattr(self, name, "") for name in ("scheme", "host", "port")]  # none in __init__
        return "Proxy('{}://{}:{}')".format(*parts)

    def __reduce__(self) -> str:
        raise TypeError("a proxy is not pickled, as pickles end up in queues and caches")

    def check(self) -> None:
        """Raise InvalidInputError at ``proxy`` or ``proxy_auth``, without what was given."""
        field, message = self._problem
        if message:
            raise InvalidInputError.at(field, message)

    @property
    def has_credentials(self) -> bool:
        """Whether the proxy is told a user and a password."""
        return self.token.encode() != b""

    @property
    def secrets(self) -> tuple[Secret, ...]:
        """What is redacted from answers and logs."""
        return (self.token, self.password, self.user)

    def _read(self, parts: Callable[[], SplitResult], auth: Callable[[], Any]) -> None:
        self.port = parts().port or DEFAULT_PORTS.get(parts().scheme, 0)
        self.scheme, self.host = parts().scheme, parts().hostname or ""
        self.has_credentials_in_url = "@" in parts().netloc
        self._problem = _problem(parts, auth, self)
        if self._problem[1] or not (self.has_credentials_in_url or auth()):
            return
        if self.has_credentials_in_url:
            self.user = Secret(lambda: unquote(parts().username or ""), _LABEL)
            self.password = Secret(lambda: unquote(parts().password or ""), _LABEL)
        else:
            self.user = Secret(lambda: auth()[0], _LABEL)
            self.password = Secret(lambda: auth()[1], _LABEL)
        self.token = Secret(lambda: _basic(self.user, self.password), _LABEL)
        if b":" in self.user.encode() or not self._fits():
            self._problem = (
                "proxy" if self.has_credentials_in_url else "proxy_auth",
                f"a user without a colon, and a password; each of at most {_LONGEST} bytes",
            )

    def _fits(self) -> bool:
        return max(len(self.user.encode()), len(self.password.encode())) <= _LONGEST


def _basic(user: Secret, password: Secret) -> str:
    return base64.b64encode(user.encode() + b":" + password.encode()).decode()


def _problem(
    parts: Callable[[], SplitResult], auth: Callable[[], Any], proxy: Proxy
) -> tuple[str, str]:
    """Return the field and what is wrong with it; an empty text if nothing is."""
    if proxy.scheme not in DEFAULT_PORTS or not _HOST.fullmatch(proxy.host):
        return "proxy", "must start with http://, https:// or socks5:// and a host"
    if parts().path.strip("/") or parts().query or parts().fragment:
        return "proxy", "must not contain a path, a query or a fragment"
    if not auth():
        return "proxy_auth", ""
    if proxy.has_credentials_in_url:
        return "proxy_auth", "the URL in proxy has a user already: take it out there"
    is_pair = isinstance(auth(), tuple | list) and [*map(type, auth())] == [str, str]
    return "proxy_auth", "" if is_pair else "give (user, password), both text"
