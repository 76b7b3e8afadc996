"""The answer to one call, and its outcome: our reading of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


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
    """No device would show it."""
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
    """What came of one call.

    Attributes:
        outcome: our reading.
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
