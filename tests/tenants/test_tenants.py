"""Two tenants with an order of the same number each, in schemas of their own, by django-tenants."""

from __future__ import annotations

from io import StringIO

import pytest
from django.core.checks import run_checks
from django.core.management import call_command
from django.db import connection
from django_tenants.utils import schema_context

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import outbox
from django_liveactivity.tracking import SyncResult
from tests.tenants.kitchen.liveactivities import OrderActivity
from tests.tenants.kitchen.models import Order

from .conftest import NAMES, compare, create_orders

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def orders() -> dict[str, Order]:
    found = create_orders()
    drain()
    return found


def ended() -> list[str]:
    """Return the titles of the cards that have an end, in the order of the ends."""
    return [end.activity.title for end in Operation.objects.filter(kind="end").order_by("pk")]


def test_each_tenant_has_its_card_in_the_tables_that_are_shared(orders):
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT table_schema FROM information_schema.tables "
            "WHERE table_name = 'django_liveactivity_liveactivity'"
        )
        assert cursor.fetchall() == [("public",)]
    cards = LiveActivity.objects.order_by("pk")
    assert [(card.subject_scope, card.subject_pk) for card in cards] == [
        ("acme", "1000"),
        ("globex", "1000"),
    ]
    shown = {call.body["content_state"]["title"] for call in outbox}  # in no order of their own
    assert shown == {"Order of acme", "Order of globex"}


def test_a_save_ends_the_card_of_its_own_tenant(orders):
    with schema_context("globex"):
        orders["globex"].status = "served"
        orders["globex"].save()
    assert ended() == ["Order of globex"]
    drain()
    assert [card.title for card in LiveActivity.objects.exclude(status="ended")] == [
        "Order of acme"
    ]


def test_a_delete_ends_the_card_of_its_own_tenant(orders):
    with schema_context("globex"):
        orders["globex"].delete()
    assert ended() == ["Order of globex"]


def test_a_service_call_ends_the_cards_of_its_own_tenant(orders):
    with schema_context("acme"):
        services.end_activities(subject=Order.objects.all())
    assert ended() == ["Order of acme"]


def test_the_command_ends_the_cards_of_the_tenant_that_runs_it(orders):
    name = "kitchen.Order:1000"
    call_command("tenant_command", "liveactivity_end", "--subject", name, schema_name="globex")
    assert ended() == ["Order of globex"]


def test_reconcile_compares_the_cards_of_the_tenant_that_runs_it(orders):
    for name in NAMES:
        with schema_context(name):
            Order.objects.update(status="served")
    assert compare() == SyncResult()  # in the public schema
    with schema_context("globex"):
        assert compare() == SyncResult(examined=1, ended=1)
    assert ended() == ["Order of globex"]
    call_command("all_tenants_command", "liveactivity_reconcile", stdout=StringIO())
    assert ended() == ["Order of globex", "Order of acme"]


def test_sync_compares_the_cards_of_the_tenant_that_runs_it(orders):
    with schema_context("acme"):
        Order.objects.update(status="served")
        assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=1, ended=1)
    assert ended() == ["Order of acme"]


def test_a_worker_in_the_public_schema_sweeps_and_drains_for_all(orders):
    for name in NAMES:
        with schema_context(name):
            Order.objects.get().delete()
    woken: list[str] = []
    sweep(woken.append)
    assert woken == ["default"]
    assert drain().calls == 2
    assert {card.status for card in LiveActivity.objects.all()} == {"ended"}


def test_a_drain_inside_a_tenant_delivers_the_same_rows(orders):
    with schema_context("acme"):
        Order.objects.get().delete()
    with schema_context("globex"):
        assert drain().calls == 1
    assert ended() == ["Order of acme"]


def test_a_card_leads_to_the_object_of_its_own_tenant(orders):
    acme, globex = LiveActivity.objects.order_by("pk")
    assert acme.subject is None  # the public schema has no orders
    with schema_context("acme"):
        assert (acme.subject, globex.subject) == (orders["acme"], None)


def test_a_service_call_without_an_object_belongs_to_no_tenant():
    with schema_context("acme"):
        card = services.stream_activity("nightly", Progress(title="Nightly", percentage=1))
    assert card.subject_scope == ""


class TestTheChecks:
    def found(self) -> dict[str, str]:
        messages = run_checks(tags=["liveactivity"])
        return {message.id: message.msg for message in messages}

    def test_find_nothing_in_this_project(self):
        assert self.found() == {}

    @pytest.mark.parametrize(
        "entry", ["django_liveactivity", "django_liveactivity.apps.LiveActivityConfig"]
    )
    def test_find_this_app_among_the_tenants_apps(self, entry, settings):
        settings.TENANT_APPS = [*settings.TENANT_APPS, entry]
        assert list(self.found()) == ["liveactivity.E015"]
        assert "nothing would be delivered" in self.found()["liveactivity.E015"]

    def test_find_it_among_the_apps_of_a_type_of_tenants(self, settings):
        settings.HAS_MULTI_TYPE_TENANTS = True
        settings.TENANT_TYPES = {
            "public": {"APPS": settings.SHARED_APPS},
            "restaurant": {"APPS": ["django_liveactivity"]},
        }
        assert list(self.found()) == ["liveactivity.E015"]

    def test_find_that_nothing_tells_tenants_apart(self, settings):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = None
        assert list(self.found()) == ["liveactivity.E016"]
        assert self.found()["liveactivity.E016"].startswith(
            "kitchen.OrderActivity follows kitchen.Order, of which each tenant has a table"
        )
