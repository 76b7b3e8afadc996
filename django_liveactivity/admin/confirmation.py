"""The page that asks before an action changes the selected cards, and what follows it.

A selection of several cards is a row of its own, so that thousands of them travel as one number,
that what was shown is what ends, and that a page which is sent twice ends the cards once.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext, ngettext_lazy

from django_liveactivity import conf, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health.progress import batch_progress
from django_liveactivity.models import LiveActivity

from .actions import ACTIONS, CardAction, Choice
from .batch_progress import BATCH
from .display import URL, describe
from .form_page import TOKEN, FormToken, is_confirmed, posted_fields
from .forms import ReasonForm, place_errors
from .labels import TYPES, number_text
from .permissions import PermittedAdmin
from .queryset import ACCOUNT, LIMIT, Cards, database_of
from .results import NAMED, Report, Result, Tally, gone_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


TEMPLATE = "admin/django_liveactivity/liveactivity/selected_confirmation.html"
MAX_CARDS = 500
"""How many as form fields: Django takes 1,000 of them in a request."""
MOST_CHOSEN = LIMIT
"""How many at once, as many as a list has."""
SKETCHED = 4
"""How many are drawn: as many as a phone shows."""


@dataclass
class Summary:
    """What the page says of the chosen cards.

    Args:
        statuses: how many cards have each status.
        types: how many are of each type.
        accounts: how many are of each account.
        first: the first 20 ids, to be named.
        forbidden: those that this user may not change.
        missing: how many are gone.
    """

    statuses: Counter[str] = field(default_factory=Counter)
    types: Counter[str] = field(default_factory=Counter)
    accounts: Counter[str] = field(default_factory=Counter)
    first: list[int] = field(default_factory=list)
    forbidden: Tally = field(default_factory=Tally)
    missing: int = 0

    @property
    def count(self) -> int:
        """How many cards the action is for."""
        return self.accounts.total()

    @property
    def more(self) -> int:
        """How many of them are not named."""
        return self.count - len(self.first)

    def add(self, card: LiveActivity) -> None:
        """Count a card that the action is for."""
        self.statuses[card.status] += 1
        self.types[card.type] += 1
        self.accounts[card.account] += 1
        if len(self.first) < NAMED:
            self.first.append(card.pk)

    def parts(self) -> Iterator[tuple[str, list[tuple[str, str]]]]:
        """Yield what the cards are: a heading, and what is how frequent."""
        yield gettext("Number"), [("", number_text(self.count))]
        yield gettext("Status"), _counted(self.statuses, dict(LiveActivity.Status.choices))
        yield gettext("Type"), _counted(self.types, TYPES)
        if conf.has_several_accounts():
            yield gettext("Account"), _counted(self.accounts, {})


def _counted(counts: Counter[str], names: Mapping[str, StrOrPromise]) -> list[tuple[str, str]]:
    """Return what is how frequent, by its name, the most frequent first."""
    unknown = gettext("unknown")
    return [
        (str(names.get(value) or value or unknown), number_text(count))
        for value, count in counts.most_common()
    ]


def summarize(
    model_admin: PermittedAdmin, request: HttpRequest, action: type[CardAction], choice: Choice
) -> Summary:
    """Return what there is to say of chosen cards, in one query for each thousand."""
    summary = Summary()
    for cards, missing in choice.read(_plain_rows):
        summary.missing += missing
        for card in cards:
            if action.may(model_admin, request, card):
                summary.add(card)
            else:
                summary.forbidden.add(card)
    return summary


def _listed(summary: Summary) -> str:
    """Return the heading of the cards that are named."""
    if summary.more:
        return gettext("The newest %(count)d of them") % {"count": len(summary.first)}
    return ngettext("The live activity", "The live activities", summary.count)


def _notes(summary: Summary) -> Iterator[str]:
    """Yield which of the chosen cards are left out."""
    if summary.forbidden.count:
        text = ngettext_lazy(
            "You may not do this to %(count)d live activity, which is left out: %(names)s",
            "You may not do this to %(count)d live activities, which are left out: %(names)s",
            "count",
        )
        yield summary.forbidden.fill(text)
    if summary.missing:
        yield gone_text(summary.missing)


def _plain_rows(using: str, ids: Sequence[int]) -> list[LiveActivity]:
    return list(LiveActivity.objects.using(using).filter(pk__in=ids).order_by("-pk"))


def ask(
    model_admin: PermittedAdmin,
    request: HttpRequest,
    action: type[CardAction],
    choice: Choice,
    form: ReasonForm,
    back_url: str,
) -> HttpResponse:
    """Return the page that shows the cards and asks."""
    site, empty = model_admin.admin_site, model_admin.get_empty_value_display()
    summary = summarize(model_admin, request, action, choice)
    accounts = sorted(summary.accounts)
    rows = model_admin.get_queryset(request).filter(pk__in=summary.first).order_by("-pk")
    described = describe(site, request, rows)
    can_be_drawn = not (form.is_bound and form.errors)
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
        "summary": summary,
        "listed": _listed(summary),
        "more": gettext("and %(count)s more") % {"count": number_text(summary.more)},
        "notes": list(_notes(summary)),
        "cards": [(card, card.status_text, card.subject_text or empty) for card in described],
        "preview": action.preview(described[:SKETCHED], form) if can_be_drawn else [],
        "has_preview": action.makes_batch,
        "own_fields": getattr(form, "own_fields", form),
        "content_fields": getattr(form, "content_fields", ()),
        "ids": [] if choice.batch else choice.ids,
        "action_checkbox_name": ACTION_CHECKBOX_NAME,
        "token_name": TOKEN,
        "token": FormToken.of(request.user, {}, ()).sign(),
        "back_url": back_url,
    }
    request.current_app = site.name
    return TemplateResponse(request, TEMPLATE, context)


CAME_FROM = "_changelist_filters"
"""Django's name for the query string of the list that a page was opened from."""


def act(
    model_admin: PermittedAdmin, action: type[CardAction], request: HttpRequest, queryset: Cards
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


def confirm(
    model_admin: PermittedAdmin, request: HttpRequest, number: int, name: str
) -> HttpResponse:
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
        model_admin: PermittedAdmin,
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


def list_url(model_admin: PermittedAdmin, query: str) -> str:
    """Return the list with a query string."""
    url = reverse(f"{URL}changelist", current_app=model_admin.admin_site.name)
    return f"{url}?{query}" if query else url


def _page_url(
    model_admin: PermittedAdmin, number: int, action: type[CardAction], filters: str
) -> str:
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
