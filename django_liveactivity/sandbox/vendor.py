"""The vendor: takes a request and a time, and returns its reply; no sockets, no clock.

The managed lifecycle: PUT shows the latest state of a stream, DELETE ends it. The manual one: POST
start, update and end, by ``activity_id``.
"""

import random
import re
from collections.abc import Mapping
from dataclasses import dataclass

from . import calls, contract
from .calls import ApiRequest, Reply
from .contract import JsonObject, PayloadError, RefusedCallError
from .limits import FIRST_ACCOUNT, Policy, VendorAccount, rate_limited
from .phone import Phone, PhoneCard, Stream, next_display

_STREAM_KEY = re.compile(r"[A-Za-z0-9_-]{1,255}")
_BUSY_UPDATES = 12
_BUSY_SECONDS = 120.0
_BUSY = (
    f"More than {_BUSY_UPDATES} updates, and more than one every 2 minutes: "
    "iOS may throttle Live Activities that update this often."
)


@dataclass(frozen=True)
class ReceivedCall:
    """A call that is past authorization and rate limit, and whose body has been checked.

    Args:
        account: that makes it.
        stream_key: of a PUT or a DELETE, otherwise empty.
        body: as the contract allows it; empty if there was none.
        now: seconds since the epoch.
    """

    account: VendorAccount
    stream_key: str
    body: JsonObject
    now: float

    def show_new_card(
        self, stream_key: str | None, previous: PhoneCard | None = None
    ) -> tuple[PhoneCard, JsonObject]:
        """Put a card on the phone, in place of the previous one; return it and reply fields."""
        evicted = self.account.make_room(self.now)
        display = next_display(previous, self.body)
        card = self.account.phone.show(self.account.number, stream_key, display, self.now)
        if previous is not None and previous.type == card.type:
            card.timer = previous.timer
        card.wind(self.body, self.now)
        fields = {
            "activity_id": card.activity_id,
            "devices_notified": calls.DEVICES,
            "users_notified": 1,
        }
        # The contract names it for start only; without it a PUT could not tell which card it ended.
        return card, fields | ({"ended_activity_id": evicted} if evicted else {})


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

    def paused(self) -> list[Stream]:
        """Return the streams that their user has paused, in every account."""
        accounts = self._accounts.values()
        return [each for account in accounts for each in account.streams.values() if each.is_paused]

    def handle(self, request: ApiRequest, now: float) -> Reply:
        """Process one request at ``now``, in seconds since the epoch."""
        self.phone.expire(now)
        try:
            return self._process(request, now)
        except RefusedCallError as error:
            return calls.refused(error)

    def ask_to_wait(self, reply: Reply) -> Reply:
        """Add the header ``Retry-After`` to a reply of 429 or 503, if the policy has one."""
        seconds = self.policy.retry_after
        if seconds is not None and reply.status in (429, 503):
            reply.headers["Retry-After"] = str(round(seconds))
        return reply

    def _process(self, request: ApiRequest, now: float) -> Reply:
        route = request.route
        if route is None:
            raise RefusedCallError(404, "Not found", "There is no such endpoint")
        account = self.authenticate(request.headers)
        if account is None:
            raise RefusedCallError(401, "Unauthorized", "Missing or invalid API key")
        if not account.rate_limit.admits(now):
            return self.ask_to_wait(calls.refused(rate_limited()))
        if route.endpoint == "stream":
            _check_stream_key(route.stream_key)
        if request.body is calls.MALFORMED:
            raise PayloadError("the body must be JSON", error="Invalid JSON")
        body = contract.check_body(route.operation, request.body)
        return _OPERATIONS[route.operation](ReceivedCall(account, route.stream_key, body, now))


def _check_stream_key(stream_key: str) -> None:
    """Check that a stream may have this key.

    Raises:
        PayloadError: the key is not of the vendor's pattern.
    """
    if not _STREAM_KEY.fullmatch(stream_key):
        raise PayloadError(
            "stream_key must contain only letters, numbers, underscores, and hyphens"
            if len(stream_key) <= 255
            else "stream_key must have at most 255 characters",
            error="Invalid stream_key",
        )


def _put(call: ReceivedCall) -> Reply:
    """Show the latest state of a stream: start, update or rotate its card."""
    stream = call.account.streams.get(call.stream_key)
    card = stream.card if stream is not None and stream.is_open else None
    card_type = call.body["content_state"].get("type")
    if card is None and card_type is None:
        raise PayloadError("content_state.type is required to start a stream")
    contract.check_shown(call.body, "" if card is None else card.type)
    call.account.check_may_show(call.body, call.now)
    if stream is not None and stream.is_paused:
        return _reconciled(call, "paused", activity_id=None)
    if card is None or not card.is_alive or card_type not in (None, card.type):
        return _show_new(call, card)
    return _show_change(call, card)


