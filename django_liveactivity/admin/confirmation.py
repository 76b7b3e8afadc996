"""The page that asks before an action changes the selected cards, and what follows it.

A selection of several cards is a row of its own, so that thousands of them travel as one number,
that what was shown is what ends, and that a page which is sent twice ends the cards once.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from django.contrib import messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.http import urlencode
from django.utils.translation import gettext, ngettext, ngettext_lazy

from django_liveactivity import conf, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.health.progress import batch_progress
from django_liveactivity.models import EndBatch, LiveActivity

from .actions import ACTIONS, CardAction, Selection, read_cards
from .batch_progress import BATCH
from .display import describe, page_url
from .form_errors import place_errors
from .form_page import FormPage, is_confirmed, posted_fields
from .forms import ReasonForm
from .labels import TYPES, number_text
from .permissions import PermittedAdmin
from .queryset import ACCOUNT, LIMIT, Cards, database_of
from .results import NAMED, Report, Result, Tally, gone_text

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise


CAME_FROM = "_changelist_filters"
"""Django's name for the query string of the list that a page was opened from."""
MAX_SELECTED = LIMIT
"""As many cards as a list has."""
PREVIEWED = 4
"""As many cards as a phone shows."""


@dataclass
class Summary:
    """What the page says about the selected cards.

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
        """Yield the parts of the summary: a heading, and counts by name."""
        yield gettext("Number"), [("", number_text(self.count))]
        yield gettext("Status"), _counted(self.statuses, dict(LiveActivity.Status.choices))
        yield gettext("Type"), _counted(self.types, TYPES)
        if conf.has_several_accounts():
            yield gettext("Account"), _counted(self.accounts, {})


def _counted(counts: Counter[str], names: Mapping[str, "StrOrPromise"]) -> list[tuple[str, str]]:
    """Return counts by name, the largest first."""
    unknown = gettext("unknown")
    return [
        (str(names.get(value) or value or unknown), number_text(count))
        for value, count in counts.most_common()
    ]


def _listed(summary: Summary) -> str:
    """Return the heading of the cards that are named."""
    if summary.more:
        return gettext("The newest %(count)d of them") % {"count": len(summary.first)}
    return ngettext("The live activity", "The live activities", summary.count)


def _notes(summary: Summary) -> Iterator[str]:
    """Yield notes about the cards that are left out."""
    if summary.forbidden.count:
        text = ngettext_lazy(
            "You have no permission for %(count)d live activity, which is left out: %(names)s",
            "You have no permission for %(count)d live activities, which are left out: %(names)s",
            "count",
        )
        yield summary.forbidden.fill(text)
    if summary.missing:
        yield gone_text(summary.missing)


def run_action(
    model_admin: PermittedAdmin, action: type[CardAction], request: HttpRequest, queryset: Cards
) -> HttpResponse | None:
    """Ask about the selected cards, or run the action if the user has confirmed it.

    Several cards are stored as a selection, which has a page of its own.
    """
    using, filters = database_of(request), request.GET.urlencode()
    if is_confirmed(request):  # what was confirmed counts, whatever the filter finds by now
        chosen = request.POST.getlist(ACTION_CHECKBOX_NAME)
        queryset = model_admin.confined(request, model_admin.get_queryset(request))
        queryset = queryset.filter(pk__in=chosen[: MAX_SELECTED + 1])
    ids = sorted(queryset.values_list("pk", flat=True)[: MAX_SELECTED + 1])
    if not ids:
        return None
    if len(ids) > MAX_SELECTED:
        model_admin.message_user(request, _too_many(), messages.ERROR)
        return None
    if "post" in request.POST or len(ids) == 1:
        form = action.form_for(request.POST if "post" in request.POST else None)
        page = ConfirmationPage(model_admin, request, action, Selection(using, ids), filters)
        return page.respond(form)
    batch = _store(request, ids, using)
    query = urlencode({CAME_FROM: filters}) if filters else ""
    url = page_url(model_admin.admin_site, "confirm", batch.pk, action.name, query=query)
    return HttpResponseRedirect(url)


def confirm_action(
    model_admin: PermittedAdmin, request: HttpRequest, number: int, name: str
) -> HttpResponse:
    """Show the page of a stored selection, or run the action if the user has confirmed it."""
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
    selection = Selection(using, batch.card_ids, batch)
    page = ConfirmationPage(model_admin, request, action, selection, filters)
    if batch.ended_at is not None:
        return page.leave_confirmed()
    return page.respond(action.form_for(posted_fields(request)))


class ConfirmationPage(FormPage):
    """The page that asks about selected cards, and what follows it.

    Args:
        model_admin: the admin of live activities.
        request: asks for the page, or has its form.
        action: the action on the cards.
        selection: the cards.
        filters: the query string of the list that they were selected from.
    """

    template = "admin/django_liveactivity/liveactivity/selected_confirmation.html"
    model_admin: PermittedAdmin

    def __init__(
        self,
        model_admin: PermittedAdmin,
        request: HttpRequest,
        action: type[CardAction],
        selection: Selection,
        filters: str,
    ) -> None:
        super().__init__(model_admin, request)
        self.title, self.action = action.title, action
        self.selection, self.filters = selection, filters

    def respond(self, form: ReasonForm) -> HttpResponse:
        """Return the page, or run the action and return to the list."""
        self.form = form
        if not (is_confirmed(self.request) and form.is_valid()):
            return self.render()
        try:
            report = self._run()
        except InvalidInputError as error:
            place_errors(error, form)
            return self.render()
        if report is None:
            return self.leave_confirmed()
        self.report(report.messages())
        return HttpResponseRedirect(self._list_after(has_ends=report.has(Result.ENDING)))

    def leave_confirmed(self) -> HttpResponse:
        """Return to the list, for a selection that was confirmed before."""
        self.report([(messages.INFO, gettext("You have confirmed this already."))])
        batch, using = self.selection.batch, self.selection.using
        has_ends = batch is not None and batch_progress(batch.pk, using) is not None
        return HttpResponseRedirect(self._list_after(has_ends=has_ends))

    def _run(self) -> Report | None:
        selection = self.selection
        if self.action.makes_batch and selection.batch is None and len(selection.ids) > 1:
            batch = _store(self.request, selection.ids, selection.using)
            self.selection = selection = replace(selection, batch=batch)
        return self.action(self.model_admin, self.request, self.form).run(selection)

    def _list_after(self, *, has_ends: bool) -> str:
        """Return the list of the cards that end now, or the one that the user came from."""
        if self.selection.batch is None or not has_ends:
            return list_url(self.model_admin, self.filters)
        query = QueryDict(mutable=True)
        query[BATCH] = str(self.selection.batch.pk)
        if account := QueryDict(self.filters).get(ACCOUNT):
            query[ACCOUNT] = account
        return list_url(self.model_admin, query.urlencode())

    def context(self) -> dict[str, Any]:
        action, form, summary = self.action, self.form, self._summary()
        empty = self.model_admin.get_empty_value_display()
        rows = self.model_admin.get_queryset(self.request).filter(pk__in=summary.first)
        described = describe(self.site, self.request, rows.order_by("-pk"))
        can_be_drawn = not (form.is_bound and form.errors)
        accounts = sorted(summary.accounts)
        return {
            **super().context(),
            "form": form,
            "action": action.name,
            "button": action.button,
            "text": action.text % {"count": len(accounts), "accounts": ", ".join(accounts)},
            "summary": summary,
            "listed": _listed(summary),
            "more": gettext("and %(count)s more") % {"count": number_text(summary.more)},
            "notes": list(_notes(summary)),
            "cards": [(card, card.status_text, card.subject_text or empty) for card in described],
            "preview": action.preview(described[:PREVIEWED], form) if can_be_drawn else [],
            "has_preview": action.makes_batch,
            "own_fields": getattr(form, "own_fields", form),
            "content_fields": getattr(form, "content_fields", ()),
            "ids": [] if self.selection.batch else self.selection.ids,
            "action_checkbox_name": ACTION_CHECKBOX_NAME,
            "back_url": list_url(self.model_admin, self.filters),
        }

    def _summary(self) -> Summary:
        """Return what to say about the cards, in one query for each thousand."""
        summary = Summary()
        for cards, missing in self.selection.read(read_cards):
            summary.missing += missing
            for card in cards:
                if self.action.may(self.model_admin, self.request, card):
                    summary.add(card)
                else:
                    summary.forbidden.add(card)
        return summary


def _store(request: HttpRequest, ids: Sequence[int], using: str) -> EndBatch:
    return services.batch.choose_cards(ids, using=using, actor=request.user)


def list_url(model_admin: PermittedAdmin, query: str) -> str:
    """Return the list with a query string."""
    return page_url(model_admin.admin_site, "changelist", query=query)


def _too_many() -> str:
    text = ngettext(
        "At most %(count)d live activity can be chosen at once; select fewer.",
        "At most %(count)d live activities can be chosen at once; select fewer.",
        MAX_SELECTED,
    )
    return text % {"count": MAX_SELECTED}
