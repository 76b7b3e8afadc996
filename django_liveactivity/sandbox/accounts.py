"""The vendor's accounts: an API key, its rate limit and its streams."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from .limits import WINDOWS, Limiter

if TYPE_CHECKING:
    from .phone import Card
    from .policy import Policy

FIRST_ACCOUNT = 1


@dataclass
class Stream:
    """A managed stream and its newest card, until a DELETE closes it."""

    card: Card
    is_open: bool = True
    is_paused: bool = False


@dataclass
class Account:
    """What belongs to one API key; its number stands for it wherever it is shown."""

    number: int
    limiter: Limiter
    streams: dict[str, Stream] = field(default_factory=dict)


class Accounts:
    """Every account that has made a call, by its API key."""

    def __init__(self, policy: Policy) -> None:
        self._policy = policy
        self._by_key: dict[str, Account] = {}

    def authenticate(self, authorization: str) -> Account | None:
        """Return the account of an Authorization header, ``None`` if its key does not exist."""
        scheme, _, api_key = authorization.partition(" ")
        api_key = api_key.strip()
        if scheme.lower() != "bearer" or not self._policy.accepts(api_key):
            return None
        if api_key not in self._by_key:
            limiter = WINDOWS[self._policy.window](*self._policy.rate_limit)
            self._by_key[api_key] = Account(FIRST_ACCOUNT + len(self._by_key), limiter)
        return self._by_key[api_key]

    def streams(self, stream_key: str) -> list[Stream]:
        """Return the streams of this key, in whichever account."""
        found = (account.streams.get(stream_key) for account in self._by_key.values())
        return [stream for stream in found if stream is not None]