def _delete(call: ReceivedCall) -> Reply:
    """End a stream and its card."""
    stream = call.account.streams.get(call.stream_key)
    if stream is None:
        raise RefusedCallError(
            404,
            "Live Activity stream not found",
            f"No Live Activity stream found for stream_key: {call.stream_key}",
        )
    if "content_state" in call.body:
        contract.check_final(call.body, stream.card.type)
    stream.is_open = stream.is_paused = False
    if not stream.card.is_alive:
        return _reconciled(call, "ended", activity_id=None)
    stream.card.end_by_call(call.body, call.now, minutes=2)
    report = calls.delivery_report(call.account.policy.delivery)
    return _reconciled(call, "ended", activity_id=stream.card.activity_id, **report)


def _show_new(call: ReceivedCall, previous: PhoneCard | None) -> Reply:
    """Start a card, in place of the previous one if the stream is going on."""
    if previous is not None and previous.is_alive:
        previous.end(call.now, "rotated")
    card, fields = call.show_new_card(call.stream_key, previous)
    call.account.streams[call.stream_key] = Stream(card)
    fields["remote_push_sent"] = True
    if previous is None:
        return _reconciled(call, "started", **fields)
    return _reconciled(call, "rotated", **fields, previous_activity_id=previous.activity_id)


def _show_change(call: ReceivedCall, card: PhoneCard) -> Reply:
    display = next_display(card, call.body)
    if display == card.display:
        return _reconciled(call, "noop", activity_id=card.activity_id)
    card.display = display
    card.wind(call.body, call.now)
    card.updates += 1
    report = calls.delivery_report("all") | {"remote_push_sent": True}
    if _is_busy(card, call.now):
        report["warning"] = _BUSY
    return _reconciled(call, "updated", activity_id=card.activity_id, **report)


def _is_busy(card: PhoneCard, now: float) -> bool:
    seconds_each = (now - card.started_at) / card.updates
    return card.updates > _BUSY_UPDATES and seconds_each < _BUSY_SECONDS


def _reconciled(call: ReceivedCall, operation: str, **fields: object) -> Reply:
    reply = calls.accepted(
        call.now,
        operation=operation,
        stream_key=call.stream_key,
        effective_channel_slugs=contract.requested_channels(call.body),
    )
    reply.body.update(fields)  # after accepted(): an activity_id of null is part of the reply
    return reply


def _start(call: ReceivedCall) -> Reply:
    """Put a new card on the phone."""
    contract.check_shown(call.body)
    call.account.check_may_show(call.body, call.now)
    card, fields = call.show_new_card(None)
    channels = card.display.envelope["channels"]
    return calls.accepted(call.now, **fields, effective_channel_slugs=channels)


def _update(call: ReceivedCall) -> Reply:
    """Change what a card shows."""
    card = _find_card(call, "update")
    contract.check_shown(call.body, card.type)
    if not card.is_alive:
        return _show_again(call, card)
    card.display = next_display(card, call.body)
    card.wind(call.body, call.now)
    card.updates += 1
    return calls.accepted(call.now, activity_id=card.activity_id, **calls.delivery_report("all"))


def _show_again(call: ReceivedCall, previous: PhoneCard) -> Reply:
    """Start a new card for a managed stream whose card is gone: its id rotates by an update too."""
    stream = call.account.streams.get(previous.stream_key or "")
    if stream is None or stream.card is not previous or not stream.is_open or stream.is_paused:
        raise _not_found(call, "This Live Activity has already ended")
    stream.card, fields = call.show_new_card(previous.stream_key, previous)
    return calls.accepted(
        call.now,
        **fields,
        operation="rotated",
        stream_key=previous.stream_key,
        previous_activity_id=previous.activity_id,
    )


def _end(call: ReceivedCall) -> Reply:
    """End a card; ending it once more is accepted, and has no effect."""
    card = _find_card(call, "end")
    contract.check_final(call.body, card.type)
    if not card.is_alive:
        return calls.accepted(
            call.now,
            activity_id=card.activity_id,
            ignored=True,
            message="Live Activity has already ended",
            end_reason=card.end_reason,
        )
    card.end_by_call(call.body, call.now, minutes=3)
    report = calls.delivery_report(call.account.policy.delivery)
    return calls.accepted(call.now, activity_id=card.activity_id, **report)


def _find_card(call: ReceivedCall, operation: str) -> PhoneCard:
    card = call.account.phone.cards.get(call.body["activity_id"])
    if card is None:
        raise _not_found(call, "No Live Activity found for this activity_id")
    if card.account != call.account.number:
        message = f"This API key cannot {operation} this Live Activity"
        raise RefusedCallError(403, "Forbidden", message)
    return card


def _not_found(call: ReceivedCall, message: str) -> RefusedCallError:
    status = call.account.policy.unknown_activity
    error = "Forbidden" if status == 403 else "Live Activity not found"
    return RefusedCallError(status, error, message)


_OPERATIONS = {
    "start": _start,
    "update": _update,
    "end": _end,
    "stream": _put,
    "end_stream": _delete,
}
