"""A whole lock screen of up to four cards, and the stylesheet that all drawings need."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from importlib import resources

from .card import ENGLISH, Labels, SketchedCard
from .frame import draw
from .markup import Markup, element

MOST_CARDS = 4
"""Cards that are drawn, as an account may show so many at once."""
STYLESHEET = "static/django_liveactivity/lockscreen.css"
"""Where the stylesheet lies in the package ``django_liveactivity``."""


def draw_screen(
    cards: Sequence[SketchedCard],
    labels: Labels = ENGLISH,
    now_text: str = "",
    date_text: str = "",
) -> str:
    """Return a lock screen as HTML, a ``section``.

    Args:
        cards: what is on the phone, the newest first; four are drawn, the others are counted.
        labels: the texts around them.
        now_text: the large clock, as in "9:41"; none if empty.
        date_text: the line above it.
    """
    drawn = [Markup(draw(card, labels)) for card in cards[:MOST_CARDS]]
    more = len(cards) - len(drawn)
    lines = [
        _line(date_text, "lockscreen-date"),
        _line(now_text, "lockscreen-now"),
        element("div", *drawn, class_="lockscreen-cards"),
        _line("" if cards else labels.no_cards, "lockscreen-none"),
        _line(labels.more_cards % {"count": more} if more else "", "lockscreen-more"),
    ]
    return element("section", *lines, class_="lockscreen", aria_label=labels.screen)


def _line(text: str, name: str) -> Markup:
    return element("p", text, class_=name) if text else Markup()


@cache
def stylesheet() -> str:
    """Return the text of ``lockscreen.css``, for servers without Django's static files."""
    return resources.files("django_liveactivity").joinpath(STYLESHEET).read_text("utf-8")
