"""The buttons on a card's page and beside an account: what each needs, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from django_liveactivity import conf, services
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.health import is_open
from django_liveactivity.models import LiveActivity, OperatorAction, Source, with_now
from django_liveactivity.services.writer import recorded_as

from .accounts import why_ends_wait, why_nothing_drains
from .cards import URL, DescribedCard
from .drafts import pass_on
from .permissions import PermittedAdmin
from .results import Result, log_change, result_messages, standing_result
from .wording import ago_text

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
        press: what it does; returns what has happened before, if that leaves nothing to do, or "".
            Raises ``InvalidInputError`` if it cannot be done.
        done: what the operator is told.
        logged: what the admin's log keeps.
        needs_calls: whether it comes to nothing while the account makes no calls.
    """

    permission: str
    press: Callable[[DescribedCard, User, str], str]
    done: StrPromise
    logged: StrPromise
    needs_calls: bool = True


def _end(card: DescribedCard, actor: User, reason: str) -> str:
    end = services.end_activity(card, actor=actor, reason=reason)
    if end.created_at >= card.now:
        return ""
    return " ".join(text for _, text in result_messages({standing_result(end): [card]}))


def _keep(card: DescribedCard, actor: User, reason: str) -> str:
    end = card.newest.pending_end
    if end is None or end.due_at <= card.now:
        return _("No end is scheduled that could be canceled.")
    services.keep_activity(card, actor=actor, reason=reason)
    return ""


def _retry(card: DescribedCard, actor: User, reason: str) -> str:
    decisions = services.batch.retry_cards(_cards_of(card), actor=actor, reason=reason)
    return _decided(decisions, Kind.RETRY, _("Nothing is due that could be retried."))


def _give_up(card: DescribedCard, actor: User, reason: str) -> str:
    if not reason:
        raise InvalidInputError.at("reason", _("Say why: the card may stay on the phones."))
    decisions = services.batch.give_up_cards(_cards_of(card), actor=actor, reason=reason)
    return _decided(decisions, Kind.GIVE_UP, _("Nothing is unfinished that could be given up."))


def _cards_of(card: DescribedCard) -> list[LiveActivity]:
    """Return a card, and with it the row whose end closes both."""
    end = card.newest.pending_end
    return [card] if end is None or end.activity_id == card.pk else [card, end.activity]


def _decided(decisions: Sequence[CardDecision], kind: Kind, otherwise: str) -> str:
    """Return why nothing was decided on a card, or "" if something was."""
    for decision in decisions:
        if decision.error is not None:
            raise decision.error
    if any(decision.decided for decision in decisions):
        return ""
    cards = [decision.card for decision in decisions]
    return _asked(cards[0].database, kind, operation__activity__in=cards) or otherwise


def _seen(card: DescribedCard, actor: User, reason: str) -> str:
    asked = _asked(card.database, Kind.ACKNOWLEDGE, operation__activity=card)
    if not asked and card.needs_attention:
        services.acknowledge_activity(card, actor=actor, reason=reason)
        return ""
    return asked or _("This card needs no attention any more.")


def _asked(using: str, kind: Kind, **of: object) -> str:
    """Return who has decided the same before, if no drain has carried that out; else ""."""
    rows = OperatorAction.objects.using(using).filter(kind=kind, applied_at=None, **of)
    action = with_now(rows).order_by("pk").first()
    if action is None:
        return ""
    text = _("%(actor)s has asked for this already, %(ago)s; the next drain does it.")
    return text % {"actor": action.actor, "ago": ago_text(action.now - action.created_at)}


BUTTONS = {
    "end_now": Button(
        "end", _end, gettext_lazy("Ending %(card)s."), gettext_lazy("End requested.")
    ),
    "keep": Button(
        "end",
        _keep,
        gettext_lazy("%(card)s is kept: its scheduled end is canceled."),
        gettext_lazy("Scheduled end canceled."),
        needs_calls=False,
    ),
    "retry": Button(
        "operate", _retry, gettext_lazy("Retrying %(card)s."), gettext_lazy("Retry requested.")
    ),
    "give_up": Button(
        "operate",
        _give_up,
        gettext_lazy("Giving up the unfinished operations of %(card)s."),
        gettext_lazy("Unfinished operations given up."),
        needs_calls=False,
    ),
    "seen": Button(
        "operate",
        _seen,
        gettext_lazy("%(card)s is marked as seen."),
        gettext_lazy("Marked as seen."),
        needs_calls=False,
    ),
}


