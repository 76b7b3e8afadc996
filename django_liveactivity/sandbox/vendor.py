"""The vendor: takes a request and a time, and returns its answer; no sockets, no clock."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING, Any

from . import manual, streams
from .accounts import FIRST_ACCOUNT, Account, Accounts
from .answers import Answer, RefusedError, ignored, injected, rate_limited, refusal
from .bodies import check_body
from .call import Call
from .phone import Card, Phone
from .routes import Route, find_route
from .rules import TYPES
from .schema import PayloadError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .policy import Policy

_OPERATIONS = {
    "start": manual.start,
    "update": manual.update,
    "end": manual.end,
    "stream": streams.put,
    "end_stream": streams.delete,
}

MALFORMED: Any = object()
"""Stands for a body that is no JSON."""


class Vendor:
    """The state machine behind the API: accounts, streams and the phone.

    Args:
        policy: its limits, and what the contract leaves open.
        seed: makes its activity ids the same in every run.
    """

    def __init__(self, policy: Policy, seed: int | None = None) -> None:
        self.policy = policy
        self._ids = random.Random(seed)
        self.reset()

    def reset(self) -> None:
        """Forget every account, stream and card."""
        self._accounts = Accounts(self.policy)
        self.phone = Phone(self._ids)

    def account_of(self, headers: Mapping[str, str]) -> Account | None:
        """Return the account whose API key these headers carry, ``None`` if there is none."""
        return self._accounts.authenticate(headers.get("authorization", ""))

    def handle(
        self, method: str, path: str, headers: Mapping[str, str], body: object, now: float
    ) -> Answer:
        """Process one request.

        Args:
            method: the HTTP method.
            path: the request's target, from ``/api/`` on.
            headers: with lower-case names; the vendor reads ``authorization``.
            body: the parsed JSON, ``None`` if there was no body, or ``MALFORMED``.
            now: seconds since the epoch.
        """
        try:
            return self._with_headers(self._answer(method, path, headers, body, now))
        except PayloadError as error:
            return refusal(400, error.error, str(error))
        except RefusedError as error:
            return error.answer

    def inject(self, status: int, now: float) -> Answer:
        """Return the answer of a fault that stands for this status; nothing is processed."""
        return self._with_headers(injected(status, now))

    def ignore(self, method: str, path: str, body: object, now: float) -> Answer:
        """Return the answer of a fault that takes a call and does nothing with it."""
        route = find_route(method, path)
        if route is not None and route.stream_key:
            fields: dict[str, Any] = {"operation": "ended"}
            if route.operation == "stream":
                fields = {"operation": "updated", "remote_push_sent": False}
            return ignored(now, stream_key=route.stream_key, **fields)
        named = body if isinstance(body, dict) else {}
        return ignored(now, activity_id=str(named.get("activity_id", "")))

    def pause(self, stream_key: str, now: float) -> int:
        """Pause the streams of this key as the user would, and return how many there were."""
        paused = self._accounts.streams(stream_key)
        for stream in paused:
            stream.is_paused = True
            if stream.card.is_alive:
                stream.card.end(now, dismiss_after=0, reason="paused")
        return len(paused)

    def resume(self, stream_key: str) -> int:
        """Let paused streams of this key show again, and return how many there were."""
        resumed = [stream for stream in self._accounts.streams(stream_key) if stream.is_paused]
        for stream in resumed:
            stream.is_paused = False
        return len(resumed)

    def dismiss(self, name: str, now: float) -> int:
        """Swipe the cards of a stream key or an activity id away, and return how many."""
        dismissed = [card for card in self.phone.cards.values() if card.is_alive]
        dismissed = [card for card in dismissed if name in (card.stream_key, card.activity_id)]
        for card in dismissed:
            card.end(now, dismiss_after=0, reason="dismissed")
        return len(dismissed)

    def start_elsewhere(self, activity_id: str, card_type: str, now: float) -> None:
        """Show a card that another program has started; it has no more than a title.

        Raises:
            ValueError: the id is empty or taken, or there is no such type.
        """
        if not activity_id or activity_id in self.phone.cards:
            raise ValueError(f"activity id {activity_id!r} is empty, or a card has it already")
        if card_type not in TYPES:
            raise ValueError(f"type must be one of {', '.join(TYPES)}, not {card_type!r}")
        content = {"title": "Started elsewhere", "type": card_type}
        self.phone.cards[activity_id] = Card(activity_id, FIRST_ACCOUNT, None, content, {}, now)

    def _answer(
        self, method: str, path: str, headers: Mapping[str, str], body: object, now: float
    ) -> Answer:
        self.phone.expire(now)
        route = find_route(method, path)
        if route is None:
            raise RefusedError(404, "Not found", "There is no such endpoint")
        account = self.account_of(headers)
        if account is None:
            raise RefusedError(401, "Unauthorized", "Missing or invalid API key")
        if not account.limiter.admit(now):
            return rate_limited()
        return _OPERATIONS[route.operation](self._call(route, account, body, now))

    def _call(self, route: Route, account: Account, body: object, now: float) -> Call:
        if route.endpoint == "stream":
            streams.check_stream_key(route.stream_key)
        if body is MALFORMED:
            raise PayloadError("the body must be JSON", error="Invalid JSON")
        checked = check_body(route.operation, body)
        return Call(route, account, checked, now, self.phone, self.policy)

    def _with_headers(self, answer: Answer) -> Answer:
        seconds = self.policy.retry_after
        if seconds is not None and answer.status in (429, 503):
            answer.headers["Retry-After"] = str(round(seconds))
        return answer
