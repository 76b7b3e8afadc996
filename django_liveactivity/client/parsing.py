"""From an HTTP answer to its meaning: outcome, Retry-After, and a body that any database stores.

Without I/O, and without ever raising.
"""

from __future__ import annotations

import json
import math
import re
import string
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple

from django_liveactivity.content import Endpoint, JSONObject, JSONValue

from .answer import ACKNOWLEDGED, Answer, Outcome, is_refusal

ANSWER_LIMIT = 64 * 1024
"""Bytes of an answer that are read at most."""
TEXT_LIMIT = 4 * 1024
"""Bytes of an answer that are kept as text."""
LONGEST_WAIT = 3600.0
"""Seconds; a longer Retry-After is cut to this."""

_DEPTH_LIMIT = 32
_SECONDS = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_ENDS = frozenset({Endpoint.END, Endpoint.END_STREAM})
_TARGETS = frozenset({"stream", "streams", "stream_key", "activity", "activities", "activity_id"})
"""What a 404 of the vendor says it has not found, as words or as fields (NotFoundError)."""


class Received(NamedTuple):
    """An HTTP answer, its headers in any case; content beyond 64 KiB tells that it was cut."""

    status: int
    headers: Mapping[str, str]
    content: bytes


class NoAnswerError(Exception):
    """No answer came.

    Attributes:
        sent: whether a part of the request may have reached the server.
    """

    def __init__(self, message: str, *, sent: bool) -> None:
        super().__init__(message)
        self.sent = sent


def read_answer(
    endpoint: Endpoint, received: Received, duration: float, address: str = ""
) -> Answer:
    """Return what an HTTP answer means.

    Args:
        endpoint: the call that was made.
        received: the answer; content of more than 64 KiB is not taken for JSON.
        duration: seconds that the call took.
        address: a digest of the base URL that was called.

    Unknown fields and values are accepted. Nothing is raised for any input.
    """
    status, headers, content = received
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
        address=address,
    )


def _outcome(endpoint: Endpoint, status: int, body: JSONObject | None) -> Outcome:
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


def _accepted(endpoint: Endpoint, body: JSONObject) -> Outcome:
    if body.get("success") is not True:
        return Outcome.AMBIGUOUS
    if endpoint in _ENDS:
        return _ended(body)
    if endpoint is Endpoint.STREAM and body.get("operation") in ("noop", "paused"):
        return Outcome(str(body["operation"]))
    if body.get("ignored"):
        return Outcome.NOOP
    return Outcome.PARTIAL if body.get("errors") else Outcome.DELIVERED


def _ended(body: JSONObject) -> Outcome:
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


def _refused(status: int, body: JSONObject) -> Outcome:
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


def _names_a_target(body: JSONObject) -> bool:
    """Tell whether a 404 says that there is no such stream or activity.

    Frameworks answer an unknown path with ``error`` and ``message`` too, and name the path:
    "Cannot DELETE /live-activity/stream/order-42". So whole words count, and no part of a path.
    """
    words = f"{body['error']} {body['message']}".lower().split()
    named = {word.strip(string.punctuation) for word in words if "/" not in word}
    return not _TARGETS.isdisjoint(named | body.keys())


def _says_no_recipients(body: JSONObject) -> bool:
    # The API description names it "No recipients found", with the channels that it tried.
    words = f"{body['error']} {body['message']}".lower()
    return "no recipients" in words or "effective_channel_slugs" in body


def _error(outcome: Outcome, status: int, body: JSONObject) -> str:
    if outcome in ACKNOWLEDGED:
        return "" if outcome == Outcome.ALREADY_ENDED else "; ".join(_reservations(outcome, body))
    said = [value for name in ("error", "message") if isinstance(value := body.get(name), str)]
    if 200 <= status < 300 and body.get("success") is not True:
        said.insert(0, "no JSON object with success: true")  # as a proxy's page, or compressed
    return ": ".join([f"HTTP {status}", *said])


def _reservations(outcome: Outcome, body: JSONObject) -> list[str]:
    """Return what an accepted answer says against itself; a plain success says nothing."""
    said = [warning] if isinstance(warning := body.get("warning"), str) else []
    if reported := body.get("errors"):
        errors = reported if isinstance(reported, list) else [reported]
        said += [error if isinstance(error, str) else json.dumps(error) for error in errors]
    if outcome == Outcome.NOOP and body.get("operation") != "noop":
        said.append("ignored by the vendor")
    if body.get("remote_push_sent") is False and outcome not in {Outcome.NOOP, Outcome.PAUSED}:
        said.append("no push was sent")
    if said and isinstance(message := body.get("message"), str):
        said.append(message)
    return said


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3), 0 to 3600; None if there are none."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    value = named.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_WAIT)
    until = _read_date(value)
    if until is None:
        return None
    # Against the vendor's own clock where it tells it, as this machine's may be wrong.
    now = _read_date(named.get("date", "")) or datetime.now(UTC)
    return min(max((until - now).total_seconds(), 0.0), LONGEST_WAIT)


def _read_date(value: str) -> datetime | None:
    try:
        date = parsedate_to_datetime(value)
        return date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def read_object(content: bytes) -> JSONObject | None:
    """Return the JSON object in *content*; None if it is too large, too deep or anything else."""
    if len(content) > ANSWER_LIMIT:
        return None
    try:
        parsed = json.loads(content.decode(), parse_constant=_finite, parse_float=_finite)
        value = map_texts(parsed, _storable)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def read_text(content: bytes) -> str:
    """Return the beginning of *content* as text, at most 4 KiB of UTF-8."""
    text = content[:ANSWER_LIMIT].decode(errors="replace").replace("\0", "\ufffd")
    return text.encode()[:TEXT_LIMIT].decode(errors="ignore")


def map_texts(value: JSONValue, convert: Callable[[str], str], depth: int = 1) -> JSONValue:
    """Return JSON with every string and name in it converted; ValueError if it is too deep."""
    if depth > _DEPTH_LIMIT:
        raise ValueError("nested too deep")
    match value:
        case str():
            return convert(value)
        case list():
            return [map_texts(item, convert, depth + 1) for item in value]
        case dict():
            return {convert(k): map_texts(v, convert, depth + 1) for k, v in value.items()}
    return value


# PostgreSQL's jsonb refuses NUL characters, unpaired surrogates and infinities (1e999 is one).
def _storable(text: str) -> str:
    return text.replace("\0", "\ufffd").encode(errors="replace").decode()


def _finite(digits: str) -> float:
    if math.isfinite(value := float(digits)):
        return value
    raise ValueError("not finite")
