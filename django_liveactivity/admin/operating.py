"""The buttons on a card's page and beside an account: what each needs, and what it does."""

from __future__ import annotations

from collections.abc import Callable
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
from django_liveactivity.models import LiveActivity, Source
from django_liveactivity.services.writer import recorded_as

from .accounts import why_ends_wait, why_nothing_drains
from .cards import URL
from .permissions import PermittedAdmin
from .results import log_change

if TYPE_CHECKING:
    from django.contrib.auth.models import User
    from django_stubs_ext import StrPromise

    from django_liveactivity.services.batch import CardDecision


@dataclass(frozen=True)
class Button:
    """What one button does.

    Args:
        permission: ``end`` or ``operate``.
        press: what it does; raises ``InvalidInputError`` if that cannot be done.
        done: what the operator is told.
        logged: what the admin's log keeps.
        needs_calls: whether it comes to nothing while the account makes no calls.
    """

    permission: str
    press: Callable[[LiveActivity, User, str], object]
    done: StrPromise
    logged: StrPromise
    needs_calls: bool = True


def _end(card: LiveActivity, actor: User, reason: str) -> object:
    return services.end_activity(card, actor=actor, reason=reason)


def _keep(card: LiveActivity, actor: User, reason: str) -> object:
    return services.keep_activity(card, actor=actor, reason=reason)


def _retry(card: LiveActivity, actor: User, reason: str) -> object:
    [decision] = services.batch.retry_cards([card], actor=actor, reason=reason)
    return _decided(decision, _("Nothing is due that could be retried."))


def _give_up(card: LiveActivity, actor: User, reason: str) -> object:
    if not reason:
        raise InvalidInputError.at("reason", _("Say why: the card may stay on the phones."))
    [decision] = services.batch.give_up_cards([card], actor=actor, reason=reason)
    return _decided(decision, _("Nothing is unfinished that could be given up."))


def _decided(decision: CardDecision, otherwise: str) -> object:
    """Return what was decided on a card, if anything was."""
    if decision.error is not None:
        raise decision.error
    if not decision.decided:
        raise InvalidInputError.at("operation", otherwise)
    return decision


def _seen(card: LiveActivity, actor: User, reason: str) -> object:
    if not card.needs_attention:
        raise InvalidInputError.at("activity", _("This live activity needs no attention."))
    return services.acknowledge_activity(card, actor=actor, reason=reason)


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

    Any other request leads back to the page: so does a login in between.
    """
    if request.method != "POST":
        return HttpResponseRedirect(url_of(model_admin, request, "change", object_id))
    card = model_admin.get_object(request, object_id)
    if card is None:
        return model_admin.not_found(request, object_id)
    button = BUTTONS.get(request.POST.get("do", ""))
    if button is None or not _may(model_admin, request, card, button.permission):
        raise PermissionDenied
    try:
        _press(button, request, card)
    except ContentRequiredError:
        text = _("Nothing is known of this card: give the title that its ended card shows.")
        model_admin.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(url_of(model_admin, request, "end", object_id))
    except InvalidInputError as error:
        text = " ".join(each.message for each in error.errors)
        model_admin.message_user(request, text, messages.ERROR)
    else:
        _tell(model_admin, request, card, button)
    return HttpResponseRedirect(url_of(model_admin, request, "change", object_id))


def _may(
    model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity, permission: str
) -> bool:
    if permission == "end":
        return model_admin.has_end_permission(request, card)
    return model_admin.has_operate_permission(request, card)


def _press(button: Button, request: HttpRequest, card: LiveActivity) -> None:
    """Do it and log it, both or neither where the log is in the same database."""
    user, reason = cast("User", request.user), request.POST.get("reason", "").strip()
    with transaction.atomic(using=card.database), recorded_as(Source.ADMIN):
        button.press(card, user, reason)
        log_change(user, [card], f"{button.logged} {reason}")


def _tell(
    model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity, button: Button
) -> None:
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
    alias = request.POST.get("account", "")
    try:
        with recorded_as(Source.ADMIN):
            services.probe_account(alias, actor=cast("User", request.user))
    except InvalidInputError as error:
        model_admin.message_user(request, str(error), messages.ERROR)
    else:
        text = _("The next drain probes: %(accounts)s") % {"accounts": alias}
        model_admin.message_user(request, text, messages.SUCCESS)
    return HttpResponseRedirect(_came_from(request))


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
