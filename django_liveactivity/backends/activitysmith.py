"""The backend that calls ActivitySmith's HTTP API."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from django.conf import settings
from django.core.checks import CheckMessage, Warning  # noqa: A004 - Django's name
from django.core.exceptions import ImproperlyConfigured

from django_liveactivity.client import DEFAULT_BASE_URL, Client
from django_liveactivity.client.address import has_path, is_loopback
from django_liveactivity.client.answer import Answer
from django_liveactivity.client.call import Call
from django_liveactivity.client.secret import Secret
from django_liveactivity.conf import Account
from django_liveactivity.exceptions import InvalidInputError

from .base import BaseBackend, MissingKeyError


class ActivitySmithBackend(BaseBackend):
    """Sends each call over HTTPS with the account's API key.

    Options beside those of every backend: ``api_key`` (required), ``base_url``,
    ``connect_timeout`` (seconds). The rate limit is the vendor's by default: 60 calls in 60 s.
    """

    defaults: ClassVar[Mapping[str, object]] = {
        **BaseBackend.defaults,
        "rate_limit": (60, 60),
        "api_key": "",
        "base_url": DEFAULT_BASE_URL,
        "connect_timeout": 5.0,
    }

    def __init__(self, account: Account) -> None:
        super().__init__(account)
        self.base_url = self._option(account, "base_url")
        # Nowhere here is the key in a variable: error reporters print the locals of every frame.
        if not str(self._option(account, "api_key") or "").strip():
            raise MissingKeyError(f"{self.name}: api_key: give the account's API key.")
        problem = ""
        try:
            self.client = Client(
                Secret(lambda: self._option(account, "api_key")),
                base_url=self.base_url,
                connect_timeout=self._option(account, "connect_timeout"),
                deadline=account.timing.call_deadline / 1000,
            )
        except InvalidInputError as error:
            problem = str(error)
        if problem:  # raised out here: the frames of the error above have seen the key
            raise ImproperlyConfigured(f"{self.name}: {problem}.")
        self.reaches_network = not is_loopback(self.base_url)

    @property
    def key_fingerprint(self) -> str:
        """What tells the key from others, and does not reveal it, without the ``SECRET_KEY``."""
        return self.client.key_fingerprint(settings.SECRET_KEY)

    def send(self, call: Call) -> Answer:
        """Make the call."""
        return self.client.send(call)

    def check(self) -> list[CheckMessage]:
        """Return warnings of an address that is not the vendor's API, by the look of it.

        * ``liveactivity.W003``: a loopback ``base_url`` with ``DEBUG=False``.
        * ``liveactivity.W006``: a ``base_url`` without a path.
        """
        messages: list[CheckMessage] = []
        if not settings.DEBUG and is_loopback(self.base_url):
            message = f"{self.name}: base_url leads to this machine, and no card to a phone."
            hint = "Leave base_url out: the vendor's is the default."
            messages.append(Warning(message, hint=hint, id="liveactivity.W003"))
        if not has_path(self.base_url):
            message = f"{self.name}: base_url has no path; the API's is {DEFAULT_BASE_URL}."
            hint = f"Give {self.base_url.rstrip('/')}/api."
            messages.append(Warning(message, hint=hint, id="liveactivity.W006"))
        return messages

    def close(self) -> None:
        """Close the connections."""
        self.client.close()
