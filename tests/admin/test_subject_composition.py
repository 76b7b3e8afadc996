"""The host's own templates, actions, lists and URLs stay with the mixin."""

from __future__ import annotations

import subprocess
import sys

import pytest
from django.contrib import admin
from django.http import HttpResponse
from django.template.response import TemplateResponse
from django.test import Client
from django.urls import path

from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin
from django_liveactivity.delivery import sweep
from django_liveactivity.models import Operation
from tests.shop.models import Deployment, Order, Parcel

from .subject_pages import shop_client, show, url_of

pytestmark = pytest.mark.django_db
BUTTON = ">End live activities</a>"
OWN_PAGE = """{% extends "admin/change_form.html" %}
{% block object-tools-items %}<li><a href="own/">Own tool</a></li>{{ block.super }}{% endblock %}
{% block after_field_sets %}<p>Own part</p>{% endblock %}"""

site = admin.AdminSite(name="backoffice")


@admin.register(Order, site=site)
class OrderAdmin(LiveActivitiesMixin, admin.ModelAdmin):
    """An admin with something of its own everywhere."""

    change_form_template = "own_change_form.html"
    change_list_template = "own_change_list.html"
    actions = ("greet",)
    list_display = ("pk", "state_of_cards")

    class Media:
        css = {"all": ["own.css"]}

    @admin.action(description="Greet")
    def greet(self, request, queryset):
        return HttpResponse("Hello")

    @admin.display(description="Cards")
    def state_of_cards(self, order):
        return self.live_activities(order)

    def get_urls(self):
        view = self.admin_site.admin_view(lambda request: HttpResponse("Own view"))
        return [path("own/", view, name="own"), *super().get_urls()]

    def get_queryset(self, request):
        return super().get_queryset(request).exclude(status="hidden")

    def change_view(self, request, object_id, form_url="", extra_context=None):
        return super().change_view(request, object_id, form_url, {"own": "Own context"})


@admin.register(Deployment, site=site)
class DeploymentAdmin(LiveActivitiesMixin, admin.ModelAdmin):
    """An admin without actions, whose template Django finds by its name."""

    actions = None


class OwnResponses(admin.ModelAdmin):
    """A base class that answers with a template of its own, as django-reversion does."""

    def render_change_form(self, request, context, *args, **kwargs):
        super().render_change_form(request, context, *args, **kwargs)
        names = ["missing.html", "own_change_form.html"]
        return TemplateResponse(request, names, context)


@admin.register(Parcel, site=site)
class ParcelAdmin(LiveActivitiesMixin, OwnResponses):
    inlines = (LiveActivitiesInline,)


urlpatterns = [path("backoffice/", site.urls)]


@pytest.fixture(autouse=True)
def own_site(settings, db, tmp_path) -> None:
    sweep(lambda _: None)
    settings.ROOT_URLCONF = __name__
    templates = {
        "own_change_form.html": OWN_PAGE,
        "own_change_list.html": '{% extends "admin/change_list.html" %}'
        "{% block object-tools-items %}<li>Own list tool</li>{{ block.super }}{% endblock %}",
        "admin/shop/deployment/change_form.html": OWN_PAGE,
    }
    for name, text in templates.items():
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    settings.TEMPLATES = [settings.TEMPLATES[0] | {"DIRS": [tmp_path]}]


@pytest.fixture
def operator(db) -> Client:
    names = ("order", "deployment", "parcel", "liveactivity")
    return shop_client(*(f"view_{name}" for name in names), "end_liveactivity")


def url(page, instance):
    return url_of(page, instance, "backoffice")


def page_of(client, instance):
    return client.get(url("change", instance)).content.decode()


def test_the_host_s_own_template_is_extended(operator):
    order = Order.objects.create()
    show(order)

    page = page_of(operator, order)

    assert page.index(BUTTON) < page.index("Own tool") < page.index("historylink")
    assert "Own part" in page


def test_without_a_card_the_page_is_the_host_s_own(operator):
    page = page_of(operator, Order.objects.create())

    assert "Own tool" in page
    assert BUTTON not in page


