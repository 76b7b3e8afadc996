"""The bodies with which the vendor answers, as the contract describes them."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, NamedTuple

Body = dict[str, Any]

DEVICES = 2
DEVICE_ERROR = "device 2: BadDeviceToken"
_DAY = 24 * 60 * 60


class Answer(NamedTuple):
    """What goes back: status, headers of its own, and a body that is sent as JSON."""

    status: int
    headers: dict[str, str]
    body: Any


class RefusedError(Exception):
    """The vendor refuses a call, with this answer."""

    def __init__(self, status: int, error: str, message: str, **extra: Any) -> None:
        self.answer = refusal(status, error, message, **extra)
        super().__init__(message)


def refusal(status: int, error: str, message: str, **extra: Any) -> Answer:
    """Return an answer with the ``error`` and ``message`` that every refusal has."""
    return Answer(status, {}, {"error": error, "message": message, **extra})


def accepted(now: float, **fields: Any) -> Answer:
    """Return a 200 with these fields; those that are ``None`` are left out."""
    present = {name: value for name, value in fields.items() if value is not None}
    return Answer(200, {}, {"success": True, **present, "timestamp": timestamp(now)})


def timestamp(now: float) -> str:
    """Write seconds since the epoch as the vendor does: UTC, milliseconds and a Z."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def rate_limited() -> Answer:
    """Return the 429 for an account that has used up its calls."""
    message = "Too many requests, please try again later."
    return refusal(429, "Rate limit exceeded", message, code="rate_limited")


def billing_blocked(error: str, now: float) -> Answer:
    """Return the 402 for an account whose trial is over or whose cap is reached."""
    return refusal(
        402,
        error,
        "This account cannot start or update Live Activities until it is upgraded.",
        upgrade_url="https://activitysmith.com/upgrade",
        trial_period={
            "started_at": timestamp(now - 15 * _DAY),
            "ends_at": timestamp(now - _DAY),
        },
    )


def no_recipients(status: int, channels: list[str]) -> Answer:
    """Return the answer for channels that reach no device."""
    message = "No Live Activity devices matched the effective channel target"
    return refusal(status, "No recipients found", message, effective_channel_slugs=channels)


def injected(status: int, now: float) -> Answer:
    """Return the answer of a fault, with the contract's body where it has one for the status."""
    if status == 402:
        return billing_blocked("trial_expired", now)
    if status == 404:
        return refusal(404, "Live Activity not found", "Injected by the sandbox's faults")
    if status == 422:
        return no_recipients(status, [])
    if status == 429:
        return rate_limited()
    return refusal(status, _phrase(status), "Injected by the sandbox's faults")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return f"Status {status}"


def ignored(now: float, **fields: Any) -> Answer:
    """Return a 200 for a call that had no effect."""
    message = "Nothing was sent: injected by the sandbox's faults"
    return accepted(now, **fields, ignored=True, message=message)


def reach(delivery: str) -> Body:
    """Return the fields that tell how far an end came, for a ``Policy.delivery``."""
    if delivery == "queued":
        return {"devices_notified": DEVICES - 1, "devices_queued": 1}
    if delivery == "partial":
        return {"devices_notified": DEVICES - 1, "devices_queued": 0, "errors": [DEVICE_ERROR]}
    if delivery == "forced":
        warning = "Marked complete without a confirmed end on the devices"
        sent = {"devices_notified": 0, "devices_queued": 0}
        return {**sent, "forced_completion": True, "warning": warning}
    return {"devices_notified": DEVICES, "devices_queued": 0}
