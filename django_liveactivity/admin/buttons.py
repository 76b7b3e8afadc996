"""The buttons on a card's page and beside an account: when each is shown, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _, gettext_lazy

from django_liveactivity import services
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, OperatorAction, Source, with_now
from django_liveactivity.services.writer import recorded_as

from .actions import EndCards, GiveUpOperations, RetryOperations, probe_account, waiting_actions
from .display import DescribedCard, page_url
from .explanation import Facts
from .form_page import pass_draft_on
from .labels import ago_text
from .permissions import PermittedAdmin, any_card_of
from .results import Result, existing_result, log_change, result_messages

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext import StrPromise

    from django_liveactivity.services.batch import CardDecision


Kind = OperatorAction.Kind


@dataclass(frozen=True)
class Button:
    """What one button does.

    Args:
        permission: ``end`` or ``operate``.
        press: does it, and returns the result, or a message if there was nothing to do. Raises
            ``InvalidInputError`` if it cannot be done.
        logged: the text of the entry in the admin's log.
    """

    permission: str
    press: Callable[[DescribedCard, User, str], Result | str]
    logged: StrPromise


def _end(card: DescribedCard, actor: User, reason: str) -> Result:
    end = services.end_activity(card, actor=actor, reason=reason)
    return Result.ENDING if end.created_at >= card.now else existing_result(end)


def _keep(card: DescribedCard, actor: User, reason: str) -> Result | str:
    end = card.newest.pending_end
    if end is None or end.due_at <= card.now:
        return _("There is no scheduled end to cancel.")
    services.keep_activity(card, actor=actor, reason=reason)
    return Result.KEPT


def _retry(card: DescribedCard, actor: User, reason: str) -> Result | str:
    decisions = services.batch.retry_cards(_cards_of(card), actor=actor, reason=reason)
    otherwise = _("There is no due operation to retry.")
    return Result.RETRYING if _decided(decisions) else _asked(card, Kind.RETRY) or otherwise


def _give_up(card: DescribedCard, actor: User, reason: str) -> Result | str:
    if not reason:
        raise InvalidInputError.at("reason", _("Say why: the card may stay on the phones."))
    decisions = services.batch.give_up_cards(_cards_of(card), actor=actor, reason=reason)
    otherwise = _("There is no unfinished operation to give up.")
    return Result.GIVING_UP if _decided(decisions) else _asked(card, Kind.GIVE_UP) or otherwise


def _cards_of(card: DescribedCard) -> list[LiveActivity]:
    """Return a card, and the card of the pending end if it is another row of the same key."""
    end = card.newest.pending_end
    return [card] if end is None or end.activity_id == card.pk else [card, end.activity]


def _decided(decisions: Sequence[CardDecision]) -> bool:
    """Return whether an operation was decided on; raise the first error."""
    for decision in decisions:
        if decision.error is not None:
            raise decision.error
    return any(decision.decided for decision in decisions)


def _seen(card: DescribedCard, actor: User, reason: str) -> Result | str:
    if asked := _asked(card, Kind.ACKNOWLEDGE):
        return asked
    if not card.needs_attention:
        return _("This live activity needs no attention.")
    services.acknowledge_activity(card, actor=actor, reason=reason)
    return Result.SEEN


def _asked(card: DescribedCard, kind: Kind) -> str:
    """Return the message that the same decision waits for a drain, or ""."""
    rows = waiting_actions(card.database, kind).filter(operation__activity__in=_cards_of(card))
    action = with_now(rows).order_by("pk").first()
    if action is None:
        return ""
    text = _("%(actor)s already requested this %(ago)s; the next drain does it.")
    return text % {"actor": action.actor, "ago": ago_text(action.now - action.created_at)}


BUTTONS = {
    "end_now": Button("end", _end, EndCards.log_message),
    "keep": Button("end", _keep, gettext_lazy("Scheduled end canceled.")),
    "retry": Button("operate", _retry, RetryOperations.log_message),
    "give_up": Button("operate", _give_up, GiveUpOperations.log_message),
    "seen": Button("operate", _seen, gettext_lazy("Marked as seen.")),
}


def shown_buttons(facts: Facts, *, may_end: bool, may_operate: bool) -> dict[str, bool]:
    """Return which buttons make sense for a card, and are allowed."""
    end, card = facts.end, facts.card
    pending = end is not None and end.state in Operation.UNFINISHED
    scheduled = pending and end is not None and end.due_at > facts.now
    asked = pending and not scheduled
    is_open = not card.is_over
    stuck = asked or facts.content is not None
    return {
        "end_now": may_end and is_open and not asked,
        "end": may_end and is_open,
        "keep": may_end and scheduled,
        "retry": may_operate and stuck,
        "give_up": may_operate and (stuck or scheduled),
        "seen": may_operate and card.needs_attention and not pending,
    }


def operate(model_admin: PermittedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Press one of the buttons of a card's page (POST): ``do`` names it, ``reason`` says why.

    Any other request redirects to the page; after a login, with the reason that was typed.
    """
    page_url = url_of(model_admin, request, "change", object_id)
    if request.method != "POST":
        pass_draft_on(request, page_url)
        return HttpResponseRedirect(page_url)
    card = cast("DescribedCard | None", model_admin.get_object(request, object_id))
    if card is None:
        return model_admin.not_found(request, object_id)
    button = BUTTONS.get(request.POST.get("do", ""))
    if button is None:
        raise PermissionDenied
    if not getattr(model_admin, f"has_{button.permission}_permission")(request, card):
        raise PermissionDenied
    try:
        for level, text in _press(button, request, card):
            model_admin.message_user(request, text, level)
    except ContentRequiredError:
        text = _(
            "This project does not know what the card shows: give the title for the ended card."
        )
        model_admin.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(url_of(model_admin, request, "end", object_id))
    except InvalidInputError as error:
        text = " ".join(each.message for each in error.errors)
        model_admin.message_user(request, text, messages.ERROR)
    return HttpResponseRedirect(page_url)


