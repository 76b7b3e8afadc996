"""The cards of one database, and what a page says about each besides its columns."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, cast

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.db.models import Model, OuterRef, QuerySet, Subquery, TextChoices
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf, selectors
from django_liveactivity.models import AccountState, LiveActivity, Now, Operation

if TYPE_CHECKING:
    from django_stubs_ext import WithAnnotations

Cards = QuerySet[LiveActivity, LiveActivity]
Status = LiveActivity.Status
ACCOUNT = "account"
URL = "admin:django_liveactivity_liveactivity_"
"""How the names of the pages of cards begin."""
LONGEST_NAME = 32
ALIASES = 1_000
"""So many accounts of the account source a page names at most."""
OPEN = tuple(status for status in Status if status not in LiveActivity.OVER)
"""The statuses of cards that may be on phones, or will be."""


class Lately(TextChoices):
    """What an open card is, besides its status."""

    ENDING = "ending", _("ending")
    """An end is due and not acknowledged."""
    EXPIRED = "expired", _("expired")
    """iOS has removed it by itself."""
    SCHEDULED = "scheduled", _("scheduled")
    """An end is to come."""


class CardFacts(TypedDict):
    """What a page says about a card; the first three are read with it, ``describe`` adds the rest.

    Args:
        now: the database's clock, in milliseconds, when the page was read.
        is_closed: whether an end is due.
        last_outcome: what the vendor answered last, or None.
        newest: which end and which content of it count.
        wants_operator: whether an operator should look at the card.
        state: what the list calls its state, a status or one of ``Lately``.
        status_text: the same in words.
        subject_text: its subject, as text or as a link; "" without one.
        why: why it is so, in a sentence, where the list says so.
    """

    now: int
    is_closed: bool
    last_outcome: str | None
    newest: selectors.Newest
    wants_operator: bool
    state: str
    status_text: str
    subject_text: str
    why: str


if TYPE_CHECKING:
    DescribedCard = WithAnnotations[LiveActivity, CardFacts]
else:
    DescribedCard = LiveActivity


def short_name(card: LiveActivity) -> str:
    """Return the card's name, cut to 32 characters: it may have 255."""
    return Truncator(str(card)).chars(LONGEST_NAME)


def is_id(value: str) -> bool:
    """Tell whether a text can be the primary key of a row of ours."""
    return value.isascii() and value.isdigit() and int(value[:20]) < 2**63


def accounts_of(cards: Iterable[LiveActivity]) -> list[str]:
    """Return the aliases of the cards' accounts."""
    return sorted({card.account for card in cards})


def database_of(request: HttpRequest) -> str:
    """Return the database of the account that a page is asked for; by default the first one's."""
    came_from = QueryDict(request.GET.get("_changelist_filters", ""))
    alias = request.GET.get(ACCOUNT) or came_from.get(ACCOUNT)
    account = conf.find_stand_in(alias or "")
    return account.database if account else next(iter(conf.databases()), "default")


def has_several_databases() -> bool:
    """Tell whether the accounts live in several databases, of which a page shows one."""
    return len(conf.databases()) > 1


def aliases_of(using: str) -> list[str]:
    """Return the aliases of all accounts, those of the account source by their rows.

    That is, those that were ever drained in this database, a thousand at most: the source is not
    asked, and may have many more.
    """
    named = list(conf.accounts())
    if conf.account_source() is None:
        return named
    states = AccountState.objects.using(using).exclude(account__in=named)
    return [*named, *states.order_by("account").values_list("account", flat=True)[:ALIASES]]


def cards(using: str) -> Cards:
    """Return the cards of a database, each with the first three of ``CardFacts``."""
    annotated: Cards = LiveActivity.objects.using(using).annotate(
        now=Now(), is_closed=selectors.is_closed(), last_outcome=last_outcome()
    )
    return annotated


def last_outcome() -> Subquery:
    """Return, as a column of cards, what the vendor answered last; None before any answer."""
    own = Operation.objects.filter(activity=OuterRef("pk")).exclude(outcome="")
    return Subquery(own.order_by("-pk").values("outcome")[:1])


def describe(
    site: admin.AdminSite, request: HttpRequest, rows: Iterable[LiveActivity]
) -> list[DescribedCard]:
    """Give each card what the lists and pages say of it.

    Two queries for operations and one per subject model, however many cards there are.
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
        card.why = ""
    return described


def newest_of(cards: Sequence[LiveActivity]) -> Mapping[int, selectors.Newest]:
    """Return which operations of cards count; those of described cards are known."""
    known = {card.pk: card.newest for card in cards if hasattr(card, "newest")}
    return known if len(known) == len(cards) else selectors.newest_operations(cards)


def state_of(card: LiveActivity, now: int) -> str:
    """Return what the pages call the state of a card read with ``is_closed``."""
    if card.status in LiveActivity.OVER:
        return card.status
    if card.is_closed:
        return Lately.ENDING
    return Lately.EXPIRED if selectors.is_expired(card, now) else card.status


def state_word(state: str) -> str:
    """Return what a state is called."""
    return str((Lately if state in Lately else Status)(state).label)


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
    url = _subject_url(site, request, subject)
    return format_html('<a href="{}">{}</a>', url, subject) if url else str(subject)


def _subject_url(site: admin.AdminSite, request: HttpRequest, subject: Model) -> str:
    """Return the subject's page in this admin, or "" where this user may see none."""
    model = type(subject)
    if not site.is_registered(model):
        return ""
    if not site.get_model_admin(model).has_view_or_change_permission(request, subject):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(subject.pk)], current_app=site.name)
