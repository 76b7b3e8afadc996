"""``{% load liveactivity %}``: draw a card as a lock screen would.

The page needs the stylesheet ``django_liveactivity/lockscreen.css``.
"""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from django import template
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from django_liveactivity.lockscreen import Labels, SketchedCard, draw
from django_liveactivity.models import LiveActivity
from django_liveactivity.sketches import EndSketch, sketch, sketches_at_end

register = template.Library()


def labels() -> Labels:
    """Return the texts of a drawing in the language that is active."""
    texts = asdict(Labels())
    states = {state: gettext(text) for state, text in texts.pop("states").items()}
    return Labels(states, **{name: gettext(text) for name, text in texts.items()})


def drawn(card: SketchedCard) -> SafeString:
    """Return a card as HTML that is safe to put into a page, with translated texts."""
    return mark_safe(draw(card, labels()))  # nosec B308, B703  # noqa: S308 - draw escapes


@register.simple_tag
def lock_screen(card: LiveActivity | None) -> SafeString | str:
    """Draw a card as the phones show it now, by the calls that the vendor acknowledged.

    For several cards, ``sketches.sketches`` reads them at once, and ``drawn`` draws each.
    """
    return drawn(sketch(card)) if card else ""


@register.simple_tag
def lock_screen_at_end(
    card: LiveActivity | None,
    content: object = None,
    options: Mapping[str, object] | None = None,
    dismiss_seconds: int | None = None,
) -> SafeString:
    """Draw a card as it will be when it has ended.

    Args:
        card: the card's row, or None for one that is not known here.
        content: what the ended card shows, as the vendor's API has it; by default the newest
            content that the card was meant to show.
        options: its buttons (``action``, ``secondary_action``).
        dismiss_seconds: how long the ended card stays; None for the account's default, else the
            vendor's.

    With the card alone, it is drawn with its due or scheduled end, if there is one;
    ``options={}`` draws it as if it ended now.
    """
    end = EndSketch(*map(_given, (content, options, dismiss_seconds)))
    if not card:
        return drawn(end.of_unknown_card())
    return drawn(sketches_at_end([card], end)[card.pk])


def _given(value: Any) -> Any:
    """Return an argument of a tag; Django passes "" for a missing variable."""
    return None if value == "" else value