def operate(model_admin: PermittedAdmin, request: HttpRequest, object_id: str) -> HttpResponse:
    """Press one of the buttons of a card's page (POST): ``do`` names it, ``reason`` says why.

    Any other request leads back to the page: so does a login in between, with what was typed.
    """
    page_url = url_of(model_admin, request, "change", object_id)
    if request.method != "POST":
        pass_on(request, page_url)
        return HttpResponseRedirect(page_url)
    card = cast("DescribedCard | None", model_admin.get_object(request, object_id))
    if card is None:
        return model_admin.not_found(request, object_id)
    button = BUTTONS.get(request.POST.get("do", ""))
    if button is None or not _may(model_admin, request, card, button.permission):
        raise PermissionDenied
    try:
        before = _press(button, request, card)
    except ContentRequiredError:
        text = _("Nothing is known of this card: give the title that its ended card shows.")
        model_admin.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(url_of(model_admin, request, "end", object_id))
    except InvalidInputError as error:
        text = " ".join(each.message for each in error.errors)
        model_admin.message_user(request, text, messages.ERROR)
    else:
        _tell(model_admin, request, card, button, before)
    return HttpResponseRedirect(page_url)


def _may(
    model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity, permission: str
) -> bool:
    if permission == "end":
        return model_admin.has_end_permission(request, card)
    return model_admin.has_operate_permission(request, card)


def _press(button: Button, request: HttpRequest, card: DescribedCard) -> str:
    """Do it and log it, both or neither where the log is in the same database."""
    user, reason = cast("User", request.user), request.POST.get("reason", "").strip()
    with transaction.atomic(using=card.database), recorded_as(Source.ADMIN):
        before = button.press(card, user, reason)
        if not before:
            log_change(user, [card], f"{button.logged} {reason}")
    return before


def _tell(
    model_admin: PermittedAdmin,
    request: HttpRequest,
    card: LiveActivity,
    button: Button,
    before: str,
) -> None:
    """Tell what was done, or what has happened before that left nothing to do."""
    if before:
        model_admin.message_user(request, before, messages.INFO)
        return
    model_admin.message_user(request, button.done % {"card": card}, messages.SUCCESS)
    account = conf.account(card.account)
    waits = why_ends_wait(account) if button.needs_calls else why_nothing_drains(account)
    if waits:
        model_admin.message_user(request, f"{card.account}: {waits}", messages.WARNING)


def probe(model_admin: PermittedAdmin, request: HttpRequest) -> HttpResponse:
    """Let an account make its next call at once (POST): ``account`` names it."""
    if request.method != "POST":
        return HttpResponseRedirect(_came_from(request))
    if not model_admin.has_operate_permission(request):
        raise PermissionDenied
    level, text = _probe(request.POST.get("account", ""), cast("User", request.user))
    model_admin.message_user(request, text, level)
    return HttpResponseRedirect(_came_from(request))


def _probe(alias: str, actor: User) -> tuple[int, str]:
    """Let an account probe, unless that is asked for or needless; return what to tell."""
    try:
        account = conf.account(alias)
        if asked := _asked(account.database, Kind.PROBE, account=alias):
            return messages.INFO, asked
        if is_open(account):
            return messages.INFO, Result.NOTHING_TO_PROBE.text % {"accounts": alias}
        with recorded_as(Source.ADMIN):
            services.probe_account(alias, actor=actor)
    except InvalidInputError as error:
        return messages.ERROR, str(error)
    return messages.SUCCESS, Result.PROBING.text % {"accounts": alias}


def _came_from(request: HttpRequest) -> str:
    given = request.POST.get("next", "")
    hosts, secure = {request.get_host()}, request.is_secure()
    if url_has_allowed_host_and_scheme(given, hosts, require_https=secure):
        return given
    return reverse(f"{URL}changelist")


def url_of(model_admin: PermittedAdmin, request: HttpRequest, name: str, object_id: object) -> str:
    """Return the address of a page of a card, with the filters of the list that it came from.

    Args:
        model_admin: of the site that the page is in.
        request: the request; its query string is kept.
        name: of the view: ``change``, ``end`` or ``operate``.
        object_id: the card's primary key.
    """
    path = reverse(f"{URL}{name}", args=[object_id], current_app=model_admin.admin_site.name)
    return f"{path}?{request.GET.urlencode()}" if request.GET else path
