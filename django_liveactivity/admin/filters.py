"""What narrows the list of cards: an account, attention, and a search that takes names exactly."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.admin.views.main import ChangeList
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf
from django_liveactivity.models import KnownActivityId, LiveActivity, lane_digest

from . import queryset

Cards = QuerySet[LiveActivity, LiveActivity]
CHOICES = {"1": True, "0": False}


class AccountFilter(admin.SimpleListFilter):
    """One account or all; always one, if the accounts live in several databases."""

    title = _("account")
    parameter_name = queryset.ACCOUNT

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Return the configured accounts, if there is a choice."""
        aliases = list(conf.accounts())
        return [(alias, alias) for alias in aliases] if len(aliases) > 1 else []

    def value(self) -> str | None:
        """Return the account that was chosen, or must be."""
        chosen = super().value()
        return (
            next(iter(conf.accounts()))
            if chosen is None and queryset.has_several_databases()
            else chosen
        )

    def choices(self, changelist: ChangeList) -> Iterator[Any]:
        """Yield the choices; "All" only where one database holds them all."""
        choices = super().choices(changelist)
        if queryset.has_several_databases():
            next(choices)
        yield from choices

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        """Return the cards of the account."""
        return queryset.filter(account=self.value()) if self.value() else queryset


class AttentionFilter(admin.SimpleListFilter):
    """The cards that somebody should look at."""

    title = _("needs attention")
    parameter_name = "attention"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Return yes and no."""
        return [("1", _("Yes")), ("0", _("No"))]

    def queryset(self, request: HttpRequest, queryset: Cards) -> Cards:
        """Return the cards that need attention, or those that do not."""
        value = self.value() or ""
        if value not in CHOICES:
            return queryset
        return queryset.filter(Q(("wants_operator", CHOICES[value])))  # annotated by rows.cards


def search(queryset: Cards, term: str) -> Cards:
    """Return the cards with that stream key, activity id or subject's key, byte for byte.

    By digest, as MariaDB's default collation takes ``Order-42`` for ``order-42``; a stream is
    found by every activity id that it ever had.
    """
    by_key, by_id = lane_digest(stream_key=term), lane_digest(activity_id=term)
    known = KnownActivityId.objects.filter(id_digest=by_id).values("activity")
    named = Q(lane_digest__in=(by_key, by_id)) | Q(pk__in=known)
    return queryset.filter(named | Q(subject_pk=term))
