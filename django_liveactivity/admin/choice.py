"""Chosen cards, from the list to the page that asks, and back to the list once they end.

A choice of several cards is a row of its own, so that thousands of them travel as one number, that
what was shown is what ends, and that a page which is sent twice ends the cards once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext

from django_liveactivity import services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health.progress import batch_progress

from .actions import ACTIONS, CardAction
from .batch import BATCH
from .cards import ACCOUNT, URL, Cards, database_of
from .confirmation import MOST_CHOSEN, Choice, ask, is_confirmed
from .content_errors import place_errors
from .drafts import posted_fields
from .forms import ReasonForm
from .results import Report, Result

if TYPE_CHECKING:
    from .confirmation import ModelAdmin

CAME_FROM = "_changelist_filters"
"""Django's name for the query string of the list that a page was opened from."""


def act(
    model_admin: ModelAdmin, action: type[CardAction], request: HttpRequest, queryset: Cards
) -> HttpResponse | None:
    """Ask about the selected cards, or do it if this was confirmed; what an admin action returns.

    Several cards are stored as a choice, with a page of its own.
    """
    using, filters = database_of(request), request.GET.urlencode()
    if is_confirmed(request):  # what was confirmed counts, whatever the filter finds by now
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        queryset = model_admin.get_queryset(request).filter(pk__in=chosen[: MOST_CHOSEN + 1])
    ids = sorted(queryset.values_list("pk", flat=True)[: MOST_CHOSEN + 1])
    if not ids:
        return None
    if len(ids) > MOST_CHOSEN:
        model_admin.message_user(request, _too_many(), messages.ERROR)
        return None
    choice = Choice(using, ids)
    if "post" in request.POST or len(ids) == 1:
        form = action.form_for(request.POST if "post" in request.POST else None)
        page = ChoicePage(model_admin, request, action, choice, filters)
        return page.answer(form, is_confirmed=is_confirmed(request))
    batch = services.batch.choose_cards(ids, using=using, filters=filters, actor=request.user)
    return HttpResponseRedirect(_page_url(model_admin, batch.pk, action, filters))


def confirm(model_admin: ModelAdmin, request: HttpRequest, number: int, name: str) -> HttpResponse:
    """Show the page of a stored choice, and do it when that is confirmed."""
    action = ACTIONS.get(name)
    if action is None:
        raise Http404
    if not (model_admin.has_view_permission(request) and action.may(model_admin, request)):
        raise PermissionDenied
    using, filters = database_of(request), request.GET.get(CAME_FROM, "")
    batch = services.batch.find_choice(number, using=using, actor=request.user)
    if batch is None:
        text = gettext("This choice of live activities is no longer there. Select them again.")
        model_admin.message_user(request, text, messages.WARNING)
        return HttpResponseRedirect(list_url(model_admin, filters))
    page = ChoicePage(model_admin, request, action, Choice(using, batch.card_ids, batch), filters)
    if batch.ended_at is not None:
        return page.leave_confirmed()
    form = action.form_for(posted_fields(request))
    return page.answer(form, is_confirmed=is_confirmed(request))


class ChoicePage:
    """The page that asks about chosen cards, and what follows it.

    Args:
        model_admin: the admin of live activities.
        request: asks for the page, or has its form.
        action: what is to be done to the cards.
        choice: the cards.
        filters: the query string of the list that they were chosen from.
    """

    def __init__(
        self,
        model_admin: ModelAdmin,
        request: HttpRequest,
        action: type[CardAction],
        choice: Choice,
        filters: str,
    ) -> None:
        self.model_admin, self.request, self.action = model_admin, request, action
        self.choice, self.filters = choice, filters

    def answer(self, form: ReasonForm, *, is_confirmed: bool) -> HttpResponse:
        """Return the page, or do what it asks about and return to the list."""
        if not (is_confirmed and form.is_valid()):
            return self._ask(form)
        try:
            report = self._run(form)
        except InvalidInputError as error:
            place_errors(error, form)
            return self._ask(form)
        return self.leave_confirmed() if report is None else self._leave(report)

    def leave_confirmed(self) -> HttpResponse:
        """Return to the list, for a choice that was confirmed before."""
        text = gettext("You have confirmed this already.")
        self.model_admin.message_user(self.request, text, messages.INFO)
        return HttpResponseRedirect(self._list_after(self._has_ends()))

    def _ask(self, form: ReasonForm) -> HttpResponse:
        back = list_url(self.model_admin, self.filters)
        return ask(self.model_admin, self.request, self.action, self.choice, form, back)

    def _run(self, form: ReasonForm) -> Report | None:
        choice = self.choice
        if self.action.makes_batch and choice.batch is None and len(choice.ids) > 1:
            user, filters = self.request.user, self.filters
            batch = services.batch.choose_cards(
                choice.ids, using=choice.using, filters=filters, actor=user
            )
            self.choice = choice = Choice(choice.using, choice.ids, batch)
        return self.action(self.model_admin, self.request, form).run(choice)

    def _leave(self, report: Report) -> HttpResponse:
        for level, text in report.messages():
            self.model_admin.message_user(self.request, text, level)
        return HttpResponseRedirect(self._list_after(report.has(Result.ENDING)))

    def _has_ends(self) -> bool:
        batch = self.choice.batch
        return batch is not None and batch_progress(batch.pk, self.choice.using) is not None

    def _list_after(self, has_ends: bool) -> str:
        """Return the list of the cards that end now, or the one that the user came from."""
        if self.choice.batch is None or not has_ends:
            return list_url(self.model_admin, self.filters)
        query = QueryDict(mutable=True)
        query[BATCH] = str(self.choice.batch.pk)
        if account := QueryDict(self.filters).get(ACCOUNT):
            query[ACCOUNT] = account
        return list_url(self.model_admin, query.urlencode())


def list_url(model_admin: ModelAdmin, query: str) -> str:
    """Return the list with a query string."""
    url = reverse(f"{URL}changelist", current_app=model_admin.admin_site.name)
    return f"{url}?{query}" if query else url


def _page_url(model_admin: ModelAdmin, number: int, action: type[CardAction], filters: str) -> str:
    name, site = f"{URL}confirm", model_admin.admin_site.name
    url = reverse(name, args=[number, action.name], current_app=site)
    return f"{url}?{urlencode({CAME_FROM: filters})}" if filters else url


def _too_many() -> str:
    text = ngettext(
        "At most %(count)d live activity can be chosen at once; select fewer.",
        "At most %(count)d live activities can be chosen at once; select fewer.",
        MOST_CHOSEN,
    )
    return text % {"count": MOST_CHOSEN}