@pytest.mark.parametrize("model", [Deployment, Parcel])
def test_a_template_that_is_found_by_name_or_chosen_late_is_extended_too(operator, model):
    instance = model.objects.create()
    show(instance)

    page = page_of(operator, instance)

    assert BUTTON in page
    assert "Own tool" in page


def test_the_list_s_own_template_is_kept(operator):
    assert "Own list tool" in operator.get(url("changelist", Order)).content.decode()


def test_own_actions_stand_beside_ours(operator):
    order = Order.objects.create()

    page = operator.get(url("changelist", Order)).content.decode()
    greeted = operator.post(
        url("changelist", Order), {"action": "greet", "_selected_action": order.pk}
    )

    assert page.index(">Greet<") < page.index(">End live activities<")
    assert greeted.content == b"Hello"


def test_an_admin_without_actions_stays_without(operator):
    Deployment.objects.create()

    assert not operator.get(url("changelist", Deployment)).context["action_form"]


def test_own_addresses_are_served(operator):
    assert operator.get("/backoffice/shop/order/own/").content == b"Own view"


def test_both_style_sheets_are_on_the_page(operator):
    page = page_of(operator, Order.objects.create())

    assert "own.css" in page
    assert "django_liveactivity/admin.css" in page


def test_a_column_that_calls_ours_costs_one_query_too(operator, django_assert_num_queries):
    operator.get(url("changelist", Order))
    for number in range(5):
        show(Order.objects.create(), f"card-{number}")

    with django_assert_num_queries(8):
        page = operator.get(url("changelist", Order)).content.decode()

    assert page.count(">pending<") == 5


def test_objects_that_the_admin_hides_keep_their_cards(operator):
    hidden = Order.objects.create(status="hidden")
    show(hidden)

    operator.post(
        url("changelist", Order),
        {"action": "end_live_activities", "_selected_action": hidden.pk, "post": "yes"},
    )
    answer = operator.post(url("end_live_activities", hidden), {"post": "yes"})

    assert answer.status_code == 404
    assert not Operation.objects.filter(kind="end").exists()


def test_a_site_without_our_admin_shows_cards_without_links(operator):
    parcel = Parcel.objects.create()
    show(parcel)

    page = page_of(operator, parcel)

    assert "Title of card-1" in page
    assert "liveactivity/liveactivity" not in page


def test_after_the_action_the_user_is_on_the_same_site(operator):
    order = Order.objects.create()
    show(order)

    answer = operator.post(url("end_live_activities", order), {"post": "yes"})

    assert answer.url == url("change", order)
    assert Operation.objects.filter(kind="end").count() == 1


def test_a_base_class_that_versions_the_models_of_inlines_is_not_given_cards():
    """As ``VersionAdmin`` of django-reversion does: a revert would write old rows back."""
    registered = []

    class Versions(admin.ModelAdmin):
        def reversion_register(self, model, **options):
            registered.append(model)

    class VersionedAdmin(LiveActivitiesMixin, Versions):
        inlines = (LiveActivitiesInline,)

    model_admin = VersionedAdmin(Order, site)
    for model in (Order, *(inline.model for inline in model_admin.inlines)):
        model_admin.reversion_register(model, follow=())

    assert registered == [Order]


def test_the_other_order_of_the_base_classes_is_refused():
    with pytest.raises(TypeError, match="MRO"):
        type("Wrong", (admin.ModelAdmin, LiveActivitiesMixin), {})


def test_importing_the_mixin_registers_our_admin_once_and_needs_no_order():
    """In a process of its own: here autodiscovery has imported everything already."""
    code = """
import django
from django.conf import settings
settings.configure(
    INSTALLED_APPS=["django.contrib.admin.apps.SimpleAdminConfig", "django.contrib.auth",
        "django.contrib.contenttypes", "django.contrib.messages", "django.contrib.sessions",
        "django_liveactivity"],
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3"}},
)
django.setup()
import sys
from django.contrib import admin
import django_liveactivity.admin as ours
assert "django_liveactivity.admin.subject_admin" not in sys.modules
from django_liveactivity.admin import LiveActivitiesInline, LiveActivitiesMixin
admin.autodiscover()
from django_liveactivity.models import LiveActivity
assert admin.site.is_registered(LiveActivity)
print("good")
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert ran.stdout == "good\n", ran.stderr
