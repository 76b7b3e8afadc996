"""Ask the services for what was decided."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from django.db.models import Model

from django_liveactivity.content import check_stream_key
from django_liveactivity.models import LiveActivity, Subject
from django_liveactivity.services.door import Door
from django_liveactivity.services.ends import end_card
from django_liveactivity.services.intent import Wanted
from django_liveactivity.services.streams import Intended, lasting, show_new, show_on

from .decision import Decision
from .failures import contained

if TYPE_CHECKING:
    from .activity import ModelActivity


def carry_out(activity: ModelActivity[Any], door: Door, decision: Decision) -> None:
    """INSERT what was decided."""
    shows_final = None if decision.card else decision.subject  # else a twin ends, not the object
    for card in decision.ends:
        end(activity, door, card, shows_final)
    if decision.subject is not None and decision.show is not None:
        _show(activity, door, decision.subject, decision.card, decision.show)


def _show(
    activity: ModelActivity[Any],
    door: Door,
    subject: Model,
    card: LiveActivity | None,
    show: Intended,
) -> None:
    lasts = lasting(door, activity.time_to_live)
    if card is not None:
        show_on(door, card, show, lasts)
        return
    key = check_stream_key(activity.key(subject))
    told = Subject.of(subject)
    show_new(door, key, show, lasts, subject=told, tracked_by=activity.name)


def end(
    activity: ModelActivity[Any], door: Door, card: LiveActivity, subject: Model | None
) -> None:
    """End a card: with its final content, else with the last content, else by the bare end.

    Args:
        activity: how the card lives.
        door: the way in.
        card: an open card.
        subject: the object that names the final content; None for the last content.
    """
    for wanted in _ways_to_end(activity, subject):
        with contained(activity, door.account, Subject(card.subject_model, card.subject_pk)):
            end_card(door, card, wanted())
            return


def _ways_to_end(
    activity: ModelActivity[Any], subject: Model | None
) -> Iterator[Callable[[], Wanted]]:
    stays = activity.dismiss_after
    if subject is not None:
        yield lambda: Wanted(activity.final_content(subject), {}, stays)
    yield lambda: Wanted(dismiss_after=stays)
    yield lambda: Wanted(dismiss_after=None)
