"""From an HTTP answer to its meaning, without I/O and without ever raising."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django_liveactivity.client.answer import ACKNOWLEDGED, Answer, Outcome
from django_liveactivity.client.payload import read_object, read_text
from django_liveactivity.client.waiting import read_retry_after
from django_liveactivity.content import Endpoint

if TYPE_CHECKING:
    from collections.abc import Mapping

_ENDS = frozenset({Endpoint.END, Endpoint.END_STREAM})


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
        error="" if outcome in ACKNOWLEDGED else _complaint(status, body or {}),
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
    return Outcome.DELIVERED


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
    if not _is_the_vendors(body):
        # A proxy or a wrong base_url answers 403 and 404 too; a definite "no" is the vendor's only.
        return Outcome.UNAUTHORIZED if status in {403, 404} else Outcome.AMBIGUOUS
    if status == 403:
        return Outcome.FORBIDDEN
    if status in {404, 422} and _says_no_recipients(body):
        return Outcome.NO_RECIPIENTS
    return Outcome.NOT_FOUND if status == 404 else Outcome.REJECTED


def _is_the_vendors(body: dict[str, Any]) -> bool:
    return isinstance(body.get("error"), str) and isinstance(body.get("message"), str)


def _says_no_recipients(body: dict[str, Any]) -> bool:
    # The API description names it "No recipients found", with the channels that it tried.
    words = f"{body['error']} {body['message']}".lower()
    return "no recipients" in words or "effective_channel_slugs" in body


def _complaint(status: int, body: dict[str, Any]) -> str:
    said = [body[name] for name in ("error", "message") if isinstance(body.get(name), str)]
    return read_text(": ".join([f"HTTP {status}", *said]).encode())
