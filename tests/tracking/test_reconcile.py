"""``reconcile``: the cards on phones beside the objects that they tell of."""

from __future__ import annotations

import io
import os
import pty
import subprocess
import sys
import termios
import textwrap

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.tasks import reconcile as reconcile_task
from django_liveactivity.tracking import SyncResult
from tests.shop.models import Machine, Order, Parcel

from .orders import OrderActivity, followed, kinds, reconciled, show_twin

CONTENT = Progress(title="By hand", percentage=1)

pytestmark = pytest.mark.usefixtures("orders")


@pytest.fixture
def order(orders):
    return Order.objects.create(status="cooking", progress=10)


def vanish(*objects) -> None:
    """Delete rows as a person with a database shell does."""
    for each in objects:
        type(each).objects.filter(pk=each.pk)._raw_delete("default")


class TestCardsOfAModelActivity:
    def test_a_card_whose_object_lives_stays(self, order):
        assert reconciled() == SyncResult(examined=1)
        assert kinds() == ["stream"]

    def test_a_card_whose_object_lives_no_more_ends(self, order):
        Order.objects.update(status="delivered")
        assert reconciled() == SyncResult(examined=1, ended=1)
        assert reconciled() == SyncResult()
        assert kinds() == ["stream", "end"]

    def test_a_card_whose_object_is_gone_ends_and_says_why(self, order):
        vanish(order)
        assert reconciled() == SyncResult(examined=1, ended=1)
        end = Operation.objects.get(kind="end")
        assert (end.source, end.reason) == ("reconcile", "The subject is gone.")

    def test_a_card_that_shows_old_content_is_updated(self, order):
        Order.objects.update(progress=70)
        assert reconciled() == SyncResult(examined=1, updated=1)
        assert Operation.objects.latest("pk").content["percentage"] == 70

    def test_no_card_is_shown(self, order):
        Order.objects.bulk_create([Order(status="cooking")])
        assert reconciled() == SyncResult(examined=1)

    def test_a_second_card_of_one_object_ends(self, order):
        show_twin(order)
        assert reconciled().ended == 1
        assert [str(c) for c in LiveActivity.objects.filter(operations__kind="end")] != ["twin"]

    def test_a_broken_hook_is_counted_and_hinders_no_other_card(self, db):
        class PickyActivity(OrderActivity):
            def is_live(self, order):
                return order.note == "" or 1 / 0 > 1

        with followed(Order, PickyActivity):
            Order.objects.create(status="cooking")
            Order.objects.create(status="cooking")
            Order.objects.filter(pk=Order.objects.earliest("pk").pk).update(note="broken")
            vanish(Order.objects.latest("pk"))
            synced = reconciled()
        assert (synced.failed, synced.ended) == (1, 2)

    def test_more_than_one_batch_and_no_query_for_each_card(self, db):
        def reads(number: int) -> int:
            Order.objects.all().delete()
            Order.objects.bulk_create([Order(status="cooking") for _ in range(number)])
            OrderActivity.sync(Order.objects.all())
            Order.objects.update(status="delivered")
            with CaptureQueriesContext(connection) as queries:
                assert reconciled().ended == number
            return len([q for q in queries if q["sql"].startswith("SELECT")])

        assert reads(1) == reads(40)
        assert reads(101) <= 2 * reads(1)

    def test_cards_that_have_ended_cost_nothing(self, order):
        for _ in range(5):
            Order.objects.update(status="delivered")
            reconciled()
            drain()
            Order.objects.update(status="cooking")
            OrderActivity.sync(Order.objects.all())
        assert LiveActivity.objects.count() == 6
        assert reconciled() == SyncResult(examined=1)


class TestCardsThatNobodyFollows:
    def test_end_when_their_object_is_gone(self, db):
        machine = Machine.objects.create(hostname="web-1")
        parcel = Parcel.objects.create()
        services.stream_activity("web-1", CONTENT, subject=machine)
        services.stream_activity("parcel", CONTENT, subject=parcel)
        services.stream_activity("none", CONTENT)
        assert reconciled() == SyncResult(examined=2)
        vanish(machine, parcel)
        assert reconciled() == SyncResult(examined=2, ended=2)

    def test_end_when_the_class_that_showed_them_and_the_object_are_gone(self, db):
        class FormerActivity(OrderActivity):
            pass

        with followed(Order, FormerActivity):
            order = Order.objects.create(status="cooking")
        Order.objects.update(status="delivered")
        assert reconciled().ended == 1  # of OrderActivity; FormerActivity is not registered
        vanish(order)
        assert reconciled().ended == 1

    def test_of_a_model_that_is_not_installed_are_left(self, order, caplog):
        LiveActivity.objects.update(subject_model="gone.Model")
        assert reconciled() == SyncResult(examined=1, failed=1)
        assert "Cards of gone.Model could not be compared" in caplog.text

    def test_of_a_model_whose_keys_have_another_type_now_are_left(self, order):
        LiveActivity.objects.update(subject_model="shop.Parcel", tracked_by="")
        assert reconciled() == SyncResult(examined=1, failed=1)
        assert kinds() == ["stream"]

    def test_of_a_model_in_another_database_are_left(self, db, settings):
        machine = Machine.objects.create(hostname="web-1")
        services.stream_activity("web-1", CONTENT, subject=machine)
        vanish(machine)
        settings.DATABASE_ROUTERS = ["tests.tracking.test_reconcile.Elsewhere"]
        assert reconciled() == SyncResult(examined=1)