def _press(button: Button, request: HttpRequest, card: DescribedCard) -> Iterable[tuple[int, str]]:
    """Press a button and log it; return messages.

    Where the log is in the card's database, both happen or neither.
    """
    user, reason = cast("User", request.user), request.POST.get("reason", "").strip()
    with transaction.atomic(using=card.database), recorded_as(Source.ADMIN):
        outcome = button.press(card, user, reason)
        if isinstance(outcome, Result) and outcome.is_change:
            log_change(user, [card], f"{button.logged} {reason}")
    if isinstance(outcome, Result):
        return result_messages(card, outcome)
    return [(messages.INFO, outcome)]


def probe(model_admin: PermittedAdmin, request: HttpRequest) -> HttpResponse:
    """Let an account make its next call at once (POST): ``account`` names it."""
    if request.method != "POST":
        return HttpResponseRedirect(_came_from(model_admin, request))
    alias = request.POST.get("account", "")
    if not model_admin.has_operate_permission(request, any_card_of(alias)):
        raise PermissionDenied
    try:
        result = probe_account(alias, cast("User", request.user))
        model_admin.message_user(request, result.text % {"accounts": alias}, result.level)
    except InvalidInputError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
    return HttpResponseRedirect(_came_from(model_admin, request))


def _came_from(model_admin: PermittedAdmin, request: HttpRequest) -> str:
    given = request.POST.get("next", "")
    hosts, secure = {request.get_host()}, request.is_secure()
    if url_has_allowed_host_and_scheme(given, hosts, require_https=secure):
        return given
    return page_url(model_admin.admin_site, "changelist")


def url_of(model_admin: PermittedAdmin, request: HttpRequest, name: str, object_id: object) -> str:
    """Return the address of a page of a card, with the request's query string.

    Args:
        model_admin: of the site that the page is in.
        request: the request; its query string is kept.
        name: of the view: ``change``, ``end`` or ``operate``.
        object_id: the card's primary key.
    """
    return page_url(model_admin.admin_site, name, object_id, query=request.GET.urlencode())
