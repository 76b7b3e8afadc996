"""How pages show a card: its name, state, subject and links, and the cells of the list."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model, TextChoices
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.text import Truncator
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity import conf, selectors
from django_liveactivity.models import LiveActivity, Operation

from .labels import SHORT_TYPES, duration, minute, outcome_words, time_tag

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise, WithAnnotations


LONGEST_NAME, LONGEST_TITLE = 32, 60


class DerivedState(TextChoices):
    """What an open card is, besides its status."""

    ENDING = "ending", _("ending")
    """An end is due and not acknowledged."""
    EXPIRED = "expired", _("expired")
    """iOS has removed it by itself."""
    SCHEDULED = "scheduled", _("scheduled")
    """An end is scheduled."""


class CardFacts(TypedDict):
    """What pages show of a card besides its columns.

    The first three are read with the card; ``describe`` and the list add the others.

    Args:
        now: the database's clock, in milliseconds, when the page was read.
        is_closed: whether an end is due.
        last_outcome: the outcome of the newest call, or None.
        newest: the end and the content that count.
        wants_operator: whether an operator should look at the card.
        state: what the list calls its state, a status or one of ``DerivedState``.
        status_text: the same in words.
        subject_text: its subject, as text or as a link; "" without one.
        explanation: why it is so, in a sentence, if the list shows that.
    """

    now: int
    is_closed: bool
    last_outcome: str | None
    newest: selectors.Newest
    wants_operator: bool
    state: str
    status_text: str
    subject_text: str
    explanation: str


if TYPE_CHECKING:
    DescribedCard = WithAnnotations[LiveActivity, CardFacts]
else:
    DescribedCard = LiveActivity


def short_name(card: LiveActivity) -> str:
    """Return the card's name, cut to 32 characters: it may have 255."""
    return Truncator(str(card)).chars(LONGEST_NAME)


def describe(
    site: admin.AdminSite, request: HttpRequest, rows: Iterable[LiveActivity]
) -> list[DescribedCard]:
    """Add ``CardFacts`` to the cards.

    This takes two queries for operations and one for each model of subjects.
    """
    described = cast("list[DescribedCard]", list(rows))
    if not described:
        return []
    newest, subjects = selectors.newest_operations(described), selectors.subjects(described)
    for card in described:
        card.newest = newest.get(card.pk, selectors.Newest())
        end = card.newest.pending_end
        card.wants_operator = card.needs_attention or (
            end is not None and end.state == Operation.State.NEEDS_OPERATOR
        )
        card.state = state_of(card, card.now)
        card.status_text = state_word(card.state)
        card.subject_text = _subject_text(site, request, card, subjects[card.pk])
        card.explanation = ""
    return described


def newest_of(cards: Sequence[LiveActivity]) -> Mapping[int, selectors.Newest]:
    """Return the operations of cards that count, without a query for described cards."""
    known = {card.pk: card.newest for card in cards if hasattr(card, "newest")}
    return known if len(known) == len(cards) else selectors.newest_operations(cards)


def state_of(card: LiveActivity, now: int) -> str:
    """Return the state that pages show for a card, which was read with ``is_closed``."""
    if card.is_over:
        return card.status
    if card.is_closed:
        return DerivedState.ENDING
    return DerivedState.EXPIRED if selectors.is_expired(card, now) else card.status


def state_word(state: str) -> str:
    """Return a state in words."""
    return str((DerivedState if state in DerivedState else LiveActivity.Status)(state).label)


def _subject_text(
    site: admin.AdminSite, request: HttpRequest, card: LiveActivity, subject: Model | None
) -> str:
    if subject is None:
        if not card.subject_model:
            return ""
        name = str(card.named_subject)
        if card.subject_scope != conf.subject_scope():
            return name  # another tenant's object: it cannot be read here
        return gettext("%(name)s (not found)") % {"name": name}
    url = object_url(site, request, subject)
    return format_html('<a href="{}">{}</a>', url, subject) if url else str(subject)


def page_url(site: admin.AdminSite, name: str, *args: object, query: str = "") -> str:
    """Return the address of a page of cards, such as ``changelist`` or ``change``."""
    view = f"admin:django_liveactivity_liveactivity_{name}"
    url = reverse(view, args=args, current_app=site.name)
    return f"{url}?{query}" if query else url


def object_url(site: admin.AdminSite, request: HttpRequest, instance: Model) -> str:
    """Return an object's page in this admin, or "" if this user may not see it."""
    model = type(instance)
    if not site.is_registered(model):
        return ""
    if not site.get_model_admin(model).has_view_or_change_permission(request, instance):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(instance.pk)], current_app=site.name)


def named_cell(column: StrOrPromise, text: str) -> str:
    """Return a cell's text after the name of its column, which narrow pages show."""
    cell = '<span class="liveactivity-column">{}</span> <div class="liveactivity-value">{}</div>'
    return format_html(cell, column, text) if text else ""


def title_cell(card: DescribedCard, *, with_account: bool) -> SafeString:
    """Return a card's title, and in small its key or id, its type, and its account."""
    name = _short(str(card), short_name(card), "liveactivity-key")
    title = _short(card.title, Truncator(card.title).chars(LONGEST_TITLE), "liveactivity-title")
    kind = str(SHORT_TYPES.get(card.type, card.type))
    about = " · ".join(filter(None, [kind, card.account if with_account else ""]))
    lines = [title if card.title else "", name, _small(about, "liveactivity-about")]
    return format_html_join(" ", "{}", ((line,) for line in lines if line))


def _small(text: str, css: str) -> SafeString | str:
    return format_html('<small class="{}">{}</small>', css, text) if text else ""


def _short(whole: str, short: str, css: str) -> SafeString:
    """Return a text that may be cut; its title is the whole text."""
    if whole == short:
        return format_html('<span class="{}">{}</span>', css, short)
    return format_html('<span class="{}" title="{}">{}</span>', css, whole, short)


def state_cell(card: DescribedCard) -> SafeString:
    """Return a card's state in word and color and, in small, the outcome of the newest call."""
    words = [(card.state, card.status_text)]
    end = card.newest.pending_end
    if end is not None and end.due_at > card.now:
        words.append((DerivedState.SCHEDULED, str(DerivedState.SCHEDULED.label)))
    if card.wants_operator:
        words.append(("attention", gettext("needs attention")))
    return format_html("{} {}", badges(words), _last_outcome(card))


def badges(words: Iterable[tuple[str, str]]) -> SafeString:
    """Return states in word and color; each is a pair of its CSS name and its word."""
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
    """Return how long ago a card was inserted."""
    return time_tag(card.created_at, duration(card.now - card.created_at))


def end_cell(card: DescribedCard) -> str:
    """Return when the pending end is due, and the explanation of the card's state."""
    end, explanation = card.newest.pending_end, _small(card.explanation, "liveactivity-why")
    if end is None:
        return explanation
    if end.due_at > card.now:
        words = {"at": minute(end.due_at), "wait": duration(end.due_at - card.now)}
        return time_tag(end.due_at, gettext("scheduled for %(at)s, in %(wait)s") % words)
    due = gettext("due for %(age)s") % {"age": duration(card.now - end.due_at)}
    return format_html("{} {}", time_tag(end.due_at, due), explanation)
