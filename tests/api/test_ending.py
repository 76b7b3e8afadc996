"""``POST …/end/``: a card is named in one of four ways, and its end is stored and sent."""

from __future__ import annotations

import datetime
import uuid

import pytest
from django.db import connection
from django.urls import reverse
from django.utils.dateparse import parse_datetime

from django_liveactivity import services
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.shop.models import ColdParcel, Delivery, Order, Parcel, Receipt, SealedOrder, Shift

from .conftest import ends, show

pytestmark = pytest.mark.django_db


class TestNames:
    def test_a_stream_ends_by_its_key(self, client, url, liveactivity_outbox):
        card = show()
        deliver()

        answer = client.post(url, {"stream_key": "order-42"})
        deliver()

        card.refresh_from_db()
        assert answer.status_code == 202
        assert liveactivity_outbox[-1].path == "/live-activity/stream/order-42"
        assert liveactivity_outbox[-1].method == "DELETE"
        assert card.status == "ended"

    def test_a_stream_that_was_shown_elsewhere_is_adopted_and_ends(
        self, client, url, liveactivity_outbox
    ):
        client.post(url, {"stream_key": "prod-web-1"})

        (call,) = deliver()
        assert (call.method, call.target) == ("DELETE", "prod-web-1")

    def test_a_card_that_was_started_elsewhere_ends_by_its_id_with_content(
        self, client, url, liveactivity_outbox
    ):
        body = {"activity_id": "pLAr-Hnq9", "content": {"title": "Deploy", "percentage": 100}}

        assert client.post(url, body).status_code == 202

        (call,) = deliver()
        assert call.json["activity_id"] == "pLAr-Hnq9"
        assert call.json["content_state"] == {"title": "Deploy", "percentage": 100}

    def test_a_card_ends_by_the_number_of_its_row(self, client, url):
        card, other = show("order-1"), show("order-2")

        client.post(url, {"id": card.pk})

        assert ends().get().activity_id == card.pk != other.pk

    def test_every_live_card_of_an_object_ends(self, client, url):
        order, other = Order.objects.create(), Order.objects.create()
        show("order-1", subject=order)
        show("order-2", subject=order)
        show("order-3", subject=other)

        answer = client.post(url, {"subject": {"model": "shop.Order", "pk": str(order.pk)}})

        assert answer.status_code == 202
        assert [o["stream_key"] for o in answer.json()["operations"]] == ["order-1", "order-2"]

    def test_the_object_may_be_deleted_by_now(self, client, url):
        order = Order.objects.create()
        show(subject=order)
        pk = str(order.pk)
        order.delete()

        client.post(url, {"subject": {"model": "shop.order", "pk": f"0{pk}"}})

        assert ends().get().activity.subject_pk == pk

    @pytest.mark.parametrize("model", [Parcel, ColdParcel, Delivery])
    def test_a_key_may_be_written_in_another_way(self, client, url, model):
        key = uuid.uuid4()
        show(subject=model(pk=key.hex))

        client.post(url, {"subject": {"model": model._meta.label, "pk": str(key).upper()}})

        assert ends().get().activity.subject_pk == str(key)

    def test_a_proxy_s_card_ends_although_its_pk_cannot_be_assigned(self, client, url):
        order = SealedOrder.objects.create()
        show(subject=order)

        client.post(url, {"subject": {"model": "shop.SealedOrder", "pk": str(order.pk)}})

        assert ends().get().activity.subject == Order.objects.get()

    def test_an_object_that_asks_for_its_relation_is_not_made(self, client, url):
        receipt = Receipt.objects.create(order=Order.objects.create())
        show(subject=receipt)

        client.post(url, {"subject": {"model": "shop.Receipt", "pk": str(receipt.pk)}})

        assert ends().get().activity.subject == receipt

    def test_an_object_whose_key_is_a_duration_ends(self, client, url):
        shift = Shift.objects.create(length=datetime.timedelta(days=1, hours=8))
        show(subject=shift)

        client.post(url, {"subject": {"model": "shop.Shift", "pk": "1 08:00:00"}})

        assert ends().get().activity.subject == shift

    def test_an_object_without_a_live_card_is_no_error(self, client, url):
        answer = client.post(url, {"subject": {"model": "shop.Order", "pk": "7"}})

        assert (answer.status_code, answer.json()) == (200, {"operations": []})


