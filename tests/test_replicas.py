"""A router that reads from a replica, which has nothing yet: no decision of ours is made by it."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import Permission, User
from django.core.management import call_command

from django_liveactivity import Progress, conf, selectors, services
from django_liveactivity.delivery import sweep
from django_liveactivity.exceptions import UnacknowledgedEndError
from django_liveactivity.health import check_health
from django_liveactivity.models import Attempt, LiveActivity, Operation

from .clock import advance
from .delivery.vocabulary import calls, deliver, progress
from .shop.models import Machine, Order

pytestmark = pytest.mark.django_db(databases=["default", "other"])
HOUR = dt.timedelta(hours=1)


class Replica:
    """Reads from a database that lags: its tables are empty."""

    def db_for_read(self, model, **hints):
        return "other"

    def db_for_write(self, model, **hints):
        return "default"

    def allow_relation(self, one, two, **hints):
        return True


class Machines:
    """Keeps machines in another database, and nowhere else."""

    def db_for_read(self, model, **hints):
        return "other" if model is Machine else None

    db_for_write = db_for_read

    def allow_migrate(self, db, app_label, model_name=None, **hints):
        return (db == "other") if model_name == "machine" else None


@pytest.fixture
def lagging(vendor, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Replica"]
    return vendor


@pytest.fixture
def order(lagging):
    order = Order.objects.create(status="cooking")
    services.stream_activity("order-42", progress(1), subject=order)
    return order


def card() -> LiveActivity:
    return LiveActivity.objects.using("default").get()


def test_no_step_of_delivery_reads_from_it(lagging):
    row = services.stream_activity("order-42", progress(1))
    deliver()
    services.end_activity(row)
    services.end_activity(stream_key="order-42", content=Progress(title="Done", percentage=100))
    deliver()
    assert calls(lagging) == ["PUT order-42 200", "DELETE order-42 200"]
    assert set(Operation.objects.using("default").values_list("state", flat=True)) == {"done"}


def test_the_cards_of_a_queryset_end(order):
    assert len(services.end_activities(subject=Order.objects.filter(pk=order.pk))) == 1


def test_the_cards_of_a_queryset_in_another_database_end(vendor, settings):
    settings.DATABASE_ROUTERS = [f"{__name__}.Machines"]
    machine = Machine.objects.create(hostname="web-1")
    services.stream_activity("web-1", progress(1), subject=machine)
    assert card().subject == machine
    assert len(services.end_activities(subject=Machine.objects.all())) == 1


def test_a_card_knows_its_subject(order):
    assert card().subject == order
    assert selectors.subjects([card()]) == {card().pk: order}


def test_nothing_unacknowledged_is_deleted(order):
    deliver()
    services.end_activity(stream_key="order-42")
    attempts = Attempt.objects.using("default").filter(operation__kind="end")
    for rows in (LiveActivity.objects.all(), Operation.objects.all()):
        with pytest.raises(UnacknowledgedEndError):
            rows.delete()
    for row in (card(), Operation.objects.using("default").get(kind="end")):
        row._state.db = "other"  # it was read from the replica a while ago
        with pytest.raises(UnacknowledgedEndError):
            row.delete()
    deliver()
    assert attempts.count() == 1
    assert Operation.objects.filter(kind="end").delete()[0] == 1


def test_what_a_service_returns_can_be_read(order):
    row = services.stream_activity("order-42", progress(2))
    assert row.created == card().created
    end = services.end_activity(stream_key="order-42")
    assert (end.due, str(end.activity)) == (end.created, "order-42")
    again = services.end_activity(row)
    assert (again.pk, str(again.activity)) == (end.pk, "order-42")
    act = services.give_up_operation(end, actor="ann", reason="A test.")
    assert act.created_at >= end.created_at


def test_the_rows_of_a_row_are_beside_it(order):
    stream = Operation.objects.using("default").get()
    services.retry_operation(stream, actor="ann")
    deliver()
    assert stream.activity == card()
    assert stream.attempts.get().operation == stream
    assert stream.operator_actions.get().operation == stream
    assert card().operations.get() == stream
    assert stream.attempts.count() == 1


def test_scheduled_ends_are_kept_and_moved(order):
    services.end_activity(stream_key="order-42", after=HOUR)
    assert services.keep_activity(stream_key="order-42").activity == card()
    assert services.end_activity(stream_key="order-42", after=2 * HOUR).is_scheduled


def test_a_sweep_prunes_and_finds_what_is_due(order):
    assert sweep(lambda _: None) == ["default"]
    deliver()
    services.end_activities(subject=order)
    deliver()
    advance(31 * 24 * 3600)
    sweep(lambda _: None)
    assert not LiveActivity.objects.using("default").exists()


def test_health_looks_at_the_rows(order):
    (status,) = check_health().accounts
    assert (status.backlog, status.is_used) == (1, True)


def test_a_command_names_the_card_that_it_ends(order, capsys):
    for _ in range(2):
        call_command("liveactivity_end", "order-42")
    assert capsys.readouterr().out.count("order-42: end") == 2


def test_reconciling_looks_for_the_objects_where_they_are_written(order, capsys):
    call_command("liveactivity_reconcile")
    assert "1 cards compared: 0 ended" in capsys.readouterr().out
    assert conf.account().database == "default"


def test_the_admin_shows_the_object_of_a_card(order, client, settings):
    user = User.objects.create_superuser("ann")
    assert Permission.objects.using("default").exists()
    settings.SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
    settings.DATABASE_ROUTERS = [f"{__name__}.OursLag"]
    client.force_login(user)
    page = client.get(f"/admin/django_liveactivity/liveactivity/{card().pk}/change/")
    assert str(order) in page.content.decode()


class OursLag(Replica):
    """Reads from the replica, but what Django's own apps have."""

    def db_for_read(self, model, **hints):
        return "other" if model._meta.app_label in ("django_liveactivity", "shop") else "default"
