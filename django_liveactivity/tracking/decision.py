"""What a card needs, decided from its object and from what it was last meant to show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from django_liveactivity.content import Endpoint
from django_liveactivity.models import LiveActivity
from django_liveactivity.services.streams import CheckedContent, check_shown

if TYPE_CHECKING:
    from .activity import ModelActivity


@dataclass(frozen=True)
class Decision:
    """What shall happen to the cards of one object.

    Args:
        subject: the object that was asked, or None if it is gone.
        show: what the card is to show, or None if it shows that already, or is to end.
        card: the open card that it goes to, or None for a new one.
        ends: the open cards that end.
    """

    subject: Model | None
    show: CheckedContent | None = None
    card: LiveActivity | None = None
    ends: Sequence[LiveActivity] = ()

    @property
    def writes(self) -> bool:
        """Tell whether anything is to be written."""
        return self.show is not None or bool(self.ends)

    @property
    def starts(self) -> bool:
        """Tell whether a new card is shown."""
        return self.show is not None and self.card is None


def decide(
    activity: ModelActivity[Any], subject: Model | None, cards: Sequence[LiveActivity]
) -> Decision:
    """Return what the cards of an object need.

    Args:
        activity: how they live.
        subject: the object, or None if it is gone.
        cards: its open cards, the oldest first. More than one is what two hosts leave that saw
            nothing of each other: the newest stays.
    """
    if subject is None or not activity.is_live(subject):
        return Decision(subject, ends=cards)
    card = cards[-1] if cards else None
    ends = [c for c in cards if card is not None and c.lane_digest != card.lane_digest]
    show = check_shown(Endpoint.STREAM, activity.content(subject), activity.options(subject))
    if card is not None and _is_shown(card, show):
        return Decision(subject, card=card, ends=ends)
    return Decision(subject, show, card, ends)


def _is_shown(card: LiveActivity, show: CheckedContent) -> bool:
    if card.newest_content != show["content"]:
        return False
    return all(card.newest_options.get(k) == value for k, value in show["options"].items())
