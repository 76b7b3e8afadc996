"""The answer to one call, and the outcome that we read from it.

An HTTP answer is read without I/O and without ever raising: its outcome, Retry-After, and a body
that any database stores.
"""

import json
import math
import re
import string
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any, NamedTuple

from django_liveactivity.content.encoding import JSONObject, JSONValue
from django_liveactivity.content.endpoints import Endpoint

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
"""What a 404 of the vendor says was not found, as words or as fields (NotFoundError)."""


class Outcome(StrEnum):
    """Our reading of an answer, or of its absence."""

    DELIVERED = "delivered"
    """Accepted. Whether a phone shows it is not known."""
    ALREADY_ENDED = "already_ended"
    """An end of a card that had ended before."""
    FORCED = "forced"
    """Marked as ended without a confirmed end on the device."""
    PARTIAL = "partial"
    """Accepted, with errors on some devices."""
    QUEUED = "queued"
    """Ended, waiting for devices that are not reachable."""
    NOOP = "noop"
    """The card shows this content already, or the vendor ignored the call."""
    PAUSED = "paused"
    """The user has paused this stream."""
    REJECTED = "rejected"
    """The vendor refuses this body or target, and will again."""
    FORBIDDEN = "forbidden"
    """The vendor says that this key may not touch this card or channel."""
    NOT_FOUND = "not_found"
    """The vendor knows no such stream or card."""
    NO_RECIPIENTS = "no_recipients"
    """No device would show the card."""
    RATE_LIMITED = "rate_limited"
    """Too many calls for the account."""
    LIMIT_REACHED = "limit_reached"
    """Too many cards alive at once."""
    BILLING_BLOCKED = "billing_blocked"
    """The account's trial or budget is used up."""
    UNAUTHORIZED = "unauthorized"
    """The key is refused, or this does not look like the vendor's API."""
    NOT_SENT = "not_sent"
    """No connection was made, so nothing was sent."""
    AMBIGUOUS = "ambiguous"
    """It may have been applied, or not, or may be later."""
    NEVER_STARTED = "never_started"
    """Ended without a call, as no call was ever made for the card."""


MAX_ID = 255
"""Characters of an id; a longer one is none of the vendor's, and no column would hold it."""

ACKNOWLEDGED = frozenset(
    {
        Outcome.DELIVERED,
        Outcome.ALREADY_ENDED,
        Outcome.FORCED,
        Outcome.PARTIAL,
        Outcome.QUEUED,
        Outcome.NOOP,
        Outcome.PAUSED,
    }
)
"""The outcomes of calls that the vendor accepted."""


def is_refusal(body: Mapping[str, object] | None) -> bool:
    """Tell whether a body has the form of the vendor's refusals (BadRequestError and others)."""
    fields = body or {}
    return isinstance(fields.get("error"), str) and isinstance(fields.get("message"), str)


@dataclass(frozen=True, slots=True)
class Answer:
    """The result of one call.

    Attributes:
        outcome: our reading of the answer.
        status: the HTTP status; None if no answer came.
        body: the JSON object that was answered; None if it was none. Holds no NUL characters, no
            unpaired surrogates and no infinities, so that every database stores it.
        text: the answer as text, at most 4 KiB of UTF-8.
        retry_after: seconds that the vendor asks to wait, 0 to 3600; None if it does not.
        duration: seconds from the call to the answer.
        error: what went wrong, or what the vendor warns of, for people; empty if nothing did.
        address: a digest of the base URL that was called; empty if the backend has none.
    """

    outcome: Outcome
    status: int | None = None
    body: dict[str, Any] | None = None
    text: str = ""
    retry_after: float | None = None
    duration: float = 0.0
    error: str = ""
    address: str = ""

    @property
    def acknowledged(self) -> bool:
        """Whether the vendor accepted the call; for an end, that the card is taken as ended."""
        return self.outcome in ACKNOWLEDGED

    @property
    def needs_attention(self) -> bool:
        """Whether the end was acknowledged, but a device may still show the card."""
        return self.outcome in {Outcome.FORCED, Outcome.PARTIAL}

    @property
    def is_vague(self) -> bool:
        """Whether it is a 404 in the vendor's form that names neither a stream nor an activity.

        Other servers answer in that form too; it is the vendor's if the address is.
        """
        refused = self.outcome == Outcome.UNAUTHORIZED and self.status == 404
        return refused and is_refusal(self.body)

    @property
    def is_ignored(self) -> bool:
        """Whether the vendor accepted content but did not show it; a ``noop`` shows it already."""
        return self.outcome == Outcome.NOOP and self.operation != Outcome.NOOP

    @property
    def message(self) -> str:
        """The vendor's message about a refusal, in one line; empty if there is none."""
        message = (self.body or {}).get("message")
        return " ".join(message.split()) if isinstance(message, str) else ""

    @property
    def activity_id(self) -> str | None:
        """The id of the card that the vendor names."""
        return self._string("activity_id")

    @property
    def previous_activity_id(self) -> str | None:
        """The id of the card that a rotation replaced."""
        return self._string("previous_activity_id")

    @property
    def ended_activity_id(self) -> str | None:
        """The id of an older card that was ended to make room."""
        return self._string("ended_activity_id")

    @property
    def operation(self) -> str | None:
        """What a PUT did: started, updated, rotated, noop, paused, or a word not known yet."""
        return self._string("operation")

    def _string(self, name: str) -> str | None:
        value = (self.body or {}).get(name)
        return value if isinstance(value, str) and 0 < len(value) <= MAX_ID else None


class Received(NamedTuple):
    """An HTTP answer, its headers in any case; content beyond 64 KiB means that it was cut."""

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
        return "" if outcome == Outcome.ALREADY_ENDED else "; ".join(_warnings(outcome, body))
    parts = [value for name in ("error", "message") if isinstance(value := body.get(name), str)]
    if 200 <= status < 300 and body.get("success") is not True:
        parts.insert(0, "no JSON object with success: true")  # as a proxy's page, or compressed
    return ": ".join([f"HTTP {status}", *parts])


def _warnings(outcome: Outcome, body: JSONObject) -> list[str]:
    """Return the warnings of an accepted answer; a plain success has none."""
    warnings = [warning] if isinstance(warning := body.get("warning"), str) else []
    if reported := body.get("errors"):
        errors = reported if isinstance(reported, list) else [reported]
        warnings += [error if isinstance(error, str) else json.dumps(error) for error in errors]
    if outcome == Outcome.NOOP and body.get("operation") != "noop":
        warnings.append("ignored by the vendor")
    if body.get("remote_push_sent") is False and outcome not in {Outcome.NOOP, Outcome.PAUSED}:
        warnings.append("no push was sent")
    if warnings and isinstance(message := body.get("message"), str):
        warnings.append(message)
    return warnings


def read_retry_after(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After (RFC 9110, 10.2.3), 0 to 3600; None if there are none."""
    named = {name.lower(): value.strip() for name, value in headers.items()}
    value = named.get("retry-after", "")
    if _SECONDS.fullmatch(value):
        return min(float(value), LONGEST_WAIT)
    until = _read_date(value)
    if until is None:
        return None
    # By the vendor's own clock if the answer has it, as this machine's may be wrong.
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
