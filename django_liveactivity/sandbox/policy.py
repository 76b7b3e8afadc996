"""What can be chosen about the vendor: limits, and answers that the contract leaves open."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypedDict

from .limits import WINDOWS

if TYPE_CHECKING:
    from collections.abc import Collection

BILLING_ERRORS = ("trial_expired", "trial_exhausted", "billing_overage_cap_reached")
DELIVERIES = ("all", "queued", "partial", "forced")

EMPTY_CHANNEL = "empty"
FORBIDDEN_CHANNEL = "forbidden"


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
    """How the vendor behaves; every field may be changed while the sandbox runs.

    Args:
        api_keys: the keys that exist, each an account of its own; ``None``: every key does.
        rate_limit: calls, and the seconds in which an account may make them. It is read when
            an account makes its first call, and again after a reset.
        window: the shape of that window, which the contract leaves open: ``fixed`` or ``sliding``.
        concurrent: activities that an account may have at once.
        evict: a start beyond that ends the oldest activity, where it would be answered 429.
        channels: the channels that have devices; ``None``: all have but the one named ``empty``.
            A channel named ``forbidden`` is always outside the key's scope.
        billing: the ``error`` with which starts and PUTs are answered 402; empty: none are.
        delivery: how ends reach the devices: ``all`` of them, one only later (``queued``), one
            not at all (``partial``), or none that confirmed it (``forced``).
        unknown_activity: status (403 or 404) for an ``activity_id`` that nobody has, which the
            contract leaves open.
        no_recipients: status of that answer: 422 as in the newer description, or 404.
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
        """Whether somebody listens to this channel."""
        if self.channels is None:
            return channel != EMPTY_CHANNEL
        return channel in self.channels


def _check_choice(name: str, value: object, choices: tuple[object, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, choices))}, not {value!r}")
