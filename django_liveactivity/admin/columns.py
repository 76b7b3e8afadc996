"""The cells of the list: short, in words, and each with the name of its column for narrow pages."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext

from .cards import DescribedCard, Lately, short_name
from .wording import TYPES, duration, minute, outcome_words, time_tag

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


LONGEST_TITLE = 60


def named_cell(column: StrOrPromise, text: str) -> str:
    """Return a cell's text after the name of its column, which shows where rows are blocks."""
    cell = '<span class="liveactivity-column">{}</span> <div class="liveactivity-value">{}</div>'
    return format_html(cell, column, text) if text else ""


def title_cell(card: DescribedCard, *, with_account: bool) -> SafeString:
    """Return a card's title, and in small its key or id, its type, and its account."""
    name = _short(str(card), short_name(card), "liveactivity-key")
    title = _short(card.title, Truncator(card.title).chars(LONGEST_TITLE), "liveactivity-title")
    kind = str(TYPES.get(card.type, card.type))
    about = " · ".join(filter(None, [kind, card.account if with_account else ""]))
    lines = [title if card.title else "", name, _small(about, "liveactivity-about")]
    return format_html_join(" ", "{}", ((line,) for line in lines if line))


def _small(text: str, css: str) -> SafeString | str:
    return format_html('<small class="{}">{}</small>', css, text) if text else ""


def _short(whole: str, short: str, css: str) -> SafeString:
    """Return a text that may be cut; the pointer shows it whole."""
    if whole == short:
        return format_html('<span class="{}">{}</span>', css, short)
    return format_html('<span class="{}" title="{}">{}</span>', css, whole, short)


def state_cell(card: DescribedCard) -> SafeString:
    """Return a card's state by word and color, and in small what the vendor answered last."""
    words = [(card.state, card.status_text)]
    end = card.newest.pending_end
    if end is not None and end.due_at > card.now:
        words.append((Lately.SCHEDULED, str(Lately.SCHEDULED.label)))
    if card.wants_operator:
        words.append(("attention", gettext("needs attention")))
    return format_html("{} {}", badges(words), _last_outcome(card))


def badges(words: Iterable[tuple[str, str]]) -> SafeString:
    """Return states by word and color: pairs of what the style sheet calls one, and its word."""
    return format_html_join(
        " ", '<span class="liveactivity-state liveactivity-{}">{}</span>', words
    )


def _last_outcome(card: DescribedCard) -> str:
    outcome = card.last_outcome
    if not outcome:
        return ""
    unseen = '<span class="liveactivity-unseen">{}</span>'
    label = format_html(unseen, gettext("Last outcome:"))
    return _small(format_html("{} {}", label, outcome_words(outcome)), "liveactivity-outcome")


def age_cell(card: DescribedCard) -> SafeString:
    """Return how long a card has been there."""
    return time_tag(card.created_at, duration(card.now - card.created_at))


def end_cell(card: DescribedCard) -> str:
    """Return since when an end is due or when it will be, and why the card is as it is."""
    end, why = card.newest.pending_end, _small(card.why, "liveactivity-why")
    if end is None:
        return why
    if end.due_at > card.now:
        words = {"at": minute(end.due_at), "wait": duration(end.due_at - card.now)}
        return time_tag(end.due_at, gettext("scheduled for %(at)s, in %(wait)s") % words)
    due = gettext("due for %(age)s") % {"age": duration(card.now - end.due_at)}
    return format_html("{} {}", time_tag(end.due_at, due), why)
