"""What an account may do: its rate limit, its 4 cards at once, its channels and its billing."""

from collections import deque
from collections.abc import Collection
from dataclasses import dataclass
from typing import TypedDict

from .contract import JsonObject, RefusedCallError, requested_channels
from .phone import Phone, Stream, timestamp

BILLING_ERRORS = ("trial_expired", "trial_exhausted", "billing_overage_cap_reached")
DELIVERIES = ("all", "queued", "partial", "forced")

EMPTY_CHANNEL = "empty"
FORBIDDEN_CHANNEL = "forbidden"
FIRST_ACCOUNT = 1
_DAY = 24 * 60 * 60


class FixedWindow:
    """At most ``calls`` in a window of ``seconds`` that begins with its first call."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._began = float("-inf")
        self._used = 0

    def admits(self, now: float) -> bool:
        """Count a call at ``now`` (seconds) and tell whether it is within the limit."""
        if now - self._began >= self._seconds:
            self._began, self._used = now, 0
        self._used += 1
        return self._used <= self._calls


class SlidingWindow:
    """At most ``calls`` within any ``seconds``; a refused call is not counted."""

    def __init__(self, calls: int, seconds: float) -> None:
        self._calls, self._seconds = calls, seconds
        self._admitted: deque[float] = deque()

    def admits(self, now: float) -> bool:
        """Count a call at ``now`` (seconds) and tell whether it is within the limit."""
        while self._admitted and now - self._admitted[0] >= self._seconds:
            self._admitted.popleft()
        if len(self._admitted) >= self._calls:
            return False
        self._admitted.append(now)
        return True


WINDOWS: dict[str, type[FixedWindow | SlidingWindow]] = {
    "fixed": FixedWindow,
    "sliding": SlidingWindow,
}


class PolicyOptions(TypedDict, total=False):
    """The fields of ``Policy``, for callers that pass some of them by keyword."""

    api_keys: Collection[str] | None
    rate_limit: tuple[int, float]
    window: str
    concurrent: int
    evict: bool
    channels: Collection[str] | None
    billing: str
    delivery: str
    unknown_activity: int
    no_recipients: int
    retry_after: float | None


@dataclass
class Policy:
    """The vendor's limits, and its choices where the contract leaves an answer open.

    Every field may be changed while the sandbox runs.

    Args:
        api_keys: the keys that exist, each an account of its own; ``None``: every key does.
        rate_limit: calls, and the seconds in which an account may make them. It is read when
            an account makes its first call, and again after a reset.
        window: the shape of that window, which the contract leaves open: ``fixed`` or ``sliding``.
        concurrent: activities that an account may have at once.
        evict: one more start ends the oldest activity; otherwise it is answered 429.
        channels: the channels that have devices; ``None``: all have but the one named ``empty``.
            A channel named ``forbidden`` is always outside the key's scope.
        billing: the ``error`` with which starts and PUTs are answered 402; empty: none are.
        delivery: how ends reach the devices: ``all`` of them, one only later (``queued``), one
            not at all (``partial``), or none that confirmed it (``forced``).
        unknown_activity: status (403 or 404) for an ``activity_id`` that does not exist, which
            the contract leaves open.
        no_recipients: status when no device matches the channels: 422 as in the newer description,
            or 404.
        retry_after: seconds that 429 and 503 answers ask to wait; the contract names none.

    Raises:
        ValueError: a field has a value that it cannot have.
    """

    api_keys: Collection[str] | None = None
    rate_limit: tuple[int, float] = (60, 60.0)
    window: str = "fixed"
    concurrent: int = 4
    evict: bool = False
    channels: Collection[str] | None = None
    billing: str = ""
    delivery: str = "all"
    unknown_activity: int = 404
    no_recipients: int = 422
    retry_after: float | None = None

    def __post_init__(self) -> None:
        calls, seconds = self.rate_limit
        if calls < 1 or seconds <= 0:
            raise ValueError("rate_limit must allow at least 1 call in more than 0 seconds")
        if self.concurrent < 1:
            raise ValueError("concurrent must be at least 1")
        _check_choice("window", self.window, tuple(WINDOWS))
        _check_choice("billing", self.billing, ("", *BILLING_ERRORS))
        _check_choice("delivery", self.delivery, DELIVERIES)
        _check_choice("unknown_activity", self.unknown_activity, (403, 404))
        _check_choice("no_recipients", self.no_recipients, (404, 422))

    def accepts(self, api_key: str) -> bool:
        """Whether this API key exists."""
        return bool(api_key) and (self.api_keys is None or api_key in self.api_keys)

    def has_devices(self, channel: str) -> bool:
        """Whether this channel has devices."""
        return channel != EMPTY_CHANNEL if self.channels is None else channel in self.channels


class VendorAccount:
    """The account of one API key, which is never shown: the account has a number instead.

    Args:
        number: counted from 1, in the order of the accounts' first calls.
        policy: what the account may do.
        phone: holds the cards of every account.
    """

    def __init__(self, number: int, policy: Policy, phone: Phone) -> None:
        self.number, self.policy, self.phone = number, policy, phone
        self.streams: dict[str, Stream] = {}
        self.rate_limit = WINDOWS[policy.window](*policy.rate_limit)

    def check_may_show(self, body: JsonObject, now: float) -> None:
        """Check that this account may show cards, on the channels that the body asks for."""
        if self.policy.billing:
            raise billing_blocked(self.policy.billing, now)
        channels = requested_channels(body)
        if channels is None:
            return
        if FORBIDDEN_CHANNEL in channels:
            raise RefusedCallError(
                403,
                "Invalid channel targeting",
                "This API key can only target assigned channels. "
                "Requested channels include channels outside this key scope.",
            )
        if not any(map(self.policy.has_devices, channels)):
            raise no_recipients(self.policy.no_recipients, channels)

    def make_room(self, now: float) -> str | None:
        """Make room for one more card; return the id of the card that was ended for it, if any."""
        alive = [card for card in self.phone.alive() if card.account == self.number]
        limit = self.policy.concurrent
        if len(alive) < limit:
            return None
        if self.policy.evict:
            alive[0].end(now, "evicted")
            return alive[0].activity_id
        raise RefusedCallError(
            429,
            "Live Activity limit reached",
            f"Only {limit} concurrent Live Activities are allowed per account",
            limit=limit,
            active=len(alive),
        )


def rate_limited() -> RefusedCallError:
    """Return the 429 for an account that has used up its calls."""
    message = "Too many requests, please try again later."
    return RefusedCallError(429, "Rate limit exceeded", message, code="rate_limited")


def billing_blocked(error: str, now: float) -> RefusedCallError:
    """Return the 402 for an account whose trial is over or whose cap is reached."""
    return RefusedCallError(
        402,
        error,
        "This account cannot start or update Live Activities until it is upgraded.",
        upgrade_url="https://activitysmith.com/upgrade",
        trial_period={"started_at": timestamp(now - 15 * _DAY), "ends_at": timestamp(now - _DAY)},
    )


def no_recipients(status: int, channels: list[str]) -> RefusedCallError:
    """Return the refusal of channels that have no device."""
    message = "No Live Activity devices matched the effective channel target"
    return RefusedCallError(
        status, "No recipients found", message, effective_channel_slugs=channels
    )


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")