class TestAnswer:
    def test_tells_what_was_stored(self, client, url):
        card = show()
        deliver()
        card.refresh_from_db()

        answer = client.post(url, {"stream_key": "order-42", "reason": "Eaten"})

        end = ends().get()
        assert answer.json() == {
            "operations": [
                {
                    "id": end.pk,
                    "url": answer.headers["Location"],
                    "kind": "end",
                    "activity": card.pk,
                    "account": "default",
                    "stream_key": "order-42",
                    "activity_id": card.activity_id,
                    "state": "pending",
                    "settled": False,
                    "outcome": "",
                    "tries": 0,
                    "acknowledged": None,
                    "due": answer.json()["operations"][0]["due"],
                    "created": answer.json()["operations"][0]["created"],
                    "reason": "Eaten",
                }
            ]
        }

    @pytest.mark.parametrize("use_tz", [True, False])
    def test_its_moments_carry_their_offset(self, client, url, settings, use_tz):
        settings.USE_TZ = use_tz
        settings.TIME_ZONE = "America/St_Johns"

        answer = client.post(url, {"stream_key": "a", "at": "2031-05-06T07:08:09.5+02:00"})

        (end,) = answer.json()["operations"]
        assert end["due"] == "2031-05-06T05:08:09.500Z"
        age = datetime.datetime.now(datetime.UTC) - parse_datetime(end["created"])
        assert abs(age) < datetime.timedelta(minutes=5)

    def test_ending_again_gives_the_same_end(self, client, url):
        card = show()

        first = client.post(url, {"id": card.pk})
        second = client.post(url, {"id": card.pk})

        assert first.json() == second.json()
        assert ends().count() == 1

    def test_more_cards_of_an_object_cost_no_more_queries(
        self, client, url, django_assert_max_num_queries, django_assert_num_queries
    ):
        first, few, many = (Order.objects.create() for _ in range(3))
        show("first", subject=first)
        show("few", subject=few)
        for number in range(20):
            show(f"many-{number}", subject=many)
        client.post(url, {"subject": {"model": "shop.Order", "pk": str(first.pk)}})
        with django_assert_max_num_queries(12) as one:
            client.post(url, {"subject": {"model": "shop.Order", "pk": str(few.pk)}})

        with django_assert_num_queries(len(one)):
            client.post(url, {"subject": {"model": "shop.Order", "pk": str(many.pk)}})


class TestWishes:
    def test_content_options_and_dismissal_are_sent(self, client, url, liveactivity_outbox):
        show()
        deliver()
        body = {
            "stream_key": "order-42",
            "content": {"type": "progress", "title": "Done", "percentage": 100},
            "dismiss_after": 0,
            "action": {"title": "Open", "type": "open_url", "url": "https://example.com/"},
            "secondary_action": {"title": "Go", "type": "open_url", "url": "https://example.com/2"},
            "alert": {"title": "Delivered"},
            "tags": [],
            "metadata": {"door": 3},
        }

        assert client.post(url, body).status_code == 202
        (call,) = deliver()

        expected = {k: body[k] for k in ("action", "secondary_action", "alert", "tags", "metadata")}
        state = body["content"] | {"auto_dismiss_seconds": 0}
        assert call.json == {"content_state": state, **expected}

    def test_who_and_why_are_stored(self, client, url):
        client.post(url, {"stream_key": "a", "reason": "Wrong door"})

        end = ends().get()
        assert (end.source, end.actor, end.reason) == ("endpoint", "ana", "Wrong door")

    def test_an_end_is_scheduled_for_a_moment(self, client, url, liveactivity_outbox):
        client.post(url, {"stream_key": "a", "at": "2031-05-06T07:08:09Z"})

        due = datetime.datetime(2031, 5, 6, 7, 8, 9, tzinfo=datetime.UTC)
        assert ends().get().due == due
        assert deliver() == []

    @pytest.mark.parametrize("seconds", [1, 90, 31_622_400])
    def test_an_end_is_scheduled_for_after_some_seconds(self, client, url, seconds):
        client.post(url, {"stream_key": "a", "after": seconds})

        end = ends().get()
        assert abs(end.due_at - end.created_at - seconds * 1000) < 1000


