"""Objects of several tenants have the same primary keys: their scope tells them apart."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from io import StringIO

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.core.management import call_command
from django.db import DatabaseError, connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import Progress, conf, selectors, services
from django_liveactivity.models import LiveActivity, Operation, Subject, TrackingFailure
from django_liveactivity.tracking import SyncResult
from tests.admin.subject_pages import shop_client, url_of
from tests.checks.finding import found
from tests.shop.models import Machine, Order
from tests.tracking.orders import OrderActivity, followed, kinds, reconciled

CONTENT = Progress(title="Card", percentage=40)
HERE = "tests.test_scopes"

_tenant: ContextVar[object] = ContextVar("tenant", default="")

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


def tenant() -> object:
    return _tenant.get()


def lost() -> str:
    raise LookupError("no tenant is set")


class Tenants:
    """A callable without the name that a function has, as functools.partial is."""

    def __call__(self) -> object:
        return tenant()


tenants_object = Tenants()


def broken() -> str:
    raise DatabaseError("the connection is gone")


@contextmanager
def of(name: object) -> Iterator[None]:
    token = _tenant.set(name)
    try:
        yield
    finally:
        _tenant.reset(token)


@pytest.fixture
def tenants(settings):
    settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.tenant"


@pytest.fixture
def order():
    return Order.objects.create(status="new", progress=10)


def ended() -> list[str]:
    rows = Operation.objects.filter(kind="end").order_by("pk")
    return [end.activity.stream_key for end in rows]


def show_both(order: Order) -> None:
    for name in ("acme", "globex"):
        with of(name):
            services.stream_activity(f"{name}-1", CONTENT, subject=order)


@pytest.mark.usefixtures("tenants")
class TestACardOfATenantsObject:
    def test_remembers_its_scope(self, order):
        with of("acme"):
            card = services.stream_activity("acme-1", CONTENT, subject=order)
        assert card.subject_scope == "acme"
        assert card.named_subject == Subject("shop.Order", str(order.pk), "acme")
        assert str(card.named_subject) == f"acme shop.Order {order.pk}"

    def test_is_ended_by_the_object_of_its_own_tenant_only(self, order):
        show_both(order)
        with of("globex"):
            services.end_activities(subject=order)
        assert ended() == ["globex-1"]

    def test_is_ended_by_a_queryset_of_its_own_tenant_only(self, order):
        show_both(order)
        with of("globex"):
            services.end_activities(subject=Order.objects.all())
        assert ended() == ["globex-1"]

    def test_is_found_in_its_own_scope_by_every_selector(self, order):
        show_both(order)
        account = conf.account()
        with of("acme"):
            named = Subject.of(order)
            reads = [
                selectors.activities_of(account, order),
                selectors.cards_about(account.database, [named]),
                selectors.open_cards(account, [named]),
                selectors.followed_cards_of(account, named, ""),
                selectors.tracked_cards(selectors.activities(account)),
            ]
        assert [[str(card) for card in rows] for rows in reads] == [["acme-1"]] * 5

    def test_is_told_from_one_whose_scope_differs_in_case(self, order):
        for name in ("acme", "Acme"):
            with of(name):
                services.stream_activity(f"{name}-1", CONTENT, subject=order)
        with of("Acme"):
            named = Subject.of(order)
            account = conf.account()
            assert [str(card) for card in selectors.activities_of(account, order)] == ["Acme-1"]
            assert [str(c) for c in selectors.cards_about(account.database, [named])] == ["Acme-1"]
            assert [str(card) for card in selectors.open_cards(account, [named])] == ["Acme-1"]
            assert [str(c) for c in selectors.followed_cards_of(account, named, "")] == ["Acme-1"]
            assert [
                str(card) for card in selectors.tracked_cards(selectors.activities(account))
            ] == ["Acme-1"]

    def test_leads_to_no_object_of_another_tenant(self, order):
        show_both(order)
        with of("acme"):
            mine, other = LiveActivity.objects.order_by("pk")
            assert (mine.subject, other.subject) == (order, None)
            assert selectors.subjects([mine, other]) == {mine.pk: order, other.pk: None}

    def test_without_an_object_has_no_scope_and_asks_for_none(self, settings):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.lost"
        card = services.stream_activity("job", CONTENT)
        assert (card.subject_scope, card.subject) == ("", None)

    def test_ends_by_the_command_in_its_own_scope(self, order):
        show_both(order)
        name = f"shop.Order:{order.pk}"
        with of("globex"):
            call_command("liveactivity_end", "--subject", name, stdout=StringIO())
            assert ended() == ["globex-1"]
            err = StringIO()
            call_command("liveactivity_end", "--subject", name, stdout=StringIO(), stderr=err)
        assert f"{name}: no live activity of this object is open" in err.getvalue()

    def test_is_listed_by_the_command_in_its_own_scope(self, order):
        show_both(order)
        with of("Acme"):
            services.stream_activity("Acme-1", CONTENT, subject=order)
        for name in ("globex", "acme", "Acme", "elsewhere"):
            out = StringIO()
            with of(name):
                subject = f"shop.Order:{order.pk}"
                call_command("liveactivity_list", "--subject", subject, "--format=json", stdout=out)
            listed = [row["name"] for row in json.loads(out.getvalue())]
            assert listed == ([] if name == "elsewhere" else [f"{name}-1"])

    def test_is_read_by_one_query_for_a_queryset(self, order):
        show_both(order)
        with of("acme"), CaptureQueriesContext(connection) as queries:
            services.end_activities(subject=Order.objects.all())
        assert len([q for q in queries if q["sql"].startswith("SELECT")]) == 2


@pytest.mark.usefixtures("tenants")
class TestFollowingAModel:
    @pytest.fixture(autouse=True)
    def _followed(self):
        with followed(Order, OrderActivity):
            yield

    @pytest.fixture
    def order(self):
        with of("acme"):
            return Order.objects.create(status="cooking", progress=10)

    def test_a_save_elsewhere_leaves_the_card(self, order):
        with of("globex"):
            Order(pk=order.pk, status="delivered").save()
        assert kinds() == ["stream"]
        with of("acme"):
            Order(pk=order.pk, status="delivered").save()
        assert kinds() == ["stream", "end"]

    def test_a_delete_elsewhere_leaves_the_card(self, order):
        pk = order.pk
        with of("globex"):
            order.delete()
        assert kinds() == ["stream"]
        with of("acme"):
            Order(pk=pk, status="new").save()
            Order.objects.get(pk=pk).delete()
        assert kinds() == ["stream", "end"]

    def test_reconcile_looks_at_its_own_scope(self, order):
        Order.objects.filter(pk=order.pk)._raw_delete("default")
        with of("globex"):
            assert reconciled() == SyncResult()
        with of("acme"):
            assert reconciled() == SyncResult(examined=1, ended=1)

    def test_sync_looks_at_its_own_scope(self, order):
        Order.objects.update(status="delivered")
        with of("globex"):
            assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=1)
        with of("acme"):
            assert OrderActivity.sync(Order.objects.all()) == SyncResult(examined=1, ended=1)

    def test_reconcile_ends_a_card_that_no_class_follows_in_its_own_scope(self, order):
        machine = Machine.objects.create(hostname="web")
        with of("acme"):
            services.stream_activity("by-hand", CONTENT, subject=machine)
        machine.delete()
        with of("globex"):
            assert reconciled() == SyncResult()
        with of("acme"):
            assert reconciled() == SyncResult(examined=2, ended=1)

    def test_a_function_that_raises_breaks_no_save(self, order, settings, caplog):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.lost"
        order.status = "delivered"
        order.save()
        assert Order.objects.get().status == "delivered"
        assert kinds() == ["stream"]
        failure = TrackingFailure.objects.get()
        assert failure.error == (
            "ImproperlyConfigured: LIVEACTIVITY_SUBJECT_SCOPE: tests.test_scopes.lost raised "
            "LookupError: no tenant is set"
        )
        assert f"a hook raised for shop.Order {order.pk}." in caplog.text


class TestTheAdmin:
    def test_the_list_of_objects_shows_the_cards_of_its_own_tenant(self, order, tenants):
        show_both(order)
        client = shop_client("view_order", "view_liveactivity")
        with of("acme"):
            page = client.get(url_of("changelist", Order)).content.decode()
        cell = page.split('field-live_activities">')[1].split("</td>")[0]
        links = re.findall(r"liveactivity/(\d+)/", cell)
        assert links == [str(LiveActivity.objects.get(stream_key="acme-1").pk)]

    def test_the_list_of_cards_names_another_tenant_s_object(self, order, tenants):
        show_both(order)
        client = shop_client("view_order", "view_liveactivity")
        with of("acme"):
            page = client.get(url_of("changelist", LiveActivity)).content.decode()
        assert f"globex shop.Order {order.pk}" in page
        assert "not found" not in page
        assert f"acme shop.Order {order.pk}" not in page


@pytest.mark.usefixtures("tenants")
class TestAScopeThatCannotBeStored:
    @pytest.mark.parametrize(
        ("scope", "message"),
        [
            (None, "tests.test_scopes.tenant returned None; return a string"),
            (7, "tests.test_scopes.tenant returned 7; return a string"),
            ("a" * 129, "at most 128 characters of printable ASCII"),
            ("a\n", "at most 128 characters of printable ASCII"),
            ("münchen", "at most 128 characters of printable ASCII"),
        ],
    )
    def test_is_refused_before_anything_is_written(self, scope, message, order):
        with of(scope), pytest.raises(ImproperlyConfigured, match=re.escape(message)):
            services.stream_activity("acme-1", CONTENT, subject=order)
        assert not LiveActivity.objects.exists()

    def test_may_have_128_characters(self, order):
        with of("a" * 128):
            assert services.stream_activity("1", CONTENT, subject=order).subject == order

    def test_an_error_of_the_database_is_the_caller_s(self, order, settings):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.broken"
        with pytest.raises(DatabaseError, match="the connection is gone"):
            services.stream_activity("acme-1", CONTENT, subject=order)


class TestTheSetting:
    def test_without_it_there_is_one_scope(self, order):
        assert services.stream_activity("1", CONTENT, subject=order).subject_scope == ""

    def test_may_name_any_callable(self, order, settings):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.tenants_object"
        with of("acme"):
            assert services.stream_activity("1", CONTENT, subject=order).subject_scope == "acme"
        with of(7), pytest.raises(ImproperlyConfigured, match=r"\.tenants_object returned 7"):
            services.stream_activity("2", CONTENT, subject=order)

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("nowhere.at_all", "LIVEACTIVITY_SUBJECT_SCOPE: No module named 'nowhere'"),
            ("tests.test_scopes.HERE", "give the dotted path of a function"),
            (tenant, "give the dotted path of a function"),
        ],
        ids=["a path that leads nowhere", "no function", "the function itself"],
    )
    def test_that_is_wrong_is_found_by_the_check_and_refused(self, path, message, settings, order):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = path
        assert message in found()["liveactivity.E014"]
        with pytest.raises(ImproperlyConfigured, match=re.escape(message)):
            services.stream_activity("1", CONTENT, subject=order)

    def test_is_not_asked_by_the_check(self, settings):
        settings.LIVEACTIVITY_SUBJECT_SCOPE = f"{HERE}.lost"
        assert found() == {}
