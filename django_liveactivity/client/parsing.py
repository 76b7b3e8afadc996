"""From an HTTP answer to its meaning, without I/O and without ever raising."""

from __future__ import annotations

import json
import string
from typing import TYPE_CHECKING, Any

from django_liveactivity.content import Endpoint

from .answer import ACKNOWLEDGED, Answer, Outcome, is_refusal
from .payload import read_object, read_text
from .retry_after import read_retry_after

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS = frozenset({Endpoint.END, Endpoint.END_STREAM})
_TARGETS = frozenset({"stream", "streams", "stream_key", "activity", "activities", "activity_id"})
"""What a 404 of the vendor says it has not found, as words or as fields (NotFoundError)."""


def read_answer(
    endpoint: Endpoint, status: int, headers: Mapping[str, str], content: bytes, duration: float
) -> Answer:
    """Return what an HTTP answer means.

    Args:
        endpoint: the call that was made.
        status: the HTTP status.
        headers: the answer's headers, of any case.
        content: the answer's body; of more than 64 KiB it is not taken for JSON.
        duration: seconds that the call took.

    Unknown fields and values are accepted. Nothing is raised for any input.
    """
    body = read_object(content)
    outcome = _outcome(endpoint, status, body)
    return Answer(
        outcome=outcome,
        status=status,
        body=body,
        text=read_text(content),
        retry_after=read_retry_after(headers),
        duration=duration,
        error=read_text(_error(outcome, status, body or {}).encode()),
    )


def _outcome(endpoint: Endpoint, status: int, body: dict[str, Any] | None) -> Outcome:
    if 200 <= status < 300:
        return _accepted(endpoint, body or {})
    if 300 <= status < 400 or status in {401, 405}:
        return Outcome.UNAUTHORIZED
    if status == 402:
        return Outcome.BILLING_BLOCKED
    if status == 429:
        return Outcome.LIMIT_REACHED if body and "limit" in body else Outcome.RATE_LIMITED
    if 400 <= status < 500 and status != 408:
        return _refused(status, body or {})
    return Outcome.AMBIGUOUS


def _accepted(endpoint: Endpoint, body: dict[str, Any]) -> Outcome:
    if body.get("success") is not True:
        return Outcome.AMBIGUOUS
    if endpoint in _ENDS:
        return _ended(body)
    if endpoint is Endpoint.STREAM and body.get("operation") in ("noop", "paused"):
        return Outcome(body["operation"])
    if body.get("ignored"):
        return Outcome.NOOP
    return Outcome.PARTIAL if body.get("errors") else Outcome.DELIVERED


def _ended(body: dict[str, Any]) -> Outcome:
    if body.get("activity_id", "") is None or body.get("ignored"):
        return Outcome.ALREADY_ENDED
    if body.get("forced_completion"):
        return Outcome.FORCED
    if body.get("errors"):
        return Outcome.PARTIAL
    queued = body.get("devices_queued")
    if isinstance(queued, int) and queued > 0:
        return Outcome.QUEUED
    return Outcome.DELIVERED


def _refused(status: int, body: dict[str, Any]) -> Outcome:
    if not is_refusal(body):
        # A proxy or a wrong base_url answers 403 and 404 too; a definite "no" is the vendor's only.
        return Outcome.UNAUTHORIZED if status in {403, 404} else Outcome.AMBIGUOUS
    if status == 403:
        return Outcome.FORBIDDEN
    if status in {404, 422} and _says_no_recipients(body):
        return Outcome.NO_RECIPIENTS
    if status == 404:
        return Outcome.NOT_FOUND if _names_a_target(body) else Outcome.UNAUTHORIZED
    return Outcome.REJECTED


def _names_a_target(body: dict[str, Any]) -> bool:
    """Tell whether a 404 says that there is no such stream or activity.

    Frameworks answer an unknown path with ``error`` and ``message`` too, and name the path:
    "Cannot DELETE /live-activity/stream/order-42". So whole words count, and no part of a path.
    """
    words = f"{body['error']} {body['message']}".lower().split()
    named = {word.strip(string.punctuation) for word in words if "/" not in word}
    return not _TARGETS.isdisjoint(named | body.keys())


def _says_no_recipients(body: dict[str, Any]) -> bool:
    # The API description names it "No recipients found", with the channels that it tried.
    words = f"{body['error']} {body['message']}".lower()
    return "no recipients" in words or "effective_channel_slugs" in body


def _error(outcome: Outcome, status: int, body: dict[str, Any]) -> str:
    if outcome in ACKNOWLEDGED:
        return "" if outcome == Outcome.ALREADY_ENDED else "; ".join(_reservations(outcome, body))
    said = [body[name] for name in ("error", "message") if isinstance(body.get(name), str)]
    return ": ".join([f"HTTP {status}", *said])


def _reservations(outcome: Outcome, body: dict[str, Any]) -> list[str]:
    """Return what an accepted answer says against itself; a plain success says nothing."""
    said = [body["warning"]] if isinstance(body.get("warning"), str) else []
    if body.get("errors"):
        errors = body["errors"] if isinstance(body["errors"], list) else [body["errors"]]
        said += [error if isinstance(error, str) else json.dumps(error) for error in errors]
    if outcome == Outcome.NOOP and body.get("operation") != "noop":
        said.append("ignored by the vendor")
    if body.get("remote_push_sent") is False and outcome not in {Outcome.NOOP, Outcome.PAUSED}:
        said.append("no push was sent")
    if said and isinstance(body.get("message"), str):
        said.append(body["message"])
    return said
