"""Ask before something is done to the selected cards."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django import forms
from django.contrib import messages
from django.contrib.admin import helpers
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from django_liveactivity.models import LiveActivity

from .changelist import describe

if TYPE_CHECKING:
    from django.db.models import QuerySet

    from .activity import LiveActivityAdmin

TEMPLATE = "admin/django_liveactivity/liveactivity/selected_confirmation.html"
MAX_CARDS = 500
"""How many at once: each is a form field, and Django takes 1,000 of them in a request."""


class ReasonForm(forms.Form):
    """Why an operator wants it."""

    reason = forms.CharField(
        label=_("Reason"),
        help_text=_("For the history."),
        max_length=1000,
        required=False,
        widget=forms.TextInput(attrs={"class": "vTextField"}),
    )


@dataclass(frozen=True)
class Confirmation:
    """What a confirmation page asks.

    Args:
        action: the name of the action that is confirmed.
        title: the heading.
        text: what will happen to the cards that are listed below.
        button: the answer that does it.
    """

    action: str
    title: Any
    text: Any
    button: Any


def selected(
    admin: LiveActivityAdmin, request: HttpRequest, queryset: QuerySet[LiveActivity, LiveActivity]
) -> list[LiveActivity] | None:
    """Return the cards that were selected, or None after a message that they are too many."""
    if is_confirmed(request):  # what was confirmed counts, whatever the filter says by now
        chosen = request.POST.getlist(helpers.ACTION_CHECKBOX_NAME)
        queryset = admin.get_queryset(request).filter(pk__in=chosen)
    cards = list(queryset[: MAX_CARDS + 1])
    if len(cards) <= MAX_CARDS:
        return cards
    text = ngettext(
        "At most %(count)d live activity can be chosen at once; select fewer.",
        "At most %(count)d live activities can be chosen at once; select fewer.",
        MAX_CARDS,
    )
    admin.message_user(request, text % {"count": MAX_CARDS}, messages.ERROR)
    return None


def is_card_id(value: str) -> bool:
    """Tell whether a selection's field can be the primary key of a card."""
    return value.isascii() and value.isdigit() and int(value[:20]) < 2**63


def is_confirmed(request: HttpRequest) -> bool:
    """Tell whether the request comes from a confirmation page."""
    return "post" in request.POST


def confirm(
    admin: LiveActivityAdmin,
    request: HttpRequest,
    cards: list[LiveActivity],
    form: forms.Form,
    question: Confirmation,
) -> HttpResponse:
    """Return the page that lists the cards and asks."""
    describe(admin.admin_site, request, cards)
    context = {
        **admin.admin_site.each_context(request),
        "title": question.title,
        "subtitle": None,
        "opts": admin.opts,
        "media": admin.media,
        "form": form,
        "question": question,
        "cards": [(card, admin.shown_status(card), admin.shown_subject(card)) for card in cards],
        "action_checkbox_name": helpers.ACTION_CHECKBOX_NAME,
        "back_url": request.get_full_path(),
    }
    request.current_app = admin.admin_site.name
    return TemplateResponse(request, TEMPLATE, context)