class TestAccount:
    @pytest.fixture(autouse=True)
    def _two_accounts(self, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}

    def test_is_named_in_the_body(self, client, url):
        client.post(url, {"stream_key": "a", "account": "b"})

        assert ends().get().account == "b"

    def test_does_not_reach_a_row_of_another(self, client, url):
        card = show()

        assert client.post(url, {"id": card.pk, "account": "b"}).status_code == 404
        assert not ends().exists()

    @pytest.mark.django_db(databases=["default", "other"])
    def test_may_live_in_another_database(self, client, url, settings):
        far = settings.LIVEACTIVITY["b"] | {"DATABASE": "other"}
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": far}

        answer = client.post(url, {"stream_key": "a", "account": "b"})

        assert answer.json()["operations"][0]["account"] == "b"
        assert Operation.objects.using("other").get().account == "b"
        assert not Operation.objects.exists()


class DispatchLoop:
    """A principal that is no Django user, as a host's authentication may return one."""

    is_authenticated = True

    def has_perm(self, permission, obj=None):
        return permission == "django_liveactivity.end_liveactivity"


class Named(DispatchLoop):
    def __init__(self, username):
        self.username = username

    def get_username(self):
        return self.username


class TestActor:
    @pytest.mark.parametrize(
        "principal",
        [Named(uuid.uuid4()), Named(42), Named("n" * 300), Named(""), Named(None), DispatchLoop()],
        ids=["UUID", "number", "long", "empty", "None", "no username"],
    )
    def test_a_principal_of_any_kind_ends_cards(self, client, url, principal):
        client.force_authenticate(principal)

        assert client.post(url, {"stream_key": "a"}).status_code == 202
        assert ends().get().actor[:255] == ends().get().actor


class TestTransaction:
    def test_all_cards_of_an_object_end_or_none(self, client, url):
        """The second card cannot show what is asked for: it is a readout."""
        order = Order.objects.create()
        show("order-1", subject=order)
        content = {"type": "value", "title": "Order", "value": "1"}
        services.stream_activity("order-2", content, subject=order)
        body = {
            "subject": {"model": "shop.Order", "pk": str(order.pk)},
            "content": {"type": "progress", "title": "Done", "percentage": 100},
        }

        answer = client.post(url, body)

        assert answer.status_code == 400
        assert [e["path"] for e in answer.json()["errors"]] == ["content.type"]
        assert not ends().exists()

    def test_works_with_atomic_requests(self, client, url, monkeypatch):
        monkeypatch.setitem(connection.settings_dict, "ATOMIC_REQUESTS", True)

        assert client.post(url, {"stream_key": "a"}).status_code == 202
        assert client.post(url, {"stream_key": "a/b"}).status_code == 400
        assert ends().count() == 1


class TestNotFound:
    @pytest.mark.parametrize(
        "body",
        [
            {"id": 99},
            {"subject": {"model": "shop.Nothing", "pk": "1"}},
            {"subject": {"model": "nowhere.Order", "pk": "1"}},
            {"subject": {"model": "Order", "pk": "1"}},
            {"subject": {"model": "a.b.c", "pk": "1"}},
        ],
        ids=str,
    )
    def test_an_unknown_row_or_model_is_404(self, client, url, body):
        answer = client.post(url, body)

        assert answer.status_code == 404
        assert set(answer.json()) == {"type", "title", "status", "detail"}

    @pytest.mark.parametrize("route", ["activity", "operation"])
    @pytest.mark.parametrize("pk", ["0", "-1", "1.0", "null", "\u0663", "9" * 19, "9" * 9999])
    def test_an_address_of_no_row_is_404_in_the_same_shape(self, client, route, pk):
        answer = client.get(reverse(f"django_liveactivity:{route}", args=[pk]))

        assert answer.status_code == 404
        assert answer.headers["Content-Type"] == "application/problem+json"

    def test_a_key_of_another_kind_finds_nothing(self, client, url):
        body = {"subject": {"model": "auth.User", "pk": str(uuid.uuid4())}}

        answer = client.post(url, body)

        assert answer.status_code == 400
        assert [e["path"] for e in answer.json()["errors"]] == ["subject.pk"]
        assert not LiveActivity.objects.exists()
