"""One authorized call, and the rules that are the same for both lifecycles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from . import answers
from .answers import RefusedError
from .bodies import requested_channels
from .phone import LONGEST_DISMISSAL
from .policy import FORBIDDEN_CHANNEL, Policy

if TYPE_CHECKING:
    from .accounts import Account
    from .phone import Card, Phone
    from .routes import Route

_DEFAULT_DISMISSAL = {"end": 3 * 60.0, "end_stream": 2 * 60.0}


@dataclass(frozen=True)
class Call:
    """A call that is past authorization and rate limit, and whose body has been checked."""

    route: Route
    account: Account
    body: dict[str, Any]
    now: float
    phone: Phone
    policy: Policy

    @property
    def content(self) -> dict[str, Any]:
        """The ``content_state`` as it was sent, empty if it was not."""
        content: dict[str, Any] = self.body.get("content_state", {})
        return content

    def envelope(self, card: Card | None) -> dict[str, Any]:
        """Return what surrounds the content now; tags, metadata and channels are kept if unsaid."""
        kept = {} if card is None else card.envelope
        channels = requested_channels(self.body)
        return {
            "action": self.body.get("action"),
            "secondary_action": self.body.get("secondary_action"),
            "alert": self.body.get("alert"),
            "channels": kept.get("channels") if channels is None else channels,
            "tags": self.body.get("tags", kept.get("tags")),
            "metadata": self.body.get("metadata", kept.get("metadata")),
        }

    def check_admission(self) -> None:
        """Check that this account may show cards, on the channels that it asks for."""
        if self.policy.billing:
            blocked = answers.billing_blocked(self.policy.billing, self.now).body
            raise RefusedError(402, **blocked)
        channels = requested_channels(self.body)
        if channels is None:
            return
        if FORBIDDEN_CHANNEL in channels:
            raise RefusedError(
                403,
                "Invalid channel targeting",
                "This API key can only target assigned channels. "
                "Requested channels include channels outside this key scope.",
            )
        if not any(map(self.policy.has_devices, channels)):
            refused = answers.no_recipients(self.policy.no_recipients, channels).body
            raise RefusedError(self.policy.no_recipients, **refused)

    def make_room(self) -> str | None:
        """Make sure that one more card may live; return the id of one that ended for it."""
        alive = self.phone.alive(self.account.number)
        limit = self.policy.concurrent
        if len(alive) < limit:
            return None
        if self.policy.evict:
            alive[0].end(self.now, dismiss_after=0, reason="evicted")
            return alive[0].activity_id
        raise RefusedError(
            429,
            "Live Activity limit reached",
            f"Only {limit} concurrent Live Activities are allowed per account",
            limit=limit,
            active=len(alive),
        )

    def dismiss_after(self) -> float:
        """Return the seconds for which the card that this call ends stays visible."""
        seconds = _DEFAULT_DISMISSAL[self.route.operation]
        if "auto_dismiss_seconds" in self.content:
            seconds = self.content["auto_dismiss_seconds"]
        elif "auto_dismiss_minutes" in self.content:
            seconds = self.content["auto_dismiss_minutes"] * 60
        return min(seconds, LONGEST_DISMISSAL)