class Elsewhere:
    """Routes machines to another database."""

    def db_for_write(self, model, **hints):
        return "other" if model is Machine else None


class TestCommand:
    def command(self, *arguments: str) -> list[str]:
        out = io.StringIO()
        call_command("liveactivity_reconcile", *arguments, stdout=out)
        return out.getvalue().splitlines()

    def test_says_what_it_has_done(self, order):
        Order.objects.update(status="delivered")
        card = LiveActivity.objects.get()
        assert self.command() == [
            f"end {card} (shop.Order {order.pk})",
            "1 cards compared: 1 ended, 0 updated, 0 busy, 0 failed.",
        ]
        assert kinds() == ["stream", "end"]

    def test_says_what_it_would_do_and_does_nothing(self, order):
        gone = Order.objects.create(status="cooking")
        Order.objects.filter(pk=order.pk).update(progress=70)
        vanish(gone)
        with CaptureQueriesContext(connection) as queries:
            lines = self.command("--dry-run")
        assert [line.split()[0] for line in lines[:-1]] == ["update", "end"]
        assert lines[-1].startswith("2 cards compared: 1 would be ended, 1 would be updated")
        assert {q["sql"].split()[0] for q in queries} == {"SELECT"}

    def test_looks_at_one_model(self, order):
        machine = Machine.objects.create(hostname="web-1")
        services.stream_activity("web-1", CONTENT, subject=machine)
        vanish(machine, order)
        assert self.command("shop.Machine")[-1].startswith("1 cards compared: 1 ended")
        assert self.command("shop.Order")[-1].startswith("1 cards compared: 1 ended")

    @pytest.mark.parametrize("label", ["shop.Nothing", "shop", "nowhere.Order"])
    def test_names_what_is_no_model(self, db, label):
        with pytest.raises(CommandError, match=f"'{label}' is not a model"):
            self.command(label)

    def test_exits_1_when_something_could_not_be_compared(self, order):
        LiveActivity.objects.update(subject_model="gone.Model")
        with pytest.raises(CommandError, match="see the log"):
            self.command()


@pytest.mark.parametrize("is_terminal", [True, False])
def test_a_bar_is_drawn_on_a_terminal_only(is_terminal):
    code = """
        import django, sys
        from django.conf import settings
        settings.configure(
            INSTALLED_APPS=["django.contrib.contenttypes", "django_liveactivity"],
            DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}},
            LIVEACTIVITY={"default": {
                "BACKEND": "django_liveactivity.backends.dummy.DummyBackend"}},
        )
        django.setup()
        from django.core.management import call_command
        call_command("migrate", verbosity=0)
        from django.contrib.contenttypes.models import ContentType
        from django_liveactivity import Progress, services
        content = Progress(title="Card", percentage=1)
        for number in range(12):
            services.stream_activity(f"card-{number}", content, subject=ContentType.objects.first())
        call_command("liveactivity_reconcile")
    """
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (24, 80))
    try:
        done = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(code)],
            stdout=subprocess.PIPE,
            stderr=theirs if is_terminal else subprocess.PIPE,
            text=True,
            timeout=60,
        )
        os.close(theirs)
        drawn = os.read(ours, 4096).decode() if is_terminal else done.stderr
    finally:
        os.close(ours)
    assert done.stdout == "12 cards compared: 0 ended, 0 updated, 0 busy, 0 failed.\n"
    assert ("12/12" in drawn) == is_terminal


def test_the_task_for_beat_does_the_same(order):
    Order.objects.update(status="delivered")
    assert reconcile_task.name == "django_liveactivity.reconcile"
    assert reconcile_task.apply().get() == {
        "examined": 1, "shown": 0, "updated": 0, "ended": 1, "busy": 0, "failed": 0,
    }  # fmt: skip
