"""Every kind of primary key, every kind of user, every kind of time."""

from __future__ import annotations

import datetime as dt
import uuid

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.db import connection
from django.db.models import Value
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from django_liveactivity import ModelActivity, Progress, conf, selectors, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import reconcile
from tests.clock import advance
from tests.shop.models import (
    ColdParcel,
    Customer,
    Delivery,
    Line,
    Machine,
    Order,
    Parcel,
    Shift,
)

from .orders import DeliveryActivity, OrderActivity, followed, kinds

CONTENT = Progress(title="Card", percentage=1)
KEY = "550e8400-e29b-41d4-a716-446655440000"

pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


class ParcelActivity(ModelActivity[Parcel]):
    def is_live(self, parcel):
        return parcel.is_moving

    def content(self, parcel):
        return Progress(title="Parcel", percentage=50)


class MachineActivity(ModelActivity[Machine]):
    def is_live(self, machine):
        return machine.load > 0

    def content(self, machine):
        return Progress(title="Load", percentage=machine.load)


def test_a_key_may_be_a_uuid():
    with followed(Parcel, ParcelActivity):
        parcel = Parcel.objects.create()
        assert LiveActivity.objects.get().subject == parcel
        assert ParcelActivity.sync(Parcel.objects.all()).examined == 1
        assert sum(batch.examined for batch in reconcile()) == 1
        Parcel.objects.update(is_moving=False)
        list(reconcile())
    assert kinds() == ["stream", "end"]


@pytest.mark.parametrize(
    "written",
    [KEY.upper(), KEY.replace("-", ""), f"urn:uuid:{KEY}"],
    ids=["capitals", "hex", "urn"],
)
class TestAKeyThatIsWrittenInAnotherWay:
    """The instance keeps it as it was given, and whoever reads the row has a UUID."""

    @pytest.mark.parametrize("model", [Parcel, ColdParcel])
    def test_is_followed_by_the_row(self, model, written):
        with followed(Parcel, ParcelActivity):
            parcel = model.objects.create(id=written)
            parcel.save(update_fields=["is_moving"])
            assert LiveActivity.objects.get().subject_pk == KEY
            again = Parcel.objects.get()
            again.is_moving = False
            again.save()
            again.is_moving = True
            again.save()
            parcel.delete()
        assert kinds() == ["stream", "end"] * 2

    def test_is_followed_through_a_key_that_is_another_object(self, written):
        with followed(Delivery, DeliveryActivity):
            Parcel.objects.create(id=written)
            Delivery.objects.create(parcel_id=written)
            assert LiveActivity.objects.get().subject_pk == KEY
            Delivery.objects.get().delete()
        assert kinds() == ["stream", "end"]

    def test_is_found_by_reconcile(self, written):
        with followed(Parcel, ParcelActivity):
            Parcel.objects.create(id=written)
            Parcel.objects.update(is_moving=False)
            list(reconcile())
        assert kinds() == ["stream", "end"]

    def test_is_left_by_reconcile_as_long_as_its_object_lives(self, written):
        services.stream_activity("parcel", CONTENT, subject=Parcel.objects.create(id=written))
        list(reconcile())
        assert kinds() == ["stream"]

    @pytest.mark.parametrize("model", [Parcel, ColdParcel, Delivery])
    def test_is_found_by_the_services(self, model, written):
        for number, (shown, ended) in enumerate([(written, uuid.UUID(KEY)), (KEY, written)]):
            services.stream_activity(f"card-{number}", CONTENT, subject=model(pk=shown))
            assert len(services.end_activities(subject=model(pk=ended))) == 1
        assert selectors.activities_of(conf.account(), model(pk=written)).count() == 2

    def test_costs_no_query(self, written):
        parcel = Parcel(id=written)
        with followed(Parcel, ParcelActivity):
            parcel.save()
            with CaptureQueriesContext(connection) as queries:
                parcel.save()
        assert [q["sql"].split()[0] for q in queries if "SAVEPOINT" not in q["sql"]] == [
            "UPDATE",
            "SELECT",
        ]


def test_a_number_may_be_written_with_zeros():
    services.stream_activity("order", CONTENT, subject=Order.objects.create(pk="0042"))
    assert len(services.end_activities(subject=Order.objects.get(pk=42))) == 1


@pytest.mark.parametrize("subject", [Parcel(id="web-1"), Delivery(pk="web-1"), Order(pk=Value(7))])
def test_what_is_no_key_of_the_model_is_refused(subject):
    with pytest.raises(InvalidInputError, match=r"^subject: .* is not a primary key of shop\."):
        services.stream_activity("card", CONTENT, subject=subject)
    assert not LiveActivity.objects.exists()


def test_an_object_whose_key_the_database_works_out_can_still_be_saved():
    """Django before 6.0 never tells the key to the instance: ``sync`` shows the card."""
    with followed(Order, OrderActivity):
        Order.objects.create(pk=Value(7), status="cooking")
        OrderActivity.sync(Order.objects.all())
    assert LiveActivity.objects.get().subject == Order.objects.get(pk=7)


@pytest.mark.parametrize("name", ["web-1", "Ünïcode \N{SNOWMAN} / 100%", "a\nb", " ", "x" * 255])
def test_a_key_may_be_any_text(name):
    with followed(Machine, MachineActivity):
        machine = Machine.objects.create(hostname=name, load=5)
        assert LiveActivity.objects.get().subject == machine
        assert [call.method for call in deliver()] == ["PUT"]
        machine.load = 0
        machine.save()
    assert [call.method for call in deliver()] == ["DELETE"]


