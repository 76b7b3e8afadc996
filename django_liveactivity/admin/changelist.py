"""The list of cards, which reads what it tells of them for the whole page at once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.contrib.admin.utils import quote
from django.contrib.admin.views.main import ChangeList
from django.db.models import Model
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext as _

from . import queryset


class CardList(ChangeList):
    """A page of cards, each with its newest operation and the object it tells of."""

    def get_results(self, request: HttpRequest) -> None:
        """Read the page."""
        super().get_results(request)
        describe(self.model_admin.admin_site, request, self.result_list)


def describe(site: AdminSite, request: HttpRequest, cards: Iterable[Any]) -> None:
    """Give each card ``newest``, its newest operation, and ``about_text``, what it tells of."""
    queryset.describe(cards)
    for card in cards:
        card.about_text = about(site, request, card)


def about(site: AdminSite, request: HttpRequest, card: Any) -> str:
    """Return what a described card tells of, as a link where this user may follow it."""
    if card.about is None:
        if not card.subject_model:
            return ""
        name = f"{card.subject_model} {card.subject_pk}"
        return _("%(name)s (not found)") % {"name": name}
    url = _url(site, request, card.about)
    return format_html('<a href="{}">{}</a>', url, card.about) if url else str(card.about)


def _url(site: AdminSite, request: HttpRequest, subject: Model) -> str:
    """Return the page of an object in this admin, or "" if this user finds none there."""
    model = type(subject)
    if not site.is_registered(model):
        return ""
    if not site.get_model_admin(model).has_view_or_change_permission(request, subject):
        return ""
    name = f"admin:{model._meta.app_label}_{model._meta.model_name}_change"
    return reverse(name, args=[quote(subject.pk)], current_app=site.name)
