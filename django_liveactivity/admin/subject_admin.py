"""Live activities on the pages of your own models: a mixin for a ``ModelAdmin``, and an inline."""

# ruff: noqa: ARG002 - Django calls these methods by its own signatures
from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from django.contrib import admin
from django.contrib.admin.checks import InlineModelAdminChecks
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.contrib.admin.options import InlineModelAdmin
from django.contrib.admin.templatetags.admin_urls import add_preserved_filters
from django.contrib.admin.utils import quote, unquote
from django.contrib.admin.views.main import ChangeList
from django.core.checks import CheckMessage
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.forms import BaseModelFormSet, Media, ModelForm, modelformset_factory
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from django_liveactivity.models import LiveActivity
from django_liveactivity.selectors import batched
from django_liveactivity.sketches import sketches

from . import subject_cards
from .form_page import is_confirmed, survives_login
from .permissions import may_on_site
from .subject_end import EndSubjectsPage

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    Admin = admin.ModelAdmin[Any]
    Inline = InlineModelAdmin[LiveActivity, Any]
    FormSet = BaseModelFormSet[LiveActivity, ModelForm[LiveActivity]]
else:
    Admin, Inline, FormSet = admin.ModelAdmin, InlineModelAdmin, BaseModelFormSet

TEMPLATES = "admin/django_liveactivity/host"
STYLES = [
    f"django_liveactivity/{name}.css"
    for name in ("themes", "admin", "lockscreen", "ending", "host")
]
END_ACTION = "end_live_activities"
PAGE = "_liveactivity_page"


class LiveActivitiesMixin(Admin):
    """Adds live activities to your own ``ModelAdmin``: put it before ``admin.ModelAdmin``.

    The column ``live_activities`` is for ``list_display``. The action and the button on an object's
    page, both "End live activities", are there by themselves for users who may end them, and ask
    first. The templates, actions, URLs and lists of your class stay.
    """

    class Media:
        css = {"all": STYLES}

    def __init__(self, model: type[Model], admin_site: admin.AdminSite) -> None:
        super().__init__(model, admin_site)
        if self.actions is not None and END_ACTION not in self.actions:
            self.actions = [*self.actions, END_ACTION]

    def has_end_liveactivity_permission(
        self, request: HttpRequest, card: LiveActivity | None = None
    ) -> bool:
        """Return whether this user may end a card, or, without one, whether the action is offered.

        By default users with ``django_liveactivity.end_liveactivity``, for all cards or for one.
        """
        return may_on_site(self.admin_site, request, "end", card)

    @admin.display(description=_("live activities"))
    def live_activities(self, instance: Model) -> StrOrPromise:
        """Return the state of each card that the object may have on phones, or that went wrong."""
        page = getattr(instance, PAGE, None) or subject_cards.ObjectsOnPage(
            self.admin_site, None, [instance]
        )
        return page.states_of(instance) or self.get_empty_value_display()

    def get_changelist_instance(self, request: HttpRequest) -> ChangeList:
        changelist = super().get_changelist_instance(request)
        if request.method != "POST":  # an action reads no page
            page = subject_cards.ObjectsOnPage(
                self.admin_site, request, list(changelist.result_list)
            )
            for instance in changelist.result_list:
                setattr(instance, PAGE, page)
        return changelist

    @admin.action(description=_("End live activities"), permissions=["end_liveactivity"])
    def end_live_activities(
        self, request: HttpRequest, queryset: QuerySet[Model]
    ) -> HttpResponse | None:
        """Ask first, then end the live activities of the selected objects."""
        if is_confirmed(request):  # what was confirmed counts, whatever the filter finds by now
            chosen, rows = request.POST.getlist(ACTION_CHECKBOX_NAME), self.get_queryset(request)
            querysets = [rows.filter(pk__in=some) for some in batched(chosen)]
        else:
            querysets = [queryset]
        may_end = partial(self.has_end_liveactivity_permission, request)
        objects = [
            each
            for selected in querysets
            for each in subject_cards.objects_of_queryset(selected, may_end)
            if self.has_view_or_change_permission(request, each.instance)
        ]
        fields = [(ACTION_CHECKBOX_NAME, str(each.instance.pk)) for each in objects]
        fields.append(("action", END_ACTION))
        back = request.get_full_path()
        return EndSubjectsPage(self, request, objects, fields=fields, back_url=back).respond()

    def end_live_activities_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Ask first, then end the live activities of one object."""
        instance = self.get_object(request, unquote(object_id))
        if instance is None:
            raise Http404
        if not self.has_view_or_change_permission(request, instance):
            raise PermissionDenied
        objects = subject_cards.objects_of_instance(
            instance, partial(self.has_end_liveactivity_permission, request)
        )
        back = self._page_url(request, instance)
        page = EndSubjectsPage(self, request, objects, original=instance, back_url=back)
        return page.respond() or HttpResponseRedirect(back)

    def _page_url(self, request: HttpRequest, instance: Model) -> str:
        """Return the address of an object's page, with the filters of the list."""
        name = f"admin:{self.opts.app_label}_{self.opts.model_name}_change"
        url = reverse(name, args=[quote(instance.pk)], current_app=self.admin_site.name)
        filters: dict[str, Any] = {
            "preserved_filters": self.get_preserved_filters(request),
            "opts": self.opts,
        }
        return str(add_preserved_filters(filters, url))

    def get_urls(self) -> list[URLPattern]:
        view = survives_login(self.admin_site, self.end_live_activities_view)
        name = f"{self.opts.app_label}_{self.opts.model_name}_{END_ACTION}"
        own = path("<path:object_id>/end-live-activities/", view, name=name)
        return [own, *super().get_urls()]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        response = super().render_change_form(request, context, *args, **kwargs)
        instance = context.get("original")
        if isinstance(response, TemplateResponse) and instance is not None:
            self._add_button(request, response, instance)
        return response

    def reversion_register(self, model: type[Model], **options: Any) -> None:
        """Keep cards out of django-reversion, whose ``VersionAdmin`` registers inlines' models.

        Reverting a revision would write old rows back, and only delivery may change a card.
        """
        if model is not LiveActivity:
            super().reversion_register(model, **options)  # type: ignore[misc] # VersionAdmin's

    def _add_button(
        self, request: HttpRequest, response: TemplateResponse, instance: Model
    ) -> None:
        """Extend the page's template if there is a card that this user may end."""
        context = response.context_data or {}
        may_end = any(
            not card.is_closed and self.has_end_liveactivity_permission(request, card)
            for card in subject_cards.cards_on_page_of(instance)
        )
        if may_end and not context.get("is_popup"):
            page = response.resolve_template(response.template_name)
            response.context_data = {**context, "liveactivity_page": page}
            response.template_name = f"{TEMPLATES}/change_form.html"


