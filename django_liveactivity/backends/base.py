"""The base class of backends: the options that every account has, and ``send``."""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, ClassVar, TypeVar

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from django_liveactivity.client import Answer, Call, Outcome
from django_liveactivity.conf import Account, refuse_unknown
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.parsing import (
    LONGEST_DURATION,
    check_dismiss_after,
    parse_options,
)
from django_liveactivity.exceptions import InvalidInputError

T = TypeVar("T")

LONGEST_WINDOW = 86_400.0
"""Seconds: no vendor counts longer."""


class MissingKeyError(ImproperlyConfigured):
    """An account has no API key."""


def acknowledge(call: Call) -> Answer:
    """Return a vendor's answer that accepts the call, for backends that send nothing."""
    body: JSONObject = {"success": True}
    if call.endpoint in (Endpoint.STREAM, Endpoint.END_STREAM):
        body["operation"] = "updated" if call.endpoint == Endpoint.STREAM else "ended"
        body["stream_key"] = call.target
        body["activity_id"] = f"local-{call.target}"
    else:
        body["activity_id"] = call.target
    return Answer(Outcome.DELIVERED, status=200, body=body, text=json.dumps(body))


class BaseBackend:
    """The base of all backends: subclass it, add your options to ``defaults``, write ``send``.

    Args:
        account: the account; an option that ``defaults`` does not name raises
            ImproperlyConfigured with the account's alias.

    Attributes:
        reaches_network: whether calls leave this machine; ``False`` for a backend that sends none.
            In tests, the calls of a backend that says ``True`` are kept in memory.
    """

    reaches_network: bool = True
    defaults: ClassVar[Mapping[str, object]] = {
        "rate_limit": None,
        "dismiss_after": None,
        "channels": None,
        "time_to_live": timedelta(hours=8),
    }

    def __init__(self, account: Account) -> None:
        self.alias = account.alias
        self.timing = account.timing
        self.name = f"{account.name}['OPTIONS']"
        refuse_unknown(self.name, account.options.names, self.defaults)
        self.rate_limit = self._checked(account, "rate_limit", _check_rate_limit)
        self.dismiss_seconds = self._checked(account, "dismiss_after", check_dismiss_after)
        self.channels = self._checked(account, "channels", _check_channels)
        self.time_to_live = self._checked(account, "time_to_live", _check_time_to_live)

    def send(self, call: Call) -> Answer:
        """Make one call and return its answer; never raise for what the network does."""
        raise NotImplementedError

    @property
    def key_fingerprint(self) -> str:
        """Identifies the key in use without revealing it, in up to 16 characters.

        Empty if there is no key. When it changes, an account that was blocked for its key opens
        again.
        """
        return ""

    def close(self) -> None:
        """Release what the backend holds, such as connections; it cannot be used afterward."""

    def check(self) -> list[CheckMessage]:
        """Return the system check messages of this backend's configuration."""
        return []

    def _option(self, account: Account, name: str) -> Any:
        return account.options.get(name, self.defaults[name])

    def _checked(self, account: Account, name: str, check: Callable[[object], T]) -> T | None:
        """Return an option as *check* takes it; None if it is None."""
        value = self._option(account, name)
        try:
            return None if value is None else check(value)
        except InvalidInputError as error:
            what = "; ".join(message for _, message in error.errors).rstrip(".")
            raise ImproperlyConfigured(f"{self.name}: {name}: {what}.") from None


def _check_rate_limit(value: object) -> tuple[int, float]:
    match value:
        case (int(calls), int() | float() as seconds) if (
            type(calls) is int and calls >= 1 and 0 < seconds <= LONGEST_WINDOW
        ):
            return calls, float(seconds)
    raise InvalidInputError.at("rate_limit", "give (calls, seconds), both positive, or None")


def _check_channels(value: object) -> list[str]:
    return list(parse_options({"channels": value}).channels or ())


def _check_time_to_live(value: object) -> timedelta:
    if isinstance(value, timedelta) and timedelta(0) < value <= LONGEST_DURATION:
        return value
    what = f"give a positive timedelta of at most {LONGEST_DURATION.days} days, or None"
    raise InvalidInputError.at("time_to_live", f"{what} to turn it off")
