"""The page that lists the selected cards and asks before an action changes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from django import forms
from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.db import models
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_liveactivity.models import LiveActivity

from .queryset import Cards, accounts_of, describe

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

TEMPLATE = "admin/django_liveactivity/liveactivity/selected_confirmation.html"
MAX_CARDS = 500
"""How many at once: each is a form field, and Django takes 1,000 of them in a request."""


def _reason_field(help_text: StrOrPromise, *, required: bool) -> forms.CharField:
    return forms.CharField(
        label=_("Reason"),
        help_text=help_text,
        max_length=1000,
        required=required,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


class ReasonForm(forms.Form):
    """Why the operator does it."""

    reason = _reason_field(_("For the history."), required=False)


class GiveUpForm(ReasonForm):
    """Why a card may stay on the phones: the reason is required."""

    reason = _reason_field(_("For the history: the cards may stay on the phones."), required=True)


class Dismissal(models.TextChoices):
    """How long the ended cards stay on the phones."""

    DEFAULT = "default", _("As the account or the vendor has set it")
    AT_ONCE = "at_once", _("Not at all: remove them at once")


class EndForm(ReasonForm):
    """How the cards end."""

    dismissal = forms.ChoiceField(
        label=_("How long the ended cards stay"),
        choices=Dismissal.choices,
        initial=Dismissal.DEFAULT,
        required=False,
        widget=forms.RadioSelect,
    )
    field_order = ("dismissal", "reason")


class ConfirmedAction:
    """An action that a page asks about first.

    Attributes:
        name: the name of the action to confirm.
        title: the heading.
        text: what will happen to the cards that are listed below; it may have the names
            ``accounts`` and ``count``, the number of accounts.
        button: the label of the button that confirms.
        form: what else the page asks.
    """

    name: str
    title: StrOrPromise
    text: StrOrPromise
    button: StrOrPromise
    form: type[ReasonForm] = ReasonForm


def selected(
    model_admin: admin.ModelAdmin[LiveActivity], request: HttpRequest, queryset: Cards
) -> list[LiveActivity]:
    """Return the selected cards; none, after a message, if there are more than 500."""
    if is_confirmed(request):  # what was confirmed counts, whatever the filter finds by now
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        queryset = model_admin.get_queryset(request).filter(pk__in=chosen)
    cards = list(queryset[: MAX_CARDS + 1])
    if len(cards) <= MAX_CARDS:
        return cards
    text = ngettext(
        "At most %(count)d live activity can be chosen at once; select fewer.",
        "At most %(count)d live activities can be chosen at once; select fewer.",
        MAX_CARDS,
    )
    model_admin.message_user(request, text % {"count": MAX_CARDS}, messages.ERROR)
    return []


def is_card_id(value: str) -> bool:
    """Tell whether a checkbox's value can be the primary key of a card."""
    return value.isascii() and value.isdigit() and int(value[:20]) < 2**63


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the request comes from a confirmation page."""
    return "post" in request.POST


def confirm(
    model_admin: admin.ModelAdmin[LiveActivity],
    request: HttpRequest,
    cards: Sequence[LiveActivity],
    form: forms.Form,
    action: type[ConfirmedAction],
) -> HttpResponse:
    """Return the page that lists the cards and asks."""
    site, empty = model_admin.admin_site, model_admin.get_empty_value_display()
    described, accounts = describe(site, request, cards), accounts_of(cards)
    context = {
        **site.each_context(request),
        "title": action.title,
        "subtitle": None,
        "opts": model_admin.opts,
        "media": model_admin.media,
        "form": form,
        "action": action.name,
        "button": action.button,
        "text": action.text % {"count": len(accounts), "accounts": ", ".join(accounts)},
        "cards": [(card, card.status_text, card.subject_text or empty) for card in described],
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "back_url": request.get_full_path(),
    }
    request.current_app = site.name
    return TemplateResponse(request, TEMPLATE, context)
