"""A card's page: the sentence why, its sketches, the buttons that make sense, its timeline."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.sketches import sketches_of_both
from django_liveactivity.templatetags.liveactivity import drawn

from .accounts import unwell_accounts
from .drafts import TOKEN, FormToken, posted_fields
from .history import ago, history
from .operating import url_of
from .permissions import PermittedAdmin
from .why import Facts, read_facts, why


def page_context(
    model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity
) -> dict[str, Any]:
    """Return what the page of a card shows besides its fields."""
    [facts] = read_facts([card])
    now, at_end = sketches_of_both(card)
    typed = posted_fields(request)
    may_end = model_admin.has_end_permission(request, card)
    may_operate = model_admin.has_operate_permission(request, card)
    return {
        "why": why(facts),
        "history": history(card, facts.now),
        "eviction": _eviction(facts),
        "unwell_accounts": unwell_accounts(filter(None, [facts.account]), facts.now),
        "sketch": drawn(now),
        "sketch_at_end": drawn(at_end),
        "may_operate": model_admin.has_operate_permission(request),
        "buttons": buttons(facts, may_end=may_end, may_operate=may_operate),
        "is_over": card.status in LiveActivity.OVER,
        "is_moving": is_moving(facts),
        "typed_reason": typed.get("reason", "") if typed else "",
        "token_name": TOKEN,
        "token": FormToken.of(request.user, {}, ()).sign(),
        "operate_url": url_of(model_admin, request, "operate", card.pk),
        "end_url": url_of(model_admin, request, "end", card.pk),
    }


def buttons(facts: Facts, *, may_end: bool, may_operate: bool) -> dict[str, bool]:
    """Return which buttons make sense for a card, and are allowed."""
    end, card = facts.end, facts.card
    pending = end is not None and end.state in Operation.UNFINISHED
    scheduled = pending and end is not None and end.due_at > facts.now
    asked = pending and not scheduled
    is_open = card.status not in LiveActivity.OVER
    stuck = asked or facts.content is not None
    return {
        "end_now": may_end and is_open and not asked,
        "end": may_end and is_open,
        "keep": may_end and scheduled,
        "retry": may_operate and stuck,
        "give_up": may_operate and (stuck or scheduled),
        "seen": may_operate and card.needs_attention and not pending,
    }


def is_moving(facts: Facts) -> bool:
    """Tell whether delivery has something to do for the card now, so that the page will change."""
    pending = [each for each in (facts.end, facts.content) if each is not None]
    return any(each.state in Operation.UNFINISHED and each.due_at <= facts.now for each in pending)


def _eviction(facts: Facts) -> SafeString | str:
    evicting = facts.evictor_operation
    if evicting is None:
        return ""
    text = _("The vendor ended this card to make room for %(card)s.") % {"card": evicting.activity}
    return format_html("{}: {}", ago(evicting.finished_at or evicting.created_at, facts.now), text)
