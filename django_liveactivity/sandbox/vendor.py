"""The vendor: takes a request and a time, and returns its reply; no sockets, no clock."""

from __future__ import annotations

import random
from collections.abc import Mapping

from . import manual, streams
from .calls import MALFORMED, ApiRequest, ReceivedCall, Reply, find_route, refused
from .contract import PayloadError, RefusedCallError, check_body
from .limits import FIRST_ACCOUNT, Policy, VendorAccount, rate_limited
from .phone import Phone, Stream

_OPERATIONS = {
    "start": manual.start,
    "update": manual.update,
    "end": manual.end,
    "stream": streams.put,
    "end_stream": streams.delete,
}


class Vendor:
    """The state machine behind the API: accounts, streams and the phone.

    Args:
        policy: its limits, and its choices where the contract leaves an answer open.
        seed: makes its activity ids the same in every run.
    """

    def __init__(self, policy: Policy, seed: int | None = None) -> None:
        self.policy = policy
        self._ids = random.Random(seed)
        self.reset()

    def reset(self) -> None:
        """Forget every account, stream and card."""
        self._accounts: dict[str, VendorAccount] = {}
        self.phone = Phone(self._ids)

    def authenticate(self, headers: Mapping[str, str]) -> VendorAccount | None:
        """Return the account whose API key these headers carry, ``None`` if there is none."""
        scheme, _, api_key = headers.get("authorization", "").partition(" ")
        api_key = api_key.strip()
        if scheme.lower() != "bearer" or not self.policy.accepts(api_key):
            return None
        if api_key not in self._accounts:
            number = FIRST_ACCOUNT + len(self._accounts)
            self._accounts[api_key] = VendorAccount(number, self.policy, self.phone)
        return self._accounts[api_key]

    def streams(self, stream_key: str) -> list[Stream]:
        """Return the streams of this key, in every account."""
        found = (account.streams.get(stream_key) for account in self._accounts.values())
        return [stream for stream in found if stream is not None]

    def handle(self, request: ApiRequest, now: float) -> Reply:
        """Process one request at ``now``, in seconds since the epoch."""
        self.phone.expire(now)
        try:
            return self._process(request, now)
        except RefusedCallError as error:
            return refused(error)

    def ask_to_wait(self, reply: Reply) -> Reply:
        """Add the header ``Retry-After`` to a reply of 429 or 503, if the policy has one."""
        seconds = self.policy.retry_after
        if seconds is not None and reply.status in (429, 503):
            reply.headers["Retry-After"] = str(round(seconds))
        return reply

    def _process(self, request: ApiRequest, now: float) -> Reply:
        route = find_route(request.method, request.path)
        if route is None:
            raise RefusedCallError(404, "Not found", "There is no such endpoint")
        account = self.authenticate(request.headers)
        if account is None:
            raise RefusedCallError(401, "Unauthorized", "Missing or invalid API key")
        if not account.admits(now):
            return self.ask_to_wait(refused(rate_limited()))
        if route.endpoint == "stream":
            streams.check_stream_key(route.stream_key)
        if request.body is MALFORMED:
            raise PayloadError("the body must be JSON", error="Invalid JSON")
        body = check_body(route.operation, request.body)
        return _OPERATIONS[route.operation](ReceivedCall(account, route.stream_key, body, now))
