"""The backend that calls ActivitySmith's HTTP API."""

import os
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, ClassVar, cast

from django.conf import settings
from django.core.checks import CheckMessage, Error, Warning  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured
from django.utils.module_loading import import_string

from django_liveactivity.client import DEFAULT_BASE_URL, Answer, Call, Client, config
from django_liveactivity.client.proxy import Proxy
from django_liveactivity.client.secret import Secret
from django_liveactivity.conf import Account
from django_liveactivity.exceptions import InvalidInputError

from .base import BaseBackend, MissingKeyError

if TYPE_CHECKING:
    from django_liveactivity.client.transport import TransportWrapper


class ActivitySmithBackend(BaseBackend):
    """Sends each call over HTTPS with the account's API key.

    Options beside those of every backend: ``api_key`` (required), ``base_url``,
    ``connect_timeout`` (seconds), ``proxy`` (a URL), ``proxy_auth`` (its user and password),
    ``ca_bundle`` (a path) and ``transport_wrapper`` (a dotted path). The rate limit is the vendor's
    by default: 60 calls in 60 s.
    """

    defaults: ClassVar[Mapping[str, object]] = {
        **BaseBackend.defaults,
        "rate_limit": (60, 60),
        "api_key": "",
        "base_url": DEFAULT_BASE_URL,
        "connect_timeout": 5.0,
        "proxy": None,
        "proxy_auth": None,
        "ca_bundle": "",
        "transport_wrapper": None,
    }

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.base_url = self._option(account, "base_url")
        # Nowhere here is the key in a variable: error reporters print the locals of every frame.
        if not str(self._option(account, "api_key") or "").strip():
            raise MissingKeyError(f"{self.name}: api_key: give the account's API key.")
        self.ca_bundle = self._checked(account, "ca_bundle", _check_path) or ""
        wrapper = self._checked(account, "transport_wrapper", _check_wrapper)
        self.proxy: Proxy | None = None
        if self._option(account, "proxy"):
            self.proxy = Proxy(
                lambda: self._option(account, "proxy"), lambda: self._option(account, "proxy_auth")
            )
        problem = ""
        try:
            self.client = Client(
                Secret(lambda: self._option(account, "api_key")),
                base_url=self.base_url,
                connect_timeout=self._option(account, "connect_timeout"),
                deadline=account.timing.call_deadline / 1000,
                proxy=self.proxy,
                ca_bundle=self.ca_bundle,
                transport_wrapper=wrapper,
            )
        except InvalidInputError as error:
            problem = str(error)
        if problem:  # raised out here: the frames of the error above have seen the key
            raise ImproperlyConfigured(f"{self.name}: {problem}.")
        self.reaches_network = not config.is_loopback(self.base_url)

    @property
    def key_fingerprint(self) -> str:
        """Identifies the key; it does not reveal the key to a reader without the ``SECRET_KEY``."""
        return self.client.key_fingerprint(_project_secret())

    def send(self, call: Call) -> Answer:
        """Make the call."""
        return self.client.send(call)

    def check(self) -> list[CheckMessage]:
        """Return the errors and warnings about the connection to the vendor.

        * ``liveactivity.E017``: the certificate authorities cannot be read.
        * ``liveactivity.W003``: a loopback ``base_url`` with ``DEBUG=False``.
        * ``liveactivity.W006``: a ``base_url`` without a path.
        * ``liveactivity.W011``: the proxy's credentials are in its URL.
        """
        messages: list[CheckMessage] = [*self._check_authorities()]
        if self.proxy is not None and self.proxy.has_credentials_in_url:
            message = f"{self.name}: proxy contains a password; Django's error pages show it."
            hint = "Give proxy_auth=(user, password): Django hides options that are named so."
            messages.append(Warning(message, hint=hint, id="liveactivity.W011"))
        if not settings.DEBUG and config.is_loopback(self.base_url):
            message = f"{self.name}: base_url is on this machine, so no card reaches a phone."
            hint = "Leave base_url out: the vendor's is the default."
            messages.append(Warning(message, hint=hint, id="liveactivity.W003"))
        if not config.has_path(self.base_url):
            message = f"{self.name}: base_url has no path; the API's is {DEFAULT_BASE_URL}."
            hint = f"Give {self.base_url.rstrip('/')}/api."
            messages.append(Warning(message, hint=hint, id="liveactivity.W006"))
        return messages

    def _check_authorities(self) -> Iterator[CheckMessage]:
        if self.base_url.startswith("https:"):
            try:
                config.named_authorities(self.ca_bundle)
            except config.CertificatesError as error:
                hint = "Name a file of certificates in PEM format, or a directory of such files."
                message = f"{self.name}: no call can be made: {error}."
                yield Error(message, hint=hint, id="liveactivity.E017")

    def close(self) -> None:
        """Close the connections."""
        self.client.close()


def _project_secret() -> str:
    """Return the ``SECRET_KEY``; empty in a script's settings without one, which deliver, too."""
    try:
        return str(settings.SECRET_KEY)
    except ImproperlyConfigured:
        return ""


def _check_wrapper(value: object) -> "TransportWrapper":
    if isinstance(value, str):
        try:
            value = import_string(value)
        except ImportError as error:
            raise InvalidInputError.at("transport_wrapper", f"cannot import it: {error}") from None
    if callable(value):
        return cast("TransportWrapper", value)
    problem = "give the dotted path of what takes a transport of httpx's and returns one"
    raise InvalidInputError.at("transport_wrapper", problem)


def _check_path(value: object) -> str:
    if isinstance(value, str | os.PathLike):
        return os.fspath(value)
    raise InvalidInputError.at("ca_bundle", "give the path of a file or a directory")
