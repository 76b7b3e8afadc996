"""The ``ModelAdmin`` of live activities: read-only, with actions that end cards and retry calls."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any, cast

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import dateformat, timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf
from django_liveactivity.models import LiveActivity, Operation

from . import queryset as rows
from .actions import CardAction, EndCards, GiveUpOperations, ProbeAccounts, RetryOperations
from .confirmation import confirm, is_card_id, is_confirmed, selected
from .history import history
from .queryset import Cards, DescribedCard

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    Base = admin.ModelAdmin[LiveActivity]
else:
    Base = admin.ModelAdmin

TEMPLATES = "admin/django_liveactivity/liveactivity"


@admin.register(LiveActivity)
class LiveActivityAdmin(Base):
    """Shows the cards of an account's database, and acts on those that are selected.

    Cards cannot be added, changed or deleted here: services insert, delivery updates, and finished
    rows are pruned by age.
    """

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
    list_filter = ("status", rows.AccountFilter, rows.AttentionFilter)
    search_fields = ("stream_key", "activity_id", "subject_pk")
    search_help_text = _("Enter a whole stream key, activity ID or subject key.")
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
        return False

    def has_change_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: LiveActivity | None = None) -> bool:
        return False

    def has_end_permission(self, request: HttpRequest) -> bool:
        """Tell whether this user may use the actions."""
        return request.user.has_perm("django_liveactivity.end_liveactivity")

    def get_list_display(self, request: HttpRequest) -> tuple[str, ...]:
        several = len(conf.accounts()) > 1
        return tuple(name for name in self.list_display if several or name != "account")

    def get_queryset(self, request: HttpRequest) -> Cards:
        cards = rows.cards(rows.database_of(request))
        return cards.order_by(*self.get_ordering(request))

    def get_search_results(
        self, request: HttpRequest, queryset: Cards, search_term: str
    ) -> tuple[Cards, bool]:
        term = search_term.strip()
        return (rows.search(queryset, term) if term else queryset), False

    def response_action(
        self, request: HttpRequest, queryset: Cards, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run an action, unless a checkbox holds a value that cannot be a card."""
        if not all(map(is_card_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            self.message_user(
                request, gettext("Select live activities by their rows."), messages.ERROR
            )
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return rows.CardList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> LiveActivity | None:
        card = super().get_object(request, object_id, from_field)
        if card is not None:
            rows.describe(self.admin_site, request, [card])
        return card

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context["history"] = history(context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("live activity"))
    def name(self, card: LiveActivity) -> str:
        return rows.short_name(card)

    @admin.display(description=_("status"), ordering="status")
    def shown_status(self, card: DescribedCard) -> str:
        return card.status_text

    @admin.display(description=_("subject"))
    def shown_subject(self, card: DescribedCard) -> str:
        return card.subject_text or self.get_empty_value_display()

    @admin.display(description=_("newest operation"))
    def newest_operation(self, card: DescribedCard) -> str:
        """Return the operation that was asked for last, its state, and when a later end is due."""
        newest = card.newest
        if newest is None:
            return self.get_empty_value_display()
        state = newest.get_state_display()
        line = f"{newest.get_kind_display()}: {state}"
        if newest.outcome:
            line += f" ({newest.outcome})"
        if newest.state == Operation.State.PENDING and newest.due_at > card.now:
            due = self._moment(newest.due)
            return gettext("%(operation)s, due %(due)s") % {"operation": line, "due": due}
        return line

    @admin.display(description=_("attention"))
    def attention(self, card: DescribedCard) -> str:
        if not card.wants_operator:
            return self.get_empty_value_display()
        return format_html("<strong>{}</strong>", _("needed"))

    @admin.display(description=_("created"), ordering="created_at")
    def created_on(self, card: LiveActivity) -> str:
        return self._moment(card.created)

    @admin.display(description=_("ended"), ordering="ended_at")
    def ended_on(self, card: LiveActivity) -> str:
        """Return when the vendor acknowledged the end."""
        return self._moment(card.ended)

    def _moment(self, value: datetime.datetime | None) -> str:
        if value is None:
            return self.get_empty_value_display()
        return dateformat.format(
            timezone.localtime(value) if timezone.is_aware(value) else value, "Y-m-d H:i:s"
        )

    @admin.action(description=_("End selected live activities"), permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return self._confirm_and_run(EndCards, request, queryset)

    @admin.action(description=_("Retry unfinished operations now"), permissions=["end"])
    def retry_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return self._confirm_and_run(RetryOperations, request, queryset)

    @admin.action(description=_("Give up unfinished operations"), permissions=["end"])
    def give_up_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return self._confirm_and_run(GiveUpOperations, request, queryset)

    @admin.action(description=_("Probe their accounts now"), permissions=["end"])
    def probe_accounts(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return self._confirm_and_run(ProbeAccounts, request, queryset)

    def _confirm_and_run(
        self, action: type[CardAction], request: HttpRequest, queryset: Cards
    ) -> HttpResponse | None:
        cards = selected(self, request, queryset)
        if not cards:
            return None
        form = action.form(request.POST if is_confirmed(request) else None)
        if not form.is_valid():
            return confirm(self, request, cards, form, action)
        user = cast("User", request.user)  # the admin admits no anonymous one
        to_do = action(rows.database_of(request), user, **form.cleaned_data)
        for level, message in to_do.run(cards):
            self.message_user(request, message, level)
        return None
