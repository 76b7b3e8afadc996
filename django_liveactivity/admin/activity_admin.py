"""The ``ModelAdmin`` of live activities: read-only, with actions that end cards and retry calls."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from collections.abc import Callable
from functools import partial, update_wrapper
from typing import Any

from django.contrib import admin, messages
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.views.main import ChangeList
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_lazy as _

from django_liveactivity import conf
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.sketches import sketches_of_both
from django_liveactivity.templatetags.liveactivity import drawn

from . import batch_progress, confirmation, display
from .accounts import troubled_accounts
from .actions import EndCards, GiveUpOperations, ProbeAccounts, RetryOperations
from .buttons import operate, probe, shown_buttons, url_of
from .changelist import CardChangeList, add_context
from .display import DescribedCard, describe
from .explanation import Facts, explain, read_facts
from .filters import LIST_FILTERS
from .form_page import TOKEN, FormToken, posted_fields, survives_login
from .history import ago, history
from .labels import moment
from .permissions import PermittedAdmin, any_card_of
from .queryset import Cards, aliases_of, cards, database_of, is_id
from .search import HELP, ids_of_name

TEMPLATES = "admin/django_liveactivity/liveactivity"


@admin.register(LiveActivity)
class LiveActivityAdmin(PermittedAdmin):
    """Shows the cards of an account's database, and acts on those that are selected."""

    actions = ("end_selected", "retry_selected", "give_up_selected", "probe_accounts")
    list_display = ("name", "card_state", "card_subject", "card_age", "pending_end")
    list_filter = LIST_FILTERS
    search_fields = ("stream_key", "activity_id", "subject_pk")
    search_help_text = HELP
    ordering = ("-pk",)
    sortable_by = ("card_age",)
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER  # each facet counts the whole table
    change_list_template = f"{TEMPLATES}/change_list.html"
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
        css = {
            "all": [f"django_liveactivity/{name}.css" for name in ("themes", "admin", "lockscreen")]
        }

    def get_urls(self) -> list[URLPattern]:
        from . import end_by_key, end_page  # noqa: PLC0415 - they load pydantic

        names = "django_liveactivity_liveactivity"

        def page(route: str, view: Callable[..., HttpResponse], name: str) -> URLPattern:
            bound = update_wrapper(partial(view, self), view)
            return path(route, survives_login(self.admin_site, bound), name=f"{names}_{name}")

        return [
            page("end/", end_by_key.end_any, "end_any"),
            page("<path:object_id>/end/", end_page.end, "end"),
            page("probe/", probe, "probe"),
            page("<path:object_id>/operate/", operate, "operate"),
            page("batches/<int:number>/progress/", batch_progress.progress, "batch"),
            page("batches/<int:number>/<slug:name>/", confirmation.confirm_action, "confirm"),
            *super().get_urls(),
        ]

    def get_queryset(self, request: HttpRequest) -> Cards:
        return cards(database_of(request)).order_by(*self.get_ordering(request))

    def get_search_results(
        self, request: HttpRequest, queryset: Cards, search_term: str
    ) -> tuple[Cards, bool]:
        """Return the cards with a whole name; ``CardChangeList`` finds words, too."""
        term, queryset = search_term.strip(), self.confined(request, queryset)
        if not term:
            return queryset, False
        return queryset.filter(pk__in=ids_of_name(term, queryset, aliases_of(queryset.db))), False

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Show the list and, above it, accounts in trouble and the progress of a batch of ends."""
        return add_context(self, request, super().changelist_view(request, extra_context))

    def response_action(
        self, request: HttpRequest, queryset: Cards, *args: Any, **kwargs: Any
    ) -> HttpResponse | None:
        """Run an action, unless a checkbox holds a value that cannot be a card."""
        if not all(map(is_id, request.POST.getlist(ACTION_CHECKBOX_NAME))):
            self.message_user(
                request,
                gettext("Select live activities by the checkboxes in the list."),
                messages.ERROR,
            )
            return HttpResponseRedirect(request.get_full_path())
        return super().response_action(request, queryset, *args, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: object) -> type[ChangeList]:
        return CardChangeList

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> LiveActivity | None:
        card = super().get_object(request, object_id, from_field)
        if card is not None:
            describe(self.admin_site, request, [card])
        return card

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        context |= change_form_context(self, request, context["original"])
        return super().render_change_form(request, context, *args, **kwargs)

    @admin.display(description=_("live activity"))
    def name(self, card: DescribedCard) -> str:
        return display.title_cell(card, with_account=conf.has_several_accounts())

    @admin.display(description=_("state"))
    def card_state(self, card: DescribedCard) -> str:
        return display.named_cell(_("state"), display.state_cell(card))

    @admin.display(description=_("subject"))
    def card_subject(self, card: DescribedCard) -> str:
        return display.named_cell(_("subject"), card.subject_text)

    @admin.display(description=_("age"), ordering="pk")
    def card_age(self, card: DescribedCard) -> str:
        return display.named_cell(_("age"), display.age_cell(card))

    @admin.display(description=_("pending end"))
    def pending_end(self, card: DescribedCard) -> str:
        return display.named_cell(_("pending end"), display.end_cell(card))

    @admin.display(description=_("status"))
    def shown_status(self, card: DescribedCard) -> str:
        return card.status_text

    @admin.display(description=_("subject"))
    def shown_subject(self, card: DescribedCard) -> str:
        return card.subject_text or self.get_empty_value_display()

    @admin.display(description=_("attention"))
    def attention(self, card: DescribedCard) -> str:
        if not card.wants_operator:
            return self.get_empty_value_display()
        return format_html("<strong>{}</strong>", _("needed"))

    @admin.display(description=_("created"))
    def created_on(self, card: LiveActivity) -> str:
        return moment(card.created_at)

    @admin.display(description=_("ended"))
    def ended_on(self, card: LiveActivity) -> str:
        """Return when the vendor acknowledged the end."""
        if card.ended_at is None or card.ended is None:
            return self.get_empty_value_display()
        return moment(card.ended_at)

    @admin.action(description=_("End selected live activities"), permissions=["end"])
    def end_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return confirmation.run_action(self, EndCards, request, queryset)

    @admin.action(description=_("Retry unfinished operations now"), permissions=["operate"])
    def retry_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return confirmation.run_action(self, RetryOperations, request, queryset)

    @admin.action(description=_("Give up unfinished operations"), permissions=["operate"])
    def give_up_selected(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return confirmation.run_action(self, GiveUpOperations, request, queryset)

    @admin.action(description=_("Probe their accounts now"), permissions=["operate"])
    def probe_accounts(self, request: HttpRequest, queryset: Cards) -> HttpResponse | None:
        return confirmation.run_action(self, ProbeAccounts, request, queryset)


def change_form_context(
    model_admin: PermittedAdmin, request: HttpRequest, card: LiveActivity
) -> dict[str, Any]:
    """Return what the page of a card shows besides its fields."""
    [facts] = read_facts([card])
    now, at_end = sketches_of_both(card)
    typed = posted_fields(request)
    may_end = model_admin.has_end_permission(request, card)
    may_operate = model_admin.has_operate_permission(request, card)
    return {
        "explanation": explain(facts),
        "history": history(card, facts.now),
        "eviction": _eviction(facts),
        "troubled_accounts": troubled_accounts(filter(None, [facts.account]), facts.now),
        "sketch": drawn(now),
        "sketch_at_end": drawn(at_end),
        "may_operate": model_admin.has_operate_permission(request, any_card_of(card.account)),
        "buttons": shown_buttons(facts, may_end=may_end, may_operate=may_operate),
        "is_moving": is_moving(facts),
        "typed_reason": typed.get("reason", "") if typed else "",
        "token_name": TOKEN,
        "token": FormToken.of(request.user).sign(),
        "operate_url": url_of(model_admin, request, "operate", card.pk),
        "end_url": url_of(model_admin, request, "end", card.pk),
    }


def is_moving(facts: Facts) -> bool:
    """Return whether delivery has work to do for the card now, so that the page will change."""
    pending = [each for each in (facts.end, facts.content) if each is not None]
    return any(each.state in Operation.UNFINISHED and each.due_at <= facts.now for each in pending)


def _eviction(facts: Facts) -> SafeString | str:
    evicting = facts.evictor_operation
    if evicting is None:
        return ""
    text = gettext("The vendor ended this card to make room for %(card)s.") % {
        "card": evicting.activity
    }
    return format_html("{}: {}", ago(evicting.finished_at or evicting.created_at, facts.now), text)