class NoRelationChecks(InlineModelAdminChecks):
    """The checks of an inline whose rows have no foreign key to the object."""

    def _check_exclude_of_parent_model(
        self, obj: object, parent_model: object
    ) -> list[CheckMessage]:
        return []

    def _check_relation(self, obj: object, parent_model: object) -> list[CheckMessage]:
        return []


class CardsOfObject(FormSet):
    """The cards of an object, read-only: it has no forms, is always valid and saves nothing.

    So a page that was posted without it, or before a new card, is saved as usual.
    """

    admin_site: admin.AdminSite
    request: HttpRequest

    def __init__(self, *args: object, instance: Model, prefix: str, **kwargs: object) -> None:
        super().__init__(prefix=prefix, queryset=LiveActivity.objects.none())
        self.instance = instance

    @classmethod
    def get_default_prefix(cls) -> str:
        return "live_activities"

    def is_valid(self) -> bool:
        return True

    @cached_property
    def cards(self) -> list[subject_cards.ShownCard]:
        """The cards that the page shows, those that are not over first."""
        cards = subject_cards.cards_on_page_of(self.instance)[: subject_cards.SHOWN_CARDS]
        return subject_cards.explained_cards(self.admin_site, self.request, cards, sketches)

    @property
    def is_cut(self) -> bool:
        """Whether the object has more cards."""
        return len(subject_cards.cards_on_page_of(self.instance)) > subject_cards.SHOWN_CARDS


class LiveActivitiesInline(Inline):
    """Shows the live activities of your object on its page, read-only.

    Users who may see the object see the title and state of each. Users who may see live activities
    also see what each shows, an explanation of its state, and a link to its page.
    """

    model = LiveActivity
    template = f"{TEMPLATES}/inline.html"
    checks_class = NoRelationChecks
    formset = CardsOfObject  # type: ignore[assignment] # as of Django's GenericInlineModelAdmin
    extra = max_num = 0
    can_delete = False

    @property
    def media(self) -> Media:
        return Media(css={"all": STYLES})

    def get_formset(
        self, request: HttpRequest, obj: Model | None = None, **kwargs: Any
    ) -> type[Any]:
        seen_by = {"admin_site": self.admin_site, "request": request}
        base: type[FormSet] = type(self.formset.__name__, (self.formset,), seen_by)
        return modelformset_factory(LiveActivity, fields=(), formset=base, extra=0, max_num=0)

    def get_fieldsets(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        return []

    def has_view_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        """Return whether the cards are shown: on the page of an object that exists."""
        return obj is not None

    def has_add_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        return False
