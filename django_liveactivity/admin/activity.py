"""Live activities in the admin: nothing can be added, changed or deleted; cards can be ended."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin import helpers
from django.contrib.admin.views.main import ChangeList
from django.contrib.messages import ERROR
from django.db import transaction
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import dateformat
from django.utils.html import format_html
from django.utils.timezone import is_aware, localtime
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf, selectors
from django_liveactivity.models import LiveActivity, Operation, OperatorAction

from . import deciding, results
from . import queryset as rows
from .actions import END, EndForm, end_cards
from .changelist import CardList, describe
from .confirmation import ReasonForm, confirm, is_card_id, is_confirmed, selected
from .deciding import GiveUpForm
from .filters import AccountFilter, AttentionFilter, search
from .history import history

if TYPE_CHECKING:
    Base = admin.ModelAdmin[LiveActivity]
else:
    Base = admin.ModelAdmin

Cards = QuerySet[LiveActivity, LiveActivity]
TEMPLATES = "admin/django_liveactivity/liveactivity"


@admin.register(LiveActivity)
class LiveActivityAdmin(Base):
    """Shows the cards of an account's database, and ends those that are selected."""

    actions = ("end_selected", "retry_selected", "give_up_selected", "probe_accounts")
    list_display = (
        "name",
        "account",
        "shown_status",
        "shown_subject",
        "newest_operation",
        "attention",
        "created_on",
        "ended_on",
    )
    list_filter = ("status", AccountFilter, AttentionFilter)
    search_fields = ("stream_key", "activity_id", "subject_pk")
    search_help_text = _("A whole stream key, activity id or subject's key.")
    ordering = ("-pk",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet counts the whole table
    change_form_template = f"{TEMPLATES}/change_form.html"
    readonly_fields = ("shown_status", "shown_subject", "attention", "created_on", "ended_on")
    fields = (
        "account",
        "stream_key",
        "activity_id",
        "shown_status",
        "attention",
        "shown_subject",
        "channels",
        "generation",
        "created_on",
        "ended_on",
    )

    class Media:
        css = {"all": ["django_liveactivity/admin.css"]}

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Nobody adds: the services do."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        """Nobody changes: delivery does."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        """Nobody deletes: finished rows are pruned by age."""
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Tell whether this user may end cards."""
        return request.user.has_perm("django_liveactivity.end_liveactivity")

    def get_list_display(self, request: HttpRequest) -> list[Any]:
        """Return the columns; that of the account only where there are several."""
        several = len(conf.accounts()) > 1
        return [name for name in self.list_display if several or name != "account"]

    def get_queryset(self, request: HttpRequest) -> Cards:
        """Return the cards in the database of the account that is looked at."""
        return rows.cards(request).order_by(*self.get_ordering(request))

    def get_search_results(
        self, request: HttpRequest, queryset: Cards, search_term: str
    ) -> tuple[Cards, bool]:
        """Return the cards of that very name."""
        term = search_term.strip()
        return (search(queryset, term) if term else queryset), False

    def response_action(
        self, request: HttpRequest, queryset: Cards, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run an action on the cards that were selected, if they can be ids of cards."""
        if not all(map(is_card_id, request.POST.getlist(helpers.ACTION_CHECKBOX_NAME))):
            self.message_user(request, gettext("Select live activities by their rows."), ERROR)
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """Return the list that reads a page at once."""
        return CardList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> LiveActivity | None:
        """Return a card with what its page tells of it."""
        card = super().get_object(request, object_id, from_field)
        describe(self.admin_site, request, [] if card is None else [card])
        return card

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Show a card with its operations, and under each its attempts."""
        context["history"] = history(context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("live activity"))
    def name(self, card: LiveActivity) -> str:
        """Return the stream key or the activity id, short enough for a column."""
        return rows.short(card)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, card: Any) -> str:
        """Return the status; a card that nobody ended, and that iOS has removed, is expired."""
        if selectors.is_expired(card, card.now):
            return gettext("expired")
        return str(card.get_status_display())

    @admin.display(description=_("subject"))
    def shown_subject(self, card: Any) -> str:
        """Return the object the card tells of."""
        return card.about_text or self.get_empty_value_display()

    @admin.display(description=_("newest operation"))
    def newest_operation(self, card: Any) -> str:
        """Return what was last asked for, and what came of it; of a later end when it is due."""
        newest = card.newest
        if newest is None:
            return self.get_empty_value_display()
        state = newest.get_state_display()
        told = f"{state} ({newest.outcome})" if newest.outcome else state
        line = f"{newest.get_kind_display()}: {told}"
        if newest.state == Operation.State.PENDING and newest.due_at > card.now:
            due = self._moment(newest.due)
            return gettext("%(operation)s, due %(due)s") % {"operation": line, "due": due}
        return line

    @admin.display(description=_("attention"))
    def attention(self, card: Any) -> str:
        """Return a word where somebody should look."""
        if not card.wants_operator:
            return self.get_empty_value_display()
        return format_html("<strong>{}</strong>", _("needed"))

    @admin.display(description=_("created"), ordering="created_at")
    def created_on(self, card: LiveActivity) -> str:
        """Return when the row was inserted."""
        return self._moment(card.created)

    @admin.display(description=_("ended"), ordering="ended_at")
    def ended_on(self, card: LiveActivity) -> str:
        """Return when the vendor acknowledged the end."""
        return self._moment(card.ended)

    def _moment(self, value: datetime.datetime | None) -> str:
        if value is None:
            return self.get_empty_value_display()
        return dateformat.format(localtime(value) if is_aware(value) else value, "Y-m-d H:i:s")

    @admin.action(description=_("End selected live activities"), permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        """Ask whether to end the cards, then end them."""
        cards = selected(self, request, queryset)
        if cards is None:
            return None
        form = EndForm(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(self, request, cards, form, END)
        self._end(request, cards, **form.cleaned_data)
        return None

    def _end(
        self, request: HttpRequest, cards: list[LiveActivity], dismissal: str, reason: str
    ) -> None:
        using = rows.database_of(request)
        with transaction.atomic(using=using):
            result = end_cards(cards, using, dismissal=dismissal, reason=reason, actor=request.user)
            results.log(result, request.user, reason)
        for level, line in results.lines(result):
            self.message_user(request, line, level)

    @admin.action(description=_("Retry what is unfinished, now"), permissions=["end"])
    def retry_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        """Ask whether to try the unfinished operations of the cards again, then do so."""
        return self._decide(request, queryset, OperatorAction.Kind.RETRY, ReasonForm)

    @admin.action(description=_("Give up what is unfinished"), permissions=["end"])
    def give_up_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        """Ask whether to give up the unfinished operations of the cards, then do so."""
        return self._decide(request, queryset, OperatorAction.Kind.GIVE_UP, GiveUpForm)

    @admin.action(description=_("Probe their accounts now"), permissions=["end"])
    def probe_accounts(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        """Ask whether the accounts of the cards shall make a call at once, then let them."""
        return self._decide(request, queryset, OperatorAction.Kind.PROBE, ReasonForm)

    def _decide(
        self,
        request: HttpRequest,
        queryset: Cards,
        kind: OperatorAction.Kind,
        form_class: type[ReasonForm],
    ) -> HttpResponse | None:
        cards = selected(self, request, queryset)
        if cards is None:
            return None
        form = form_class(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(self, request, cards, form, deciding.question(kind, cards))
        using, reason = rows.database_of(request), form.cleaned_data["reason"]
        result = deciding.decide(kind, cards, using, actor=request.user, reason=reason)
        for level, line in deciding.lines(kind, result):
            self.message_user(request, line, level)
        return None
