"""The cards that the list shows: of which database, found by which filters, with what facts."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypedDict, cast

from django.contrib import admin
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.db.models import Exists, Model, OuterRef, Q, QuerySet, Subquery, Value
from django.http import HttpRequest, QueryDict
from django.urls import reverse
from django.utils.html import format_html
from django.utils.text import Truncator
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf, selectors
from django_liveactivity.models import (
    KnownActivityId,
    LiveActivity,
    Now,
    Operation,
    SameBytes,
    lane_digest,
)

if TYPE_CHECKING:
    from django_stubs_ext import StrPromise, WithAnnotations

Cards = QuerySet[LiveActivity, LiveActivity]
ACCOUNT = "account"
LONGEST_NAME = 32
ATTENTION = {"1": True, "0": False}


class CardFacts(TypedDict):
    """What a page says about a card besides its columns; ``describe`` fills in the last three."""

    now: int
    is_closed: bool
    wants_operator: bool
    newest_operation_id: int | None
    newest: Operation | None
    status_text: str
    subject_text: str


if TYPE_CHECKING:
    DescribedCard = WithAnnotations[LiveActivity, CardFacts]
else:
    DescribedCard = LiveActivity


def short_name(card: LiveActivity) -> str:
    """Return the card's name, cut to 32 characters: it may have 255."""
    return Truncator(str(card)).chars(LONGEST_NAME)


def accounts_of(cards: Iterable[LiveActivity]) -> list[str]:
    """Return the aliases of the cards' accounts."""
    return sorted({card.account for card in cards})


def database_of(request: HttpRequest) -> str:
    """Return the database of the account that a page is asked for; by default the first one's."""
    accounts = conf.accounts()
    came_from = QueryDict(request.GET.get("_changelist_filters", ""))
    alias = request.GET.get(ACCOUNT) or came_from.get(ACCOUNT)
    account = accounts.get(alias or "") or next(iter(accounts.values()), None)
    return account.database if account else "default"


def has_several_databases() -> bool:
    """Tell whether the accounts live in several databases, of which a page shows one."""
    return len({account.database for account in conf.accounts().values()}) > 1


def cards(using: str) -> Cards:
    """Return the cards of a database, each with the first four of ``CardFacts``."""
    own = Operation.objects.filter(activity=OuterRef("pk"))
    annotated: Cards = LiveActivity.objects.using(using).annotate(
        now=Now(),
        is_closed=selectors.is_closed(),
        wants_operator=Q(needs_attention=True)
        | Exists(own.filter(state=Operation.State.NEEDS_OPERATOR)),
        newest_operation_id=Subquery(own.order_by("-pk").values("pk")[:1]),
    )
    return annotated


def search(queryset: Cards, term: str) -> Cards:
    """Return the cards with this stream key, activity ID or subject key, byte for byte.

    By digest, as MariaDB's default collation takes ``Order-42`` for ``order-42``; a stream is
    found by every activity ID that it ever had.
    """
    by_key, by_id = lane_digest(stream_key=term), lane_digest(activity_id=term)
    known = KnownActivityId.objects.filter(id_digest=by_id).values("activity")
    named = Q(lane_digest__in=(by_key, by_id)) | Q(pk__in=known)
    same = SameBytes("subject_pk", Value(term, output_field=selectors.SUBJECT_PK))
    return queryset.filter(named | Q(same, subject_pk=term))


class AccountFilter(admin.SimpleListFilter):
    """One account or all; always one if the accounts live in several databases."""

    title = _("account")
    parameter_name = ACCOUNT

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, str]]:
        aliases = list(conf.accounts())
        return [(alias, alias) for alias in aliases] if len(aliases) > 1 else []

    def value(self) -> str | None:
        chosen = super().value()
        if chosen is None and has_several_databases():
            return next(iter(conf.accounts()))
        return chosen

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        choices = super().choices(changelist)
        if has_several_databases():
            next(choices)  # "All": a page shows one database
        yield from choices

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        alias = self.value()
        if not alias:
            return queryset
        # PostgreSQL raises for a NUL.
        return queryset.filter(account=alias) if conf.ALIAS.fullmatch(alias) else queryset.none()


class AttentionFilter(admin.SimpleListFilter):
    """The cards that an operator should look at."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: object) -> list[tuple[str, StrPromise]]:
        return [("1", _("Yes")), ("0", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        value = self.value() or ""
        if value not in ATTENTION:
            return queryset
        return queryset.filter(Q(("wants_operator", ATTENTION[value])))  # annotated by cards()


class CardList(ChangeList):
    """A page of cards, each described."""

    def get_results(self, request: HttpRequest) -> None:
        super().get_results(request)
        describe(self.model_admin.admin_site, request, self.result_list)


def describe(
    site: admin.AdminSite, request: HttpRequest, rows: Iterable[LiveActivity]
) -> list[DescribedCard]:
    """Give each card its newest operation, its status, and its subject as text or as a link.

    One query for the operations and one per subject model, however many cards there are.
    """
    described = cast("list[DescribedCard]", list(rows))
    if not described:
        return []
    operations = Operation.objects.using(described[0]._state.db)
    newest = operations.in_bulk([pk for card in described if (pk := card.newest_operation_id)])
    subjects = selectors.subjects(described)
    for card in described:
        card.newest = newest.get(card.newest_operation_id or 0)
        card.status_text = _status_text(card)
        card.subject_text = _subject_text(site, request, card, subjects[card.pk])
    return described


def _status_text(card: DescribedCard) -> str:
    """Return the card's status; a card without an end that iOS has removed is expired."""
    is_expired = selectors.is_expired(card, card.now)
    return gettext("expired") if is_expired else card.get_status_display()


def _subject_text(
    site: admin.AdminSite, request: HttpRequest, card: LiveActivity, subject: Model | None
) -> str:
    if subject is None:
        if not card.subject_model:
            return ""
        name = f"{card.subject_model} {card.subject_pk}"
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
