"""The base class of backends: the options that every account has, and ``send``."""

from __future__ import annotations

import datetime
import json
from collections.abc import Mapping
from typing import Any, ClassVar

from django.core.checks import CheckMessage
from django.core.exceptions import ImproperlyConfigured

from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.client.call import Call
from django_liveactivity.conf import Account, refuse_unknown
from django_liveactivity.content import Endpoint, JSONObject, check_dismiss_after, parse_options
from django_liveactivity.exceptions import InvalidInputError

LONGEST_WINDOW = 86_400.0
"""Seconds: no vendor counts longer."""
LONGEST_DURATION = datetime.timedelta(days=366)
"""Of a time to live, and until a scheduled end: what is longer is a mistake."""


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
        "time_to_live": datetime.timedelta(hours=8),
    }

    def __init__(self, account: Account) -> None:
        self.alias = account.alias
        self.timing = account.timing
        self.name = f"LIVEACTIVITY[{account.alias!r}]['OPTIONS']"
        refuse_unknown(self.name, account.options.names, self.defaults)
        self.rate_limit = self._rate_limit(self._option(account, "rate_limit"))
        self.dismiss_seconds = self._dismiss_seconds(self._option(account, "dismiss_after"))
        self.channels = self._channels(self._option(account, "channels"))
        self.time_to_live = self._time_to_live(self._option(account, "time_to_live"))

    def send(self, call: Call) -> Answer:
        """Make one call and return its answer; never raise for what the network does."""
        raise NotImplementedError

    def close(self) -> None:
        """Give back what the backend holds, such as connections; it can be used no more."""

    def check(self) -> list[CheckMessage]:
        """Return the system check messages of this backend's configuration."""
        return []

    def _option(self, account: Account, name: str) -> Any:
        return account.options.get(name, self.defaults[name])

    def _rate_limit(self, value: object) -> tuple[int, float] | None:
        match value:
            case None:
                return None
            case (int(calls), int() | float() as seconds) if (
                type(calls) is int and calls >= 1 and 0 < seconds <= LONGEST_WINDOW
            ):
                return calls, float(seconds)
        raise self._wrong("rate_limit", "give (calls, seconds), both positive, or None")

    def _dismiss_seconds(self, value: object) -> int | None:
        try:
            return None if value is None else check_dismiss_after(value)
        except InvalidInputError as error:
            raise self._wrong("dismiss_after", _without_path(error)) from None

    def _channels(self, value: object) -> list[str] | None:
        try:
            given = None if value is None else parse_options({"channels": value}).channels
            return None if given is None else list(given)
        except InvalidInputError as error:
            raise self._wrong("channels", _without_path(error)) from None

    def _time_to_live(self, value: object) -> datetime.timedelta | None:
        if value is None:
            return None
        if (
            isinstance(value, datetime.timedelta)
            and datetime.timedelta(0) < value <= LONGEST_DURATION
        ):
            return value
        what = f"give a positive timedelta of at most {LONGEST_DURATION.days} days, or None"
        raise self._wrong("time_to_live", f"{what} to turn it off")

    def _wrong(self, option: str, what: str) -> ImproperlyConfigured:
        return ImproperlyConfigured(f"{self.name}: {option}: {what}.")


def _without_path(error: InvalidInputError) -> str:
    return "; ".join(message for _, message in error.errors).rstrip(".")
