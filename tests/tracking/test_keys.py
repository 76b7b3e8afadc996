"""Every kind of primary key, every kind of user, every kind of time."""

from __future__ import annotations

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser, User
from django.utils import timezone
from django.utils.functional import SimpleLazyObject

from django_liveactivity import ModelActivity, Progress, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from django_liveactivity.tracking import reconcile
from tests.clock import advance
from tests.shop.models import Customer, Line, Machine, Order, Parcel

from .following import followed, kinds

CONTENT = Progress(title="Card", percentage=1)

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


@pytest.mark.parametrize("name", ["web-1", "Ünïcode \N{SNOWMAN} / 100%", "a\nb", " ", "x" * 255])
def test_a_key_may_be_any_text(name):
    with followed(Machine, MachineActivity):
        machine = Machine.objects.create(hostname=name, load=5)
        assert LiveActivity.objects.get().subject == machine
        assert [call.method for call in deliver()] == ["PUT"]
        machine.load = 0
        machine.save()
    assert [call.method for call in deliver()] == ["DELETE"]


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

    def test_nobody_is_no_subject(self):
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
