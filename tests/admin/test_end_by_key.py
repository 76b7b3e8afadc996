"""The page that ends a card by its key or its activity ID, known here or not."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from django.urls import reverse

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain
from django_liveactivity.models import LiveActivity, Operation
from tests.conftest import KEY
from tests.reads import statements
from tests.sandbox.api import Api

from .conftest import CHANGE, messages_of
from .form_reader import read_form, send
from .test_content_form import FULL, LINK, full
from .test_end_page import (
    END,
    END_ANY,
    NEEDS_TITLE,
    ByAccount,
    ends,
    errors_of,
    last_body,
    of_unknown_content,
    only_end,
    show,
    text_of,
)

pytestmark = pytest.mark.django_db
UNKNOWN_ID = "pLAr-Hnq9ZFW4sxlk43Lhbuok4GLh7UW"


def page(client: Client, **query: Any) -> Any:
    return client.get(reverse(END_ANY), query)


@pytest.fixture
def elsewhere(vendor):
    """Another program that shows cards."""
    api = Api(vendor.url, KEY)
    yield api
    api.http.close()


class TestWhoMayEnd:
    @pytest.mark.parametrize("may", [(), ("view",), ("view", "operate")])
    def test_is_refused_without_the_permission(self, enter, may):
        client = enter(*may)

        assert page(client).status_code == 403
        answer = client.post(reverse(END_ANY), {"stream_key": "order-1", "do": "end"})
        assert answer.status_code == 403
        assert ends() == []

    def test_a_stranger_is_asked_to_log_in(self):
        assert page(Client()).url.startswith("/admin/login/?next=")

    def test_only_the_accounts_that_one_may_use_are_offered(self, enter, settings):
        settings.AUTHENTICATION_BACKENDS = [
            *settings.AUTHENTICATION_BACKENDS,
            f"{ByAccount.__module__}.ByAccount",
        ]
        near = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"kitchen": near, "bar": near}
        client = enter()

        answer = page(client)

        assert "account" not in read_form(answer).fields  # there is one
        send(client, answer, stream_key="order-1")
        assert only_end().account == "kitchen"

    def test_another_account_is_refused_at_its_field(self, enter, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"bar": settings.LIVEACTIVITY["default"]}
        client = enter("end")
        form = read_form(page(client)).fields | {"stream_key": "a", "account": "cellar"}

        answer = client.post(reverse(END_ANY), {**form, "do": "end"})

        assert "account" in answer.context["name"].errors
        assert ends() == []

    def test_who_may_not_see_the_card_learns_nothing_of_it_and_may_end_it(self, enter):
        show(key="order-1")
        client = enter("end")

        answer = page(client, stream_key="order-1")

        assert "Maintenance" not in answer.content.decode()
        send(client, answer)
        assert only_end().activity.title == "Maintenance"


class TestUnknown:
    def test_a_key_alone_ends_it_and_is_told_to_be_unknown(self, operator, vendor, elsewhere):
        elsewhere.put("prod-web-1", full("stats"))

        answer = send(operator, page(operator), stream_key=" prod-web-1 ", reason="Adoption")
        drain()

        end = only_end()
        assert (end.source, end.actor, end.reason) == ("admin", "ana", "Adoption")
        (_, ending), (level, unknown) = messages_of(answer)
        assert ending == "Ending 1 live activity: prod-web-1"
        assert level == "warning"
        assert unknown.startswith("This project has shown no live activity prod-web-1.")
        assert vendor.calls()[-1]["status"] == 200
        assert last_body(vendor) is None
        assert vendor.phone()["alive"] == []
        assert LogEntry.objects.get().object_id == str(end.activity_id)
        assert answer.redirect_chain[-1][0] == reverse(CHANGE, args=[end.activity_id])

    @pytest.mark.parametrize("name", FULL)
    def test_each_type_by_key(self, operator, vendor, elsewhere, name):
        start = {"duration_seconds": 60} if name == "timer" else {}
        elsewhere.put("prod-web-1", full(name) | start)
        chosen = send(operator, page(operator), "type", type=name, stream_key="prod-web-1")
        assert "type" in read_form(chosen).fields

        send(operator, chosen, **in_fields(full(name)), dismissal="minutes", dismiss_minutes="9")
        drain()

        assert vendor.calls()[-1]["status"] == 200
        assert last_body(vendor) == {
            "content_state": {**as_typed(full(name)), "auto_dismiss_seconds": 540}
        }

    @pytest.mark.parametrize("name", FULL)
    def test_each_type_by_activity_id(self, operator, vendor, elsewhere, name):
        start = {"duration_seconds": 60} if name == "timer" else {}
        activity_id = elsewhere.started(full(name) | start)
        chosen = send(operator, page(operator), "type", type=name, activity_id=activity_id)

        button = {f"action__{part}": text for part, text in LINK.items()}
        send(operator, chosen, **in_fields(full(name)), **button)
        drain()

        assert vendor.calls()[-1]["status"] == 200
        assert last_body(vendor) == {
            "activity_id": activity_id,
            "content_state": as_typed(full(name)),
            "action": LINK,
        }
        assert vendor.phone()["alive"] == []

    def test_a_title_is_enough_for_an_activity_id(self, operator, vendor, elsewhere):
        activity_id = elsewhere.started()

        send(operator, page(operator), activity_id=activity_id, title="Over")
        drain()

        assert last_body(vendor)["content_state"] == {"title": "Over"}
        assert vendor.phone()["alive"] == []

    def test_an_activity_id_needs_a_title(self, operator):
        answer = send(operator, page(operator), activity_id=UNKNOWN_ID)

        assert errors_of(answer) == {"title": [NEEDS_TITLE]}
        assert not LiveActivity.objects.exists()

    def test_a_dismissal_needs_a_title_too(self, operator):
        answer = send(operator, page(operator), stream_key="prod-web-1", dismissal="at_once")

        assert errors_of(answer) == {"title": [NEEDS_TITLE]}
        send(operator, answer, title="Over")
        assert only_end().dismiss_seconds == 0

    def test_it_may_end_later(self, operator):
        answer = send(
            operator, page(operator), stream_key="prod-web-1", when="after", after_minutes="10"
        )

        assert messages_of(answer)[0][1].startswith("prod-web-1 ends on ")

    def test_it_is_drawn_before_it_ends(self, operator):
        answer = send(operator, page(operator), "preview", stream_key="prod-web-1", title="Over")

        assert answer.context["preview"]["content"] == {"title": "Over"}
        assert "This project has shown no live activity of this name." in text_of(answer)
        assert ends() == []

    def test_an_address_may_have_the_name(self, operator):
        answer = page(operator, stream_key="prod-web-1", type="alert")

        fields = read_form(answer).fields
        assert (fields["stream_key"], fields["type"]) == ("prod-web-1", "alert")
        assert "message" in fields
        assert not errors_of(answer)

    @pytest.mark.parametrize("kind", ["pie", "\0", "a" * 10_000])
    def test_a_type_that_is_none_is_refused_at_its_field(self, operator, kind):
        form = read_form(page(operator)).fields | {"stream_key": "prod-web-1", "type": kind}

        answer = operator.post(reverse(END_ANY), {**form, "do": "end"})

        assert "type" in errors_of(answer)
        assert ends() == []


def in_fields(content: dict[str, Any]) -> dict[str, str]:
    """The fields that an operator fills in for this content."""
    typed: dict[str, str] = {}
    for name, value in content.items():
        if name == "metrics":
            for number, row in enumerate(value):
                typed |= {f"metrics__{number}__{part}": str(text) for part, text in row.items()}
        elif isinstance(value, dict):
            typed |= {f"{name}__{part}": text for part, text in value.items()}
        elif isinstance(value, list):
            typed[name] = ", ".join(value)
        else:
            typed[name] = str(value).lower() if isinstance(value, bool) else str(value)
    return typed


def as_typed(content: dict[str, Any]) -> dict[str, Any]:
    """What is typed that reads as a number is a number, where nothing was known before."""
    rows = content.get("metrics", [])
    numbers = [{**row, "value": 3.1} if row["value"] == "3.1" else row for row in rows]
    return {**content, "metrics": numbers} if rows else content


class TestName:
    @pytest.mark.parametrize(
        ("names", "field"),
        [
            ({}, "stream_key"),
            ({"stream_key": "a", "activity_id": "b"}, "activity_id"),
            ({"stream_key": "../../start"}, "stream_key"),
            ({"stream_key": "a" * 256}, "stream_key"),
            ({"stream_key": "a\0"}, "stream_key"),
            ({"stream_key": "ü"}, "stream_key"),
            ({"activity_id": "two words"}, "activity_id"),
            ({"activity_id": "a" * 256}, "activity_id"),
        ],
    )
    @pytest.mark.parametrize("button", ["find", "end"])
    def test_what_is_no_name_is_refused_at_its_field(self, operator, names, field, button):
        answer = send(operator, page(operator), button, **names, title="Over", reason="Late")

        assert list(answer.context["name"].errors) == [field]
        assert read_form(answer).fields["reason"] == "Late"
        assert ends() == []

    @pytest.mark.parametrize("name", ["../../start", "a\0"])
    def test_an_address_with_no_name_is_no_error_of_ours(self, operator, name):
        answer = page(operator, stream_key=name)

        assert list(answer.context["name"].errors) == ["stream_key"]

    def test_the_longest_names_are_taken(self, operator):
        send(operator, page(operator), stream_key="k" * 255)

        assert only_end().activity.stream_key == "k" * 255

    def test_keys_that_differ_in_case_are_two(self, operator):
        show("order-1")

        send(operator, page(operator), stream_key="Order-1")

        assert only_end().activity.stream_key == "Order-1"


class TestKnown:
    def test_an_address_leads_to_its_page(self, operator):
        card = show("order-1")

        answer = operator.get(reverse(END_ANY), {"stream_key": "order-1"})

        assert answer.url == reverse(END, args=[card.pk])

    def test_its_key_alone_ends_it_with_what_it_shows(self, operator, vendor):
        card = show("order-1")
        drain()

        answer = send(operator, page(operator), stream_key="order-1")

        assert messages_of(answer) == [("success", "Ending 1 live activity: order-1")]
        assert only_end().activity_id == card.pk
        assert only_end().content is None

    def test_a_stream_is_found_by_the_id_that_the_vendor_gave_it(self, operator, vendor):
        card = show("order-1")
        drain()
        card.refresh_from_db()

        send(operator, page(operator), activity_id=card.activity_id)
        drain()

        assert vendor.calls()[-1]["method"] == "DELETE"
        assert only_end().activity_id == card.pk

    @pytest.mark.parametrize("button", ["find", "type", "preview", "end"])
    def test_with_content_its_own_page_comes_filled_in(self, operator, button):
        card = services.stream_activity("order-1", full("alert"), action=LINK)

        answer = send(operator, page(operator), button, stream_key="order-1", title="Over")

        assert messages_of(answer)[0][1].startswith("order-1 is known here")
        form = read_form(answer)
        assert form.action == reverse(END, args=[card.pk])
        assert (form.fields["title"], form.fields["message"]) == (
            "Over",
            "It is down.\r\nAll of it.",
        )
        assert form.fields["action.url"] == LINK["url"]
        assert ends() == []
        send(operator, answer)
        assert only_end().content == {**full("alert"), "title": "Over"}
        assert only_end().options == {"action": LINK}

    def test_of_one_with_unknown_content_a_title_is_asked_for(self, operator):
        card = of_unknown_content()

        answer = send(operator, page(operator), activity_id=card.activity_id)

        assert errors_of(answer) == {"title": [NEEDS_TITLE]}

    def test_one_that_had_ended_is_ended_once_more_by_its_key(self, operator, vendor, elsewhere):
        card = show("order-1")
        drain()
        services.end_activity(card)
        drain()
        elsewhere.put("order-1", full("alert"))

        shown = page(operator, stream_key="order-1")
        assert "A live activity of this name has ended before:" in text_of(shown)
        answer = send(operator, shown)
        drain()

        assert messages_of(answer)[0] == ("success", "Ending 1 live activity: order-1")
        assert vendor.phone()["alive"] == []
        assert len(ends()) == 2

    def test_one_that_had_ended_is_not_by_its_id(self, operator, vendor, elsewhere):
        activity_id = elsewhere.started()
        services.end_activity(activity_id=activity_id, content={"title": "Over"})
        drain()

        answer = send(operator, page(operator), activity_id=activity_id)

        assert "This live activity has already ended." in text_of(answer)
        assert len(ends()) == 1


class TestTwice:
    def test_a_form_that_is_sent_twice_makes_one_end(self, operator, vendor):
        shown = page(operator)

        for _ in range(2):
            answer = send(operator, shown, stream_key="prod-web-1", title="Over")

        assert messages_of(answer) == [("info", "1 live activity was already ending: prod-web-1")]
        assert len(ends()) == 1

    def test_also_after_the_vendor_has_acknowledged_the_first(self, operator, vendor):
        """By its key a card that has ended may be ended again, but not by the same form."""
        shown = page(operator)

        for _ in range(2):
            answer = send(operator, shown, stream_key="prod-web-1")
            drain()

        assert messages_of(answer) == [("info", "1 live activity had already ended: prod-web-1")]
        assert len(ends()) == 1

    def test_a_second_operator_is_told(self, enter):
        shown = page(ana := enter("view", "end"))
        send(ben := enter("view", "end", name="ben"), page(ben), stream_key="web-1", reason="Mine")

        answer = send(ana, shown, stream_key="web-1", title="Over")

        assert "end (pending), ben: Mine" in text_of(answer)
        assert [end.actor for end in ends()] == ["ben"]


class TestLoggedOut:
    def test_all_that_was_typed_is_there_after_the_login(self, operator, django_user_model):
        ana = django_user_model.objects.get()
        shown = send(operator, page(operator), "type", type="alert")
        operator.session.flush()
        typed = {"stream_key": "web-1", "type": "alert", "title": "Over", "message": "a\r\nb"}
        form = read_form(shown).fields | typed | {"reason": "Adoption", "do": "end"}

        answer = operator.post(reverse(END_ANY), form)
        assert answer.url.startswith("/admin/login/")
        operator.force_login(ana)
        answer = page(operator)

        fields = read_form(answer).fields
        assert typed.items() <= fields.items()
        assert fields["reason"] == "Adoption"
        assert ends() == []
        send(operator, answer)
        assert only_end().content == {"type": "alert", "title": "Over", "message": "a\nb"}


class TestDatabases:
    pytestmark = pytest.mark.django_db(databases=["default", "other"])

    def test_a_card_ends_in_the_database_of_its_account(self, operator, settings):
        near = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": near, "far": near | {"DATABASE": "other"}}

        answer = send(operator, page(operator), account="far", stream_key="web-1")

        end = Operation.objects.using("other").get()
        assert end.account == "far"
        assert ends() == []
        assert answer.redirect_chain[-1][0].endswith("?_changelist_filters=account%3Dfar")
        assert messages_of(answer)[0][1].endswith("waits for its account: web-1")  # no sweep there

    def test_and_a_known_one_is_found_there(self, operator, settings):
        near = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": near, "far": near | {"DATABASE": "other"}}
        content = Progress(title="Order", percentage=40)
        services.stream_activity("far-1", content, account="far")

        answer = send(operator, page(operator), "find", account="far", stream_key="far-1")

        assert read_form(answer).fields["percentage"] == "40"
        send(operator, answer)
        assert Operation.objects.using("other").filter(kind="end").count() == 1


class TestQueries:
    def test_the_page(self, operator, django_assert_num_queries):
        page(operator)

        with django_assert_num_queries(5):
            page(operator)

    def test_the_end_of_an_unknown_card(self, operator):
        form = read_form(page(operator)).fields | {"stream_key": "web-1", "do": "end"}

        assert len(statements(lambda: operator.post(reverse(END_ANY), form))) <= 17
