"""Ask the services for what was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from django_liveactivity.content import check_stream_key
from django_liveactivity.models import LiveActivity, Subject
from django_liveactivity.services.ends import end_card
from django_liveactivity.services.intent import EndRequest
from django_liveactivity.services.streams import (
    CheckedContent,
    add_content,
    insert_card,
    time_to_live_ms,
)
from django_liveactivity.services.writer import Writer

from .decision import Decision
from .failures import log_hook_errors

if TYPE_CHECKING:
    from .activity import ModelActivity


def apply_decision(activity: ModelActivity[Any], door: Writer, decision: Decision) -> None:
    """INSERT what was decided."""
    shows_final = None if decision.card else decision.subject  # else a twin ends, not the object
    for card in decision.ends:
        end(activity, door, card, shows_final)
    if decision.subject is not None and decision.show is not None:
        _show(activity, door, decision.subject, decision.card, decision.show)


def _show(
    activity: ModelActivity[Any],
    door: Writer,
    subject: Model,
    card: LiveActivity | None,
    show: CheckedContent,
) -> None:
    lasts = time_to_live_ms(door, activity.time_to_live)
    if card is not None:
        add_content(door, card, show, lasts)
        return
    key = check_stream_key(activity.key(subject))
    told = Subject.of(subject)
    insert_card(door, key, show, lasts, subject=told, tracked_by=activity.name)


def end(
    activity: ModelActivity[Any], door: Writer, card: LiveActivity, subject: Model | None
) -> None:
    """End a card: with its final content, else with the last content, else by the bare end.

    Args:
        activity: how the card lives.
        door: the way in.
        card: an open card.
        subject: the object that names the final content; None for the last content.
    """
    for wanted in _ways_to_end(activity, subject):
        with log_hook_errors(activity, door.account, Subject(card.subject_model, card.subject_pk)):
            end_card(door, card, wanted())
            return


def _ways_to_end(
    activity: ModelActivity[Any], subject: Model | None
) -> Iterator[Callable[[], EndRequest]]:
    stays = activity.dismiss_after
    if subject is not None:
        yield lambda: EndRequest(activity.final_content(subject), {}, stays)
    yield lambda: EndRequest(dismiss_after=stays)
    yield lambda: EndRequest(dismiss_after=None)
