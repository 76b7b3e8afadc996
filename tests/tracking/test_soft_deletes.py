"""An object that its default manager leaves out counts as gone, where the class says so."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from django_liveactivity import ModelActivity, Progress
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import SyncResult
from tests.shop.models import Booking

from .orders import followed, kinds, reconciled

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


class BookingActivity(ModelActivity[Booking]):
    hidden_is_gone = True

    def is_live(self, booking: Booking) -> bool:
        return booking.is_open

    def content(self, booking: Booking) -> Progress:
        return Progress(title=f"Booking {booking.pk}", percentage=50)

    def final_content(self, booking: Booking) -> Progress:
        return Progress(title="Closed", percentage=100)


class IndifferentActivity(BookingActivity):
    hidden_is_gone = False


@pytest.fixture
def bookings() -> Iterator[None]:
    with followed(Booking, BookingActivity):
        yield


@pytest.fixture
def booking(bookings: None) -> Booking:
    return Booking.objects.create()


class TestASoftDelete:
    def test_ends_the_card_with_its_last_content(self, booking):
        booking.delete()
        end = Operation.objects.get(kind="end")
        assert (end.content, end.source) == (None, "signal")

    def test_by_a_save_of_all_fields_does_so_too(self, booking):
        booking.is_deleted = True
        booking.save()
        assert kinds() == ["stream", "end"]

    def test_by_an_update_is_found_by_reconcile(self, booking):
        Booking.objects.update(is_deleted=True)
        assert reconciled(dry_run=True) == SyncResult(examined=1, ended=1)
        assert reconciled() == SyncResult(examined=1, ended=1)
        end = Operation.objects.get(kind="end")
        assert (end.reason, end.source) == ("The subject is gone.", "reconcile")
        assert reconciled() == SyncResult()

    def test_is_found_by_a_key_that_is_written_in_another_way(self, booking):
        LiveActivity.objects.update(subject_pk=f"00{booking.pk}")
        assert reconciled() == SyncResult(examined=1)
        Booking.objects.update(is_deleted=True)
        assert reconciled() == SyncResult(examined=1, ended=1)
        assert Operation.objects.get(kind="end").reason == "The subject is gone."

    def test_by_an_update_is_found_by_sync(self, booking):
        Booking.objects.update(is_deleted=True)
        assert BookingActivity.sync(Booking.all_objects.all()) == SyncResult(examined=1, ended=1)

    def test_of_one_object_leaves_the_others(self, booking):
        other = Booking.objects.create()
        booking.delete()
        assert [each.subject for each in LiveActivity.objects.order_by("pk")] == [None, other]
        assert Operation.objects.get(kind="end").activity.subject_pk == str(booking.pk)
        assert reconciled() == SyncResult(examined=1)

    def test_shows_no_card_with_later_saves(self, booking):
        booking.delete()
        deliver()
        booking.save()
        assert kinds() == ["stream", "end"]

    def test_that_is_undone_shows_a_new_card(self, booking):
        booking.delete()
        deliver()
        booking.is_deleted = False
        booking.save()
        assert kinds() == ["stream", "end", "stream"]
        assert len(set(LiveActivity.objects.values_list("stream_key", flat=True))) == 2

    @pytest.mark.usefixtures("bookings")
    def test_of_a_new_row_shows_none(self):
        Booking.objects.create(is_deleted=True)
        assert kinds() == []


def test_an_object_that_is_shown_still_ends_by_is_live_with_its_final_content(booking):
    booking.is_open = False
    booking.save()
    assert Operation.objects.get(kind="end").content["title"] == "Closed"


def test_a_class_that_does_not_say_so_asks_is_live_alone():
    with followed(Booking, IndifferentActivity):
        booking = Booking.objects.create()
        booking.delete()
        assert reconciled() == SyncResult(examined=1)
        assert kinds() == ["stream"]
        booking.is_open = False
        booking.save()
    assert kinds() == ["stream", "end"]


def test_only_a_save_of_an_object_with_a_card_costs_more(booking):
    with CaptureQueriesContext(
        connection,
    ) as shown:
        booking.save()
    booking.is_open = False
    booking.save()
    deliver()
    with CaptureQueriesContext(connection) as over:
        booking.save()
    reads = [
        len([q for q in each if 'FROM "shop_booking"' in q["sql"].replace("`", '"')])
        for each in (shown, over)
    ]
    assert reads == [2, 0]