def test_a_key_may_be_a_duration():
    shift = Shift.objects.create(length=dt.timedelta(days=1, hours=8))
    card = services.stream_activity("shift", CONTENT, subject=shift)
    assert card.subject == shift
    assert selectors.subjects([card]) == {card.pk: shift}
    assert len(services.end_activities(subject=Shift.objects.all())) == 1


def test_keys_that_differ_in_case_or_in_spaces_are_different_objects():
    for hostname in ("web", "Web", "web ", "wéb"):
        services.stream_activity(
            f"key-{len(hostname.encode())}-{hostname[0]}",
            CONTENT,
            subject=Machine(hostname=hostname),
        )
    [end] = services.end_activities(subject=Machine(hostname="web"))
    assert end.activity.subject_pk == "web"
    [end] = services.end_activities(subject=Machine(hostname="Web"))
    assert end.activity.subject_pk == "Web"


@pytest.mark.parametrize(
    "subject",
    [
        Shift(pk="999999999999 00:00:00"),
        Order(pk=float("inf")),
        Machine(hostname="a\0b"),
        Machine(hostname="\ud800"),
    ],
    ids=["a huge duration", "infinity", "NUL", "a surrogate"],
)
def test_a_key_that_no_column_holds_is_refused(subject):
    with pytest.raises(InvalidInputError, match="^subject: "):
        services.stream_activity("web", CONTENT, subject=subject)
    assert not LiveActivity.objects.exists()


def test_a_key_that_cannot_be_remembered_is_refused():
    with pytest.raises(InvalidInputError, match="^subject: .* longer than 255"):
        services.stream_activity("web", CONTENT, subject=Machine(hostname="x" * 256))
    assert not LiveActivity.objects.exists()


def test_an_object_whose_key_cannot_be_remembered_can_still_be_saved():
    with followed(Machine, MachineActivity):
        Machine.objects.create(hostname="x" * 256, load=5)
    assert Machine.objects.exists()
    assert not LiveActivity.objects.exists()


@pytest.mark.parametrize(
    "call",
    [
        lambda line: services.stream_activity("line", CONTENT, subject=line),
        lambda line: services.track_activity("id", CONTENT, subject=line),
        lambda line: services.end_activities(subject=line),
        lambda line: services.end_activities(subject=[line]),
        lambda line: services.end_activities(subject=Line.objects.all()),
    ],
)
def test_a_composite_key_is_refused(call):
    line = Line.objects.create(order=Order.objects.create(), number=1)
    with pytest.raises(InvalidInputError, match="^subject: Composite primary keys"):
        call(line)
    assert not LiveActivity.objects.exists()


class TestUsers:
    @pytest.fixture(params=[User, Customer])
    def user(self, request):
        names = {User: {"username": "ann"}, Customer: {"email": "ann@shop.example"}}
        return request.param.objects.create(**names[request.param])

    def test_a_user_of_any_model_is_an_actor_by_the_name_that_logs_in(self, user):
        services.stream_activity("a", CONTENT, actor=user)
        assert Operation.objects.get().actor == user.get_username()

    def test_a_user_of_any_model_is_a_subject(self, user):
        card = services.stream_activity("a", CONTENT, subject=user)
        assert LiveActivity.objects.get().subject == user
        assert [end.activity for end in services.end_activities(subject=user)] == [card]

    def test_the_user_of_a_request_is_lazy(self, user):
        lazy = SimpleLazyObject(lambda: user)
        services.stream_activity("a", CONTENT, subject=lazy, actor=lazy)
        assert LiveActivity.objects.get().subject == user
        assert len(services.end_activities(subject=lazy)) == 1

    def test_an_anonymous_user_is_no_subject(self):
        with pytest.raises(InvalidInputError, match="^subject: "):
            services.stream_activity("a", CONTENT, subject=AnonymousUser())


@pytest.mark.parametrize("use_tz", [True, False])
@pytest.mark.parametrize("zone", ["UTC", "America/St_Johns", "Pacific/Apia"])
class TestTime:
    def test_a_scheduled_end_comes_when_it_should(self, settings, use_tz, zone):
        settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
        card = services.stream_activity("a", CONTENT)
        deliver()
        services.end_activity(card, at=timezone.now() + dt.timedelta(minutes=5))
        services.end_activity(card, after=dt.timedelta(minutes=10))
        advance(400)
        assert deliver() == []
        advance(300)
        assert [call.method for call in deliver()] == ["DELETE"]

    def test_a_model_is_followed(self, settings, use_tz, zone):
        settings.USE_TZ, settings.TIME_ZONE = use_tz, zone
        with followed(Machine, MachineActivity):
            machine = Machine.objects.create(hostname="web-1", load=5)
            machine.save()
            machine.delete()
        assert kinds() == ["stream", "end"]
        created, now = LiveActivity.objects.get().created, timezone.now()
        assert abs(created - now) < dt.timedelta(minutes=1)


class TestTimeToLive:
    class OvenActivity(MachineActivity):
        time_to_live = dt.timedelta(minutes=10)

    def test_changed_content_renews_it_and_the_same_content_does_not(self):
        with followed(Machine, self.OvenActivity):
            machine = Machine.objects.create(hostname="oven", load=5)
            deliver()
            advance(500)
            machine.load = 6
            machine.save()
            deliver()
            advance(500)
            machine.save()
            assert deliver() == []
            advance(200)
            assert [call.method for call in deliver()] == ["DELETE"]
            machine.save()
            assert [call.method for call in deliver()] == ["PUT"]
