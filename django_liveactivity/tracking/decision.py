"""What the cards of an object need, and the rows that say so."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from django.db.models import Model

from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.keys import check_stream_key
from django_liveactivity.models import LiveActivity, Subject
from django_liveactivity.services import streams
from django_liveactivity.services.ends import EndRequest, end_card
from django_liveactivity.services.streams import CheckedContent
from django_liveactivity.services.writer import Writer

from .activity import AnyActivity
from .failures import log_hook_errors


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


def decide(activity: AnyActivity, subject: Model | None, cards: Sequence[LiveActivity]) -> Decision:
    """Return what the cards of an object need.

    Args:
        activity: how they live.
        subject: the object, or None if it is gone.
        cards: its open cards, the oldest first. Two transactions that did not see each other leave
            more than one: the newest stays.
    """
    if subject is None or not activity.is_live(subject):
        return Decision(subject, ends=cards)
    card = cards[-1] if cards else None
    ends = [c for c in cards if card is not None and c.lane_digest != card.lane_digest]
    show = streams.check(Endpoint.STREAM, activity.content(subject), activity.options(subject))
    if card is not None and _is_shown(card, show):
        return Decision(subject, card=card, ends=ends)
    return Decision(subject, show, card, ends)


def _is_shown(card: LiveActivity, show: CheckedContent) -> bool:
    if card.newest_content != show["content"]:
        return False
    return all(card.newest_options.get(k) == value for k, value in show["options"].items())


def apply_decision(activity: AnyActivity, writer: Writer, decision: Decision) -> None:
    """INSERT what was decided."""
    # Beside a card that stays, a twin ends and not the object: it keeps its last content.
    final_subject = None if decision.card else decision.subject
    for card in decision.ends:
        _end(activity, writer, card, final_subject)
    subject, show = decision.subject, decision.show
    if subject is None or show is None:
        return
    ttl_ms = streams.time_to_live_ms(writer, activity.time_to_live)
    if decision.card is not None:
        streams.add_content(writer, decision.card, show, ttl_ms)
    else:
        key, named = check_stream_key(activity.key(subject)), Subject.of(subject)
        streams.insert_card(writer, key, show, ttl_ms, subject=named, tracked_by=activity.name)


def _end(activity: AnyActivity, writer: Writer, card: LiveActivity, subject: Model | None) -> None:
    """End a card with its final content; if a hook raises, with the last content, or none.

    Args:
        activity: how the card lives.
        writer: writes the end.
        card: an open card.
        subject: the object that names the final content; None for the last content.
    """
    named = Subject(card.subject_model, card.subject_pk)
    for request in _ways_to_end(activity, subject):
        with log_hook_errors(activity, writer.account, named):
            end_card(writer, card, request())
            return


def _ways_to_end(
    activity: AnyActivity, subject: Model | None
) -> Iterator[Callable[[], EndRequest]]:
    dismiss_after = activity.dismiss_after
    if subject is not None:
        yield lambda: EndRequest(activity.final_content(subject), dismiss_after=dismiss_after)
    yield lambda: EndRequest(dismiss_after=dismiss_after)
    yield lambda: EndRequest(dismiss_after=None)
