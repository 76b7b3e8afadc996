"""``GET activities/`` and ``operations/``: cards and their ends, for callers who may see them."""

from __future__ import annotations

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.testing import deliver
from tests.shop.models import Order

from .conftest import ends, show

pytestmark = pytest.mark.django_db
LIST = "/liveactivity/activities/"


def keys(answer) -> list[str]:
    assert answer.status_code == 200, answer.json()
    return [card["stream_key"] for card in answer.json()["results"]]


class TestOperation:
    def test_the_location_of_an_end_leads_to_its_state(self, client, url, liveactivity_outbox):
        show()
        deliver()
        location = client.post(url, {"stream_key": "order-42"}).headers["Location"]
        before = client.get(location).json()
        deliver()
        after = client.get(location).json()

        assert (before["state"], before["settled"], before["tries"]) == ("pending", False, 0)
        assert (after["state"], after["settled"], after["tries"]) == ("done", True, 1)
        assert (after["outcome"], before["acknowledged"]) == ("delivered", None)
        assert after["acknowledged"] > before["created"]

    def test_one_of_another_account_is_not_found(self, client, url, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
        answer = client.post(url, {"stream_key": "a", "account": "b"})
        location = answer.headers["Location"]

        assert location.endswith("?account=b")
        assert client.get(location).status_code == 200
        assert client.get(location.partition("?")[0]).status_code == 404

    def test_a_number_that_is_none_is_not_found(self, client):
        for number in (0, 99, 2**63, 10**30):
            assert client.get(f"/liveactivity/operations/{number}/").status_code == 404
            assert client.get(f"{LIST}{number}/").status_code == 404


class TestActivity:
    def test_tells_of_the_card_and_of_its_end(self, client, url, liveactivity_outbox):
        order = Order.objects.create()
        card = show(subject=order)
        deliver()
        end = client.post(url, {"id": card.pk}).json()["operations"][0]
        deliver()

        told = client.get(f"{LIST}{card.pk}/").json()

        card.refresh_from_db()
        assert told == {
            "id": card.pk,
            "url": f"http://testserver{LIST}{card.pk}/",
            "account": "default",
            "stream_key": "order-42",
            "activity_id": card.activity_id,
            "subject": {"model": "shop.Order", "pk": str(order.pk)},
            "type": "progress",
            "title": "Order",
            "status": "ended",
            "live": False,
            "created": told["created"],
            "ended": told["ended"],
            "end": client.get(end["url"]).json(),
        }
        assert told["ended"] >= told["end"]["acknowledged"]

    def test_a_live_card_has_no_end(self, client):
        told = client.get(f"{LIST}{show().pk}/").json()

        assert (told["live"], told["ended"], told["end"], told["subject"]) == (
            *(True, None, None, None),
        )


class TestList:
    def test_the_newest_cards_come_first_and_pages_hold_while_cards_come(self, client):
        for number in range(5):
            show(f"order-{number}")
        first = client.get(LIST, {"page_size": 2})
        show("order-5")
        second = client.get(first.json()["next"])
        third = client.get(second.json()["next"])

        assert [keys(page) for page in (first, second, third)] == [
            *(["order-4", "order-3"], ["order-2", "order-1"], ["order-0"]),
        ]
        assert third.json()["next"] is None
        assert keys(client.get(third.json()["previous"])) == ["order-2", "order-1"]

    @pytest.mark.parametrize(
        ("query", "expected"),
        [
            ({"stream_key": "a"}, ["a"]),
            ({"stream_key": "A"}, []),
            ({"subject_model": "shop.order"}, ["a"]),
            ({"subject_model": "shop.Order", "subject_pk": "1"}, ["a"]),
            ({"subject_model": "shop.Order", "subject_pk": "2"}, []),
            ({"subject_model": "shop.Parcel"}, []),
            ({"live": "true"}, ["b", "a"]),
            ({"live": "false"}, ["c"]),
            ({"status": "pending"}, ["b", "a"]),
            ({"status": "ended"}, ["c"]),
            ({"status": "ended", "live": "true"}, []),
            ({"activity_id": "unknown"}, []),
        ],
        ids=str,
    )
    def test_is_filtered(self, client, query, expected, liveactivity_outbox):
        services.end_activity(show("c"))
        deliver()
        show("a", subject=Order.objects.create(pk=1))
        show("b")

        assert keys(client.get(LIST, query)) == expected

    def test_finds_a_stream_by_any_id_that_it_ever_had(self, client, liveactivity_outbox):
        card = show()
        deliver()
        card.refresh_from_db()
        show("another")

        assert card.activity_id
        assert keys(client.get(LIST, {"activity_id": card.activity_id})) == ["order-42"]

    @pytest.mark.parametrize(
        ("query", "path"),
        [
            ("page_size=0", "page_size"),
            ("page_size=201", "page_size"),
            ("status=gone", "status"),
            ("live=perhaps", "live"),
            ("subject_pk=1", "subject_model"),
            ("subject_model=shop.Order&subject_pk=x", "subject"),
            ("stream-key=a", "stream-key"),
            ("status=ended&status=live", "status"),
            ("account=nobody", "account"),
            ("stream_key=", "stream_key"),
        ],
    )
    def test_a_bad_query_is_named(self, client, query, path):
        answer = client.get(f"{LIST}?{query}")

        assert answer.status_code == 400
        assert [error["path"] for error in answer.json()["errors"]] == [path]

    def test_more_cards_cost_no_more_queries(self, client, django_assert_num_queries):
        for number in range(3):
            services.end_activity(show(f"order-{number}"))
        client.get(LIST)
        with django_assert_num_queries(7):
            client.get(LIST, {"page_size": 1})
        for number in range(30):
            services.end_activity(show(f"more-{number}"))
        with django_assert_num_queries(7):
            assert len(keys(client.get(LIST))) == 33


class TestRepeats:
    def end(self, client, url, **body) -> tuple[int, list[int]]:
        answer = client.post(url, {"stream_key": "order-42", **body})
        return answer.status_code, [end["id"] for end in answer.json()["operations"]]

    def test_an_end_that_stands_is_returned_whatever_its_state(
        self, client, url, liveactivity_outbox
    ):
        show()
        deliver()
        status, first = self.end(client, url)
        assert (status, self.end(client, url)) == (202, (202, first))
        deliver()
        assert self.end(client, url) == (200, first)
        Operation.objects.filter(pk=first[0]).update(state="needs_operator", acknowledged_at=None)
        assert self.end(client, url) == (202, first)
        assert ends().count() == 1

    def test_a_key_of_another_program_is_asked_again(self, client, url, liveactivity_outbox):
        """This project never showed it; the other program may have shown it since."""
        status, first = self.end(client, url)
        assert self.end(client, url) == (status, first)
        deliver()
        status, second = self.end(client, url)
        assert (status, second != first) == (202, True)

    def test_a_card_that_is_shown_again_ends_again(self, client, url, liveactivity_outbox):
        show()
        first = self.end(client, url)
        deliver()
        show()
        assert self.end(client, url) != first

    def test_a_subject_s_pending_end_is_returned(self, client, url, liveactivity_outbox):
        order = Order.objects.create()
        show(subject=order)
        body = {"subject": {"model": "shop.Order", "pk": str(order.pk)}}
        first = client.post(url, body)
        again = client.post(url, body)
        deliver()
        settled = client.post(url, body)

        assert first.status_code == again.status_code == 202
        assert first.json() == again.json() != {"operations": []}
        assert (settled.status_code, settled.json()) == (200, {"operations": []})

    def test_the_history_keeps_who_asked_again_when_and_why(self, client, url, django_user_model):
        show()
        _, (number,) = self.end(client, url, reason="Eaten")
        self.end(client, url, reason="Eaten")
        client.force_authenticate(django_user_model.objects.create_superuser("bo"))
        self.end(client, url, reason="Cold")
        self.end(client, url, reason="Cold")

        (repeat,) = Operation.objects.get(pk=number).operator_actions.all()
        assert (repeat.kind, repeat.actor, repeat.reason) == ("repeat", "bo", "Cold")
        assert repeat.created_at == repeat.applied_at

    def test_the_history_stays_small(self, client, url):
        show()
        for number in range(25):
            _, (end,) = self.end(client, url, reason=f"{number}")

        assert Operation.objects.get(pk=end).operator_actions.count() == 20


class TestStream:
    """``DELETE streams/{stream_key}/``: the vendor's own path and body."""

    path = "/liveactivity/streams/order-42/"

    def test_ends_the_stream(self, client, liveactivity_outbox):
        show()
        deliver()
        answer = client.delete(self.path)
        deliver()

        assert answer.status_code == 202
        assert liveactivity_outbox[-1].method == "DELETE"
        assert LiveActivity.objects.get().status == "ended"
        assert client.delete(self.path).status_code == 200

    def test_takes_the_vendor_s_body(self, client, liveactivity_outbox):
        show()
        deliver()
        state = {"title": "Done", "percentage": 100, "auto_dismiss_seconds": 30}
        assert client.delete(self.path, {"content_state": state}).status_code == 202
        (call,) = deliver()
        assert call.json["content_state"] == {"type": "progress", **state}

    def test_account_and_reason_may_stand_in_the_address(self, client, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
        assert client.delete(f"{self.path}?account=b&reason=Eaten").status_code == 202
        end = ends().get()
        assert (end.account, end.reason) == ("b", "Eaten")

    @pytest.mark.parametrize(
        ("query", "body", "path"),
        [
            ("?reason=a", {"reason": "a"}, "reason"),
            ("?why=a", {}, "why"),
            ("", {"stream_key": "order-42"}, "stream_key"),
            ("", {"id": 1}, "id"),
        ],
    )
    def test_what_it_does_not_take_is_named(self, client, query, body, path):
        answer = client.delete(self.path + query, body)
        assert answer.status_code == 400
        assert [error["path"] for error in answer.json()["errors"]] == [path]
        assert not ends().exists()

    @pytest.mark.parametrize("body", ["false", "0", '""', "[]", "null", "[1]", "1"])
    def test_a_body_that_is_no_object_ends_nothing(self, client, url, body):
        for answer in (
            client.delete(self.path, body, content_type="application/json"),
            client.post(url, body, content_type="application/json"),
        ):
            assert answer.status_code == 400
            assert answer.json()["errors"][0]["path"] == ""
        assert not ends().exists()

    @pytest.mark.parametrize(
        "content_type",
        ["", "application/json", "application/x-www-form-urlencoded", "multipart/form-data"],
    )
    def test_a_body_may_be_absent_whatever_type_is_announced(self, client, content_type):
        answer = client.generic("DELETE", self.path, b"", content_type=content_type)
        assert answer.status_code == 202
        assert ends().get().content is None

    @pytest.mark.parametrize("key", ["a%2Fb", "a%20b", "%C3%A4", "a%0A", "k" * 256])
    def test_a_key_that_is_none_is_refused(self, client, key):
        assert client.delete(f"/liveactivity/streams/{key}/").status_code in {400, 404}
        assert not ends().exists()


class TestLog:
    """Each call leaves one line, accepted or refused."""

    def test_logs_the_caller_the_route_and_the_status(self, client, url, caplog):
        with caplog.at_level("INFO", "django_liveactivity.api"):
            client.post(url, {"stream_key": "order-42"})
            client.post(url, {"stream_key": "a/b"})
            client.post(url, "{", content_type="application/json")
            client.get("/liveactivity/operations/99/")
            client.put(url, {})
            client.logout()
            client.post(url, {})

        lines = [r.getMessage() for r in caplog.records if r.name == "django_liveactivity.api"]
        (end,) = ends()
        assert lines == [
            f"POST end by ana: 202 [{end.pk}]",
            "POST end by ana: 400 The input is refused; nothing was stored.",
            "POST end by ana: 400 The input is refused; nothing was stored.",
            "GET operation by ana: 404 There is no such operation among those that you may see.",
            'PUT by ana: 405 Method "PUT" not allowed.',
            "POST end by AnonymousUser: 403 Authentication credentials were not provided.",
        ]

    def test_a_name_forges_no_line(self, client, url, user, caplog):
        user.username = "ana\nPOST end by root: 202"
        user.save()
        with caplog.at_level("INFO", "django_liveactivity.api"):
            client.post(url, {"stream_key": "order-42"})

        (line,) = [r.getMessage() for r in caplog.records if r.name == "django_liveactivity.api"]
        assert "\n" not in line


def test_content_of_any_type_is_shown_by_its_title(client):
    services.stream_activity("a", Progress(title="Tea", percentage=1))
    (told,) = client.get(LIST).json()["results"]
    assert (told["type"], told["title"]) == ("progress", "Tea")
