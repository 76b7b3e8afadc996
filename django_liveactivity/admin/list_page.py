"""What the list says besides its rows: why a card is as it is, which accounts are not well."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone

from django_liveactivity.health import AccountStatus
from django_liveactivity.models import LiveActivity, from_datetime

from .accounts import read_accounts, unwell_accounts
from .batch import progress_line
from .permissions import PermittedAdmin
from .queryset import CardList
from .why import sentences


def complete(
    model_admin: PermittedAdmin, request: HttpRequest, answer: HttpResponse
) -> HttpResponse:
    """Return the answer of the list, with what stands above it and in its cells; others as is."""
    context = answer.context_data if isinstance(answer, TemplateResponse) else None
    if context is not None and "cl" in context:
        context |= _context(model_admin, request, cast("CardList", context["cl"]))
    return answer


def _context(model_admin: PermittedAdmin, request: HttpRequest, shown: CardList) -> dict[str, Any]:
    accounts = read_accounts(shown.result_list, shown.accounts)
    _explain(shown, accounts)
    # The clock of the rows; where there are none, nothing is told that needs the database's.
    now = next((card.now for card in shown.result_list), from_datetime(timezone.now()))
    return {
        "may_end": model_admin.has_end_permission(request),
        "may_operate": model_admin.has_operate_permission(request),
        "unwell_accounts": unwell_accounts(accounts.values(), now),
        "batch": progress_line(model_admin, request),
    }


def _explain(shown: CardList, accounts: Mapping[str, AccountStatus]) -> None:
    """Give the cards that may be on phones, or want an operator, the sentence why."""
    cards = [
        card
        for card in shown.result_list
        if card.wants_operator or card.newest.pending_end or card.status not in LiveActivity.OVER
    ]
    why = sentences(cards, accounts)
    for card in cards:
        card.why = why[card.pk]
