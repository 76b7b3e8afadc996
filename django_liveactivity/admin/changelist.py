"""The list of cards: filters, search, pages, and the notes above it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from django.contrib.admin.options import IncorrectLookupParameters
from django.contrib.admin.views.main import ORDER_VAR, ChangeList
from django.core.paginator import InvalidPage
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from django_liveactivity.health import AccountStatus
from django_liveactivity.models import from_datetime

from .accounts import read_accounts, troubled_accounts
from .batch_progress import progress_line
from .display import DescribedCard, describe
from .explanation import explanations
from .filters import AccountFilter, CardFilter
from .labels import number_text
from .permissions import PermittedAdmin
from .queryset import LIMIT, Cards, Window, aliases_of, cut, is_cut, newest_ids, of_accounts
from .search import search


@dataclass(frozen=True)
class Found:
    """The cards of a list.

    Args:
        ids: at most 20,000, in the list's order.
        is_cut: whether there are more.
        newest: how many of the newest were looked at, and the open ones; 0 if all were.
        is_loose: whether no card has all of the words that were searched for.
    """

    ids: list[int] = field(default_factory=list)
    is_cut: bool = False
    newest: int = 0
    is_loose: bool = False


class CardChangeList(ChangeList):
    """A page of cards, each described.

    The ids of all pages come first, from indexes; everything else is read for the rows of one page.
    """

    found: Found

    def get_queryset(
        self, request: HttpRequest, exclude_parameters: list[str | None] | None = None
    ) -> Cards:
        """Return the cards of all pages, as an action on all of them gets them."""
        self.root_queryset = self._confined(request)
        words, self.query = self.query, ""  # find() looks for them
        try:
            self._rows: Cards = super().get_queryset(request, exclude_parameters)
        finally:
            self.query = words
        self.found = self._find(self._rows)
        found: Cards = self.root_queryset.filter(pk__in=self.found.ids)
        return found

    def _confined(self, request: HttpRequest) -> Cards:
        model_admin = cast("PermittedAdmin", self.model_admin)
        self._allowed = model_admin.allowed_accounts(request)
        return of_accounts(model_admin.get_queryset(request), self._allowed)

    def _find(self, rows: Cards) -> Found:
        """Return the cards that match every filter and the search."""
        base, term = self._base(), self.query.strip()
        named = self._named(base)
        if not term and rows.query.where == base.query.where:  # no filter has a condition to ask
            return self._found(newest_ids(base) if named is None else named.named or [], named)
        window = named or self._of_statuses() or Window.over(base, self._newest())
        if not term:
            return self._found(window.ids(rows), window)
        hits = search(term, rows, window, self.accounts)
        return self._found(hits.ids, window, is_loose=hits.is_loose)

    def _base(self) -> Cards:
        """Return the cards of the chosen account, which an index has in their order."""
        rows: Cards = self.root_queryset
        for spec in self._specs():
            if isinstance(spec, AccountFilter):
                rows = spec.queryset(spec.request, rows)
        return rows

    def _named(self, base: Cards) -> Window | None:
        """Return the cards that filters find by an index, or None if no filter does."""
        named = [ids for spec in self._specs() if (ids := spec.ids(base)) is not None]
        if not named:
            return None
        common = {*named[0]}.intersection(*named[1:])
        newest = LIMIT if any(map(is_cut, named)) else 0
        return Window(named=[pk for pk in named[0] if pk in common], newest=newest)

    def _of_statuses(self) -> Window | None:
        """Return the cards with a filter's statuses, or None if no filter has any."""
        named = [spec.statuses() for spec in self._specs()]
        return next((Window(statuses=each) for each in named if each), None)

    def _newest(self) -> int:
        """Return how many of the newest cards every active filter can test."""
        return min((spec.newest for spec in self._specs() if spec.value()), default=LIMIT)

    def _specs(self) -> Iterator[CardFilter]:
        return (spec for spec in self.filter_specs if isinstance(spec, CardFilter))

    @property
    def limit(self) -> str:
        """How many cards a list has at most, formatted."""
        return number_text(LIMIT)

    @property
    def looked_at(self) -> str:
        """How many of the newest cards were searched, formatted; "0" for all."""
        return number_text(self.found.newest)

    @property
    def accounts(self) -> list[str]:
        """The aliases of the accounts that the list is about."""
        chosen = [spec.value() for spec in self._specs() if isinstance(spec, AccountFilter)]
        named = [alias for alias in chosen if alias] or aliases_of(self.root_queryset.db)
        allowed = self._allowed
        return named if allowed is None else [alias for alias in named if alias in allowed]

    def _found(
        self, ids: list[int], window: Window | None = None, *, is_loose: bool = False
    ) -> Found:
        """Return at most 20,000 of the ids, in the requested order."""
        shown, first = cut(ids), self._rows.query.order_by[0]
        if ORDER_VAR in self.params:
            shown = sorted(shown, reverse=first != "pk")
        newest = 0 if window is None else window.newest
        return Found(shown, is_cut(ids), newest, is_loose)

    def get_results(self, request: HttpRequest) -> None:
        """Count the cards, and read those of the page."""
        ids = self.found.ids
        self.paginator = self.model_admin.paginator(ids, self.list_per_page)
        self.result_count = len(ids)
        self.show_full_result_count, self.full_result_count = False, None
        self.show_admin_actions = True
        self.can_show_all = self.result_count <= self.list_max_show_all
        self.multi_page = self.result_count > self.list_per_page
        self.result_list = self._described(request, self._page_of(ids))

    def _page_of(self, ids: list[int]) -> list[int]:
        if not self.multi_page or (self.show_all and self.can_show_all):
            return ids
        try:
            return list(self.paginator.page(self.page_num).object_list)
        except InvalidPage:
            raise IncorrectLookupParameters from None

    def _described(self, request: HttpRequest, ids: list[int]) -> list[DescribedCard]:
        """Return the cards of a page in its order, without deleted ones."""
        read = {card.pk: card for card in self.root_queryset.filter(pk__in=ids)}
        rows = [read[pk] for pk in ids if pk in read]
        return describe(self.model_admin.admin_site, request, rows)


def add_context(
    model_admin: PermittedAdmin, request: HttpRequest, answer: HttpResponse
) -> HttpResponse:
    """Add the notes above the list, and the cells' explanations, to the list's response."""
    context = answer.context_data if isinstance(answer, TemplateResponse) else None
    if context is not None and "cl" in context:
        context |= _context(model_admin, request, cast("CardChangeList", context["cl"]))
    return answer


def _context(
    model_admin: PermittedAdmin, request: HttpRequest, shown: CardChangeList
) -> dict[str, Any]:
    accounts = read_accounts(shown.result_list, shown.accounts)
    _explain(shown, accounts)
    # The clock of the rows; where there are none, nothing is told that needs the database's.
    now = next((card.now for card in shown.result_list), from_datetime(timezone.now()))
    return {
        "may_end": model_admin.has_end_permission(request),
        "may_operate": model_admin.has_operate_permission(request),
        "troubled_accounts": troubled_accounts(accounts.values(), now),
        "batch": progress_line(model_admin, request),
    }


def _explain(shown: CardChangeList, accounts: Mapping[str, AccountStatus]) -> None:
    """Explain the cards that may be on phones or need an operator."""
    cards = [
        card
        for card in shown.result_list
        if card.wants_operator or card.newest.pending_end or not card.is_over
    ]
    texts = explanations(cards, accounts)
    for card in cards:
        card.explanation = texts[card.pk]
