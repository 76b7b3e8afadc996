"""Actions on many cards: a stored selection, its confirmation page, and one end for each card."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.db import DatabaseError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from django_liveactivity import Alert, Progress, SegmentedProgress, Value, services
from django_liveactivity.admin import LiveActivityAdmin, actions
from django_liveactivity.models import EndBatch, LiveActivity, Operation, OperatorAction
from django_liveactivity.services import batch
from django_liveactivity.testing import deliver
from tests.clock import advance

from .conftest import CHANGELIST, ask_to_end, confirm_end, ends, messages_of, names_in

pytestmark = pytest.mark.django_db
CONFIRM = "admin:django_liveactivity_liveactivity_confirm"


def show(key: str = "order-1", **options: Any) -> LiveActivity:
    return services.stream_activity(
        key, Progress(title=f"Title of {key}", percentage=40), **options
    )


def show_many(number: int) -> list[LiveActivity]:
    return [show(f"order-{n}") for n in range(number)]


def select_all(client: Any, action: str = "end_selected", query: str = "") -> Any:
    """Choose every card of a list across its pages; return the page that asks."""
    fields = {"action": action, "select_across": "1", "_selected_action": ["1"]}
    return client.post(f"{reverse(CHANGELIST)}{query}", fields, follow=True)


def press(client: Any, asked: Any, **fields: Any) -> Any:
    """Send the form of the page that asked, with what is typed into it."""
    token = asked.context["token"]
    posted = {"post": "yes", "token": token} | fields
    return client.post(
        asked.request["PATH_INFO"] + "?" + asked.request["QUERY_STRING"], posted, follow=True
    )


def ended_keys() -> set[str]:
    return {end.activity.stream_key or end.activity.activity_id for end in ends()}


class TestTheSelection:
    def test_is_one_row_and_the_page_has_its_number_instead_of_the_cards(self, operator):
        cards = show_many(30)

        asked = select_all(operator)

        stored = EndBatch.objects.get()
        assert stored.card_ids == [card.pk for card in cards]
        assert stored.actor == "ana"
        assert asked.request["PATH_INFO"] == reverse(CONFIRM, args=[stored.pk, "end_selected"])
        assert "_selected_action" not in asked.content.decode()
        assert not ends().exists()

    def test_says_how_many_there_are_and_names_the_first_twenty(self, operator):
        show_many(30)

        page = select_all(operator).content.decode()

        assert "order-29: Title of order-29" in page
        assert "order-10: Title of order-10" in page
        assert "order-9: " not in page
        assert "and 10 more" in page

    def test_says_what_the_cards_are(self, operator, settings):
        show_many(2)
        deliver()
        services.stream_activity("deploy", Alert(title="Deploy", message="Now"))
        LiveActivity.objects.filter(stream_key="order-1").update(account="night")
        account = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": account, "night": account}

        summary = select_all(operator).context["summary"]

        assert list(summary.parts()) == [
            ("Number", [("", "3")]),
            ("Status", [("live", "2"), ("pending", "1")]),
            ("Type", [("Progress", "2"), ("Alert", "1")]),
            ("Account", [("default", "2"), ("night", "1")]),
        ]

    def test_of_a_few_by_their_rows_has_a_number_too(self, operator):
        one, two, _ = show_many(3)
        ask_to_end(operator, one, two)
        assert EndBatch.objects.get().card_ids == [one.pk, two.pk]

    def test_of_one_card_needs_no_row(self, operator):
        show_many(1)
        asked = select_all(operator)
        assert 'name="_selected_action"' in asked.content.decode()
        assert not EndBatch.objects.exists()

    def test_of_no_card_is_none(self, operator):
        answer = select_all(operator)
        assert answer.request["PATH_INFO"] == reverse(CHANGELIST)
        assert not EndBatch.objects.exists()

    def test_knows_the_list_that_it_was_made_on(self, operator):
        show_many(2)
        asked = select_all(operator, query="?status__exact=pending")
        assert asked.context["back_url"] == f"{reverse(CHANGELIST)}?status__exact=pending"

    @pytest.mark.parametrize("number", [2, 40])
    def test_takes_as_many_queries_for_many_as_for_few(
        self, operator, number, django_assert_num_queries
    ):
        show_many(number)
        asked = select_all(operator)
        # Session, user and permissions; the selection, its cards, those that are named and
        # their operations; those that are drawn, and what is known of each.
        with django_assert_num_queries(10 + 2 * min(number, 4)):
            operator.get(asked.request["PATH_INFO"])

    def test_is_the_user_s_own(self, operator, enter):
        show_many(2)
        asked = select_all(operator)
        other = enter("view", "end", name="bob")
        answer = press(other, asked)
        text = "This choice of live activities is no longer there. Select them again."
        assert messages_of(answer) == [("warning", text)]
        assert not ends().exists()

    @pytest.mark.parametrize("number", [1_000, 2**70])
    def test_that_is_gone_is_told(self, operator, number):
        answer = operator.get(reverse(CONFIRM, args=[number, "end_selected"]), follow=True)
        assert messages_of(answer)[0][1].startswith("This choice of live activities is no longer")

    @pytest.mark.parametrize(
        ("may", "action", "status"),
        [
            (("view", "end"), "end_selected", 302),
            (("view", "operate"), "end_selected", 403),
            (("end",), "end_selected", 403),
            (("view", "end"), "retry_selected", 403),
            (("view", "end"), "give_up_selected", 403),
            (("view", "end"), "probe_accounts", 403),
            (("view", "operate"), "probe_accounts", 302),
            (("view", "end"), "delete_selected", 404),
        ],
    )
    def test_asks_for_the_permission_of_its_action(self, enter, may, action, status):
        client = enter(*may)
        assert client.get(reverse(CONFIRM, args=[1, action])).status_code == status

    def test_is_not_confirmed_by_looking_at_it(self, operator):
        show_many(2)
        asked = select_all(operator)
        operator.get(asked.request["PATH_INFO"] + "?post=yes")
        assert not ends().exists()

    def test_is_not_confirmed_without_the_csrf_token(self, operator):
        from django.test import Client

        show_many(2)
        asked = select_all(operator)
        strict = Client(enforce_csrf_checks=True)
        strict.cookies = operator.cookies
        assert press(strict, asked).status_code == 403
        assert not ends().exists()

    def test_and_what_was_typed_survive_a_login(self, operator):
        show_many(2)
        asked = select_all(operator)
        user = operator.session["_auth_user_id"]
        operator.logout()

        press(operator, asked, reason="Night", title="Over")
        assert not ends().exists()

        from django.contrib.auth.models import User

        session = operator.session
        draft = dict(session)
        operator.force_login(User.objects.get(pk=user))
        kept = operator.session
        kept.update({key: value for key, value in draft.items() if key.startswith("django_l")})
        kept.save()
        again = operator.get(asked.request["PATH_INFO"])
        assert again.context["form"]["reason"].value() == "Night"
        assert again.context["form"]["title"].value() == "Over"
        assert not ends().exists()
        press(operator, again, reason="Night", title="Over")
        assert {end.reason for end in ends()} == {"Night"}


class TestWhatEnds:
    """What was shown, and nothing else."""

    def test_is_every_selected_card_with_the_number_of_the_selection(self, operator):
        show_many(3)
        press(operator, select_all(operator), reason="Night", dismissal="at_once")
        stored = EndBatch.objects.get()
        assert [(e.batch, e.source, e.actor, e.reason, e.dismiss_seconds) for e in ends()] == [
            (stored, "admin", "ana", "Night", 0)
        ] * 3
        assert stored.ended_at is not None

    def test_is_no_card_that_came_later(self, operator):
        show_many(2)
        asked = select_all(operator)
        show("later")
        press(operator, asked)
        assert ended_keys() == {"order-0", "order-1"}

    def test_is_no_card_that_the_filter_finds_only_since(self, operator):
        other = show("other")
        show_many(2)
        LiveActivity.objects.filter(pk=other.pk).update(status="evicted")
        asked = select_all(operator, query="?status__exact=pending")
        LiveActivity.objects.filter(pk=other.pk).update(status="pending")
        press(operator, asked)
        assert ended_keys() == {"order-0", "order-1"}

    def test_is_a_card_that_the_filter_has_lost(self, operator):
        show_many(2)
        asked = select_all(operator, query="?status__exact=pending")
        deliver()
        press(operator, asked)
        assert ended_keys() == {"order-0", "order-1"}

    def test_is_no_card_that_has_ended_meanwhile(self, operator):
        cards = show_many(3)
        deliver()
        asked = select_all(operator)
        services.end_activity(cards[0])
        deliver()
        answer = press(operator, asked)
        assert messages_of(answer) == [
            ("success", "Ending 2 live activities: order-2, order-1"),
            ("info", "1 live activity had already ended: order-0"),
        ]
        assert ends().count() == 3

    def test_is_no_card_that_is_gone(self, operator):
        cards = show_many(3)
        asked = select_all(operator)
        Operation.objects.filter(activity=cards[0])._raw_delete("default")
        LiveActivity.objects.filter(pk=cards[0].pk)._raw_delete("default")
        again = operator.get(asked.request["PATH_INFO"])
        assert again.context["notes"] == ["1 live activity is no longer there."]
        answer = press(operator, asked)
        assert ("info", "1 live activity is no longer there.") in messages_of(answer)
        assert ended_keys() == {"order-1", "order-2"}

    def test_is_no_card_that_this_user_may_not_end(self, operator, monkeypatch):
        def may_end(self, request, obj=None):
            return obj is None or obj.stream_key != "order-1"

        show_many(3)
        monkeypatch.setattr(LiveActivityAdmin, "has_end_permission", may_end)
        asked = select_all(operator)
        assert asked.context["notes"] == [
            "You have no permission for 1 live activity, which is left out: order-1"
        ]
        assert asked.context["summary"].count == 2
        answer = press(operator, asked)
        assert ended_keys() == {"order-0", "order-2"}
        refusal = "Nothing was done to 1 live activity: order-1 (you have no permission for it)"
        assert messages_of(answer)[1:] == [("warning", refusal)]

    def test_is_told_once_for_each_reason_and_at_most_five(self, operator):
        cards = show_many(8)
        for card in cards[1:]:
            LiveActivity.objects.filter(pk=card.pk).update(account=f"gone-{card.pk}")
        answer = press(operator, select_all(operator))
        texts = [text for _, text in messages_of(answer)]
        assert len(texts) == 1 + 5 + 1
        assert texts[-1].endswith("order-2, order-1 (for other reasons)")


class TestSentTwice:
    def test_the_cards_end_once(self, operator):
        show_many(3)
        asked = select_all(operator)
        first, second = press(operator, asked), press(operator, asked)
        assert ends().count() == 3
        assert EndBatch.objects.count() == 1
        assert messages_of(second) == [("info", "You have confirmed this already.")]
        assert second.request["QUERY_STRING"] == first.request["QUERY_STRING"]
        assert LogEntry.objects.count() == 3

    def test_the_page_of_a_confirmed_selection_leads_to_its_list(self, operator):
        show_many(3)
        asked = select_all(operator)
        press(operator, asked)
        again = operator.get(asked.request["PATH_INFO"], follow=True)
        assert again.request["QUERY_STRING"] == f"batch={EndBatch.objects.get().pk}"

    def test_what_is_retried_is_retried_once(self, operator):
        for card in show_many(2):
            services.end_activity(card)
        asked = select_all(operator, "retry_selected")
        press(operator, asked)
        count = OperatorAction.objects.count()
        press(operator, asked)
        assert OperatorAction.objects.count() == count > 0

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.skipif(connection.vendor == "sqlite", reason="one connection in memory")
    def test_at_once_the_second_waits_for_the_first(self):
        stored = batch.choose_cards([1, 2], using="default", actor="ana")
        confirmed: list[bool] = []

        def confirm() -> None:
            confirmed.append(batch.confirm_batch(stored))
            connection.close()

        second = threading.Thread(target=confirm)
        with transaction.atomic():
            first = batch.confirm_batch(stored)
            second.start()
        second.join()
        assert (first, confirmed) == (True, [False])


class TestAllOrNothing:
    @pytest.fixture
    def asked(self, operator, monkeypatch):
        show_many(5)
        monkeypatch.setattr(actions, "CHUNK_SIZE", 2)
        return select_all(operator)

    def test_a_deadlock_in_the_middle_leaves_nothing(self, operator, asked):
        inserts = []

        def fail(execute, sql, *arguments):
            if sql.startswith("INSERT") and Operation._meta.db_table in sql:
                inserts.append(sql)
                if len(inserts) == 2:
                    raise DatabaseError("deadlock")
            return execute(sql, *arguments)

        with connection.execute_wrapper(fail), pytest.raises(DatabaseError), transaction.atomic():
            press(operator, asked)

        assert len(inserts) == 2
        assert not ends().exists()
        assert not LogEntry.objects.exists()
        assert EndBatch.objects.get().ended_at is None

    def test_it_can_be_sent_again_then(self, operator, asked, monkeypatch):
        def fail(*args, **kwargs):
            raise RuntimeError("no log")

        with monkeypatch.context() as broken, pytest.raises(RuntimeError), transaction.atomic():
            broken.setattr(LogEntry.objects, "log_actions", fail)
            press(operator, asked)
        assert not ends().exists()

        press(operator, asked)
        assert ends().count() == 5


class TestStatements:
    """A few for each thousand cards, and none for each card; here the thousand are ten."""

    @pytest.fixture(autouse=True)
    def ten_at_once(self, monkeypatch):
        monkeypatch.setattr(actions, "CHUNK_SIZE", 10)
        ContentType.objects.get_for_model(LiveActivity)  # which Django reads once

    def statements(self, client: Any, action: str, cards: Any, **fields: Any) -> int:
        """Return how many statements it takes to do this to so many cards."""
        chosen = {"action": action, "_selected_action": [card.pk for card in cards]}
        asked = client.post(reverse(CHANGELIST), chosen, follow=True)
        with CaptureQueriesContext(connection) as queries:
            answer = client.post(
                asked.request["PATH_INFO"], {"post": "yes", "reason": "Night"} | fields
            )
        assert answer.status_code == 302
        return len(queries)

    @pytest.mark.parametrize(
        ("action", "each"), [("end_selected", 3), ("retry_selected", 4), ("give_up_selected", 4)]
    )
    def test_for_each_thousand_more(self, operator, action, each):
        cards = show_many(40)
        few = self.statements(operator, action, cards[:10])
        many = self.statements(operator, action, cards[10:])
        assert many - few == 2 * each

    def test_for_each_thousand_more_that_end_already(self, operator):
        cards = show_many(40)
        for card in cards:
            services.end_activity(card)
        asked = {"dismissal": "at_once", "title": "Over"}
        few = self.statements(operator, "end_selected", cards[:10], **asked)
        many = self.statements(operator, "end_selected", cards[10:], **asked)
        assert ends().count() == 80
        assert many - few == 2 * 5


@pytest.mark.long
def test_twelve_hundred_cards_are_selected_asked_about_and_ended_at_once(operator):
    with transaction.atomic():
        show_many(1_200)
    asked = select_all(operator)
    assert asked.context["summary"].count == 1_200
    assert len(asked.content) < 100_000
    with CaptureQueriesContext(connection) as queries:
        answer = press(operator, asked, dismissal="default", reason="\N{ROCKET}")
    assert messages_of(answer)[0][1].startswith("Ending 1200 live activities: ")
    assert ends().count() == LogEntry.objects.count() == 1_200
    # SQLite takes some 50 rows in an INSERT.
    assert len(queries) < (120 if connection.vendor == "sqlite" else 60)


class TestAfterwards:
    def test_the_list_has_the_cards_that_end(self, operator):
        show_many(3)
        stored = select_all(operator)
        show("another")
        answer = press(operator, stored)
        number = EndBatch.objects.get().pk
        assert answer.request["QUERY_STRING"] == f"batch={number}"
        assert names_in(operator, batch=number) == {"order-0", "order-1", "order-2"}

    def test_a_few_that_were_confirmed_by_their_rows_make_a_batch_too(self, operator):
        cards = show_many(3)
        answer = confirm_end(operator, *cards[:2])
        stored = EndBatch.objects.get()
        assert {end.batch for end in ends()} == {stored}
        assert answer.request["QUERY_STRING"] == f"batch={stored.pk}"

    def test_one_card_makes_none(self, operator):
        answer = confirm_end(operator, show())
        assert ends().get().batch is None
        assert answer.request["QUERY_STRING"] == ""

    def test_the_list_of_before_is_shown_if_nothing_ends(self, operator):
        for card in show_many(2):
            services.end_activity(card)
        asked = select_all(operator, query="?status__exact=pending")
        answer = press(operator, asked)
        assert answer.request["QUERY_STRING"] == "status__exact=pending"
        assert messages_of(answer)[0][0] == "info"

    def test_the_list_of_before_is_shown_after_a_retry(self, operator):
        for card in show_many(2):
            services.end_activity(card)
        asked = select_all(operator, "retry_selected", query="?status__exact=pending")
        answer = press(operator, asked)
        assert answer.request["QUERY_STRING"] == "status__exact=pending"
        assert OperatorAction.objects.count() == 4

    def test_a_log_entry_tells_of_each_card(self, operator):
        show_many(3)
        press(operator, select_all(operator), reason="Night")
        entries = LogEntry.objects.all()
        assert {e.object_repr for e in entries} == {"order-0", "order-1", "order-2"}
        assert {e.get_change_message() for e in entries} == {"End requested. Night"}

    def test_all_of_it_is_delivered(self, operator):
        show_many(3)
        deliver()
        press(operator, select_all(operator))
        assert sorted(call.target for call in deliver()) == ["order-0", "order-1", "order-2"]


class TestCommonContent:
    """What cards of any type have in common."""

    FIELDS = {
        "title": "Over",
        "subtitle": "Thank you",
        "color": "green",
        "icon.symbol": "checkmark",
        "icon.color": "lime",
        "action.title": "Open",
        "action.type": "open_url",
        "action.url": "https://example.com",
    }

    @pytest.fixture
    def asked(self, operator):
        services.stream_activity("order", Progress(title="Order", percentage=40))
        services.stream_activity("door", Value(title="Door", value="open", subtitle="Front"))
        return select_all(operator)

    def content(self, key: str) -> Any:
        return ends().get(activity__stream_key=key).content

    def test_is_asked_for(self, asked):
        page = asked.content.decode()
        assert [name for name in self.FIELDS if f'name="{name}"' not in page] == []
        assert 'name="percentage"' not in page
        assert 'name="value"' not in page

    def test_replaces_what_each_card_shows(self, operator, asked):
        press(operator, asked, **self.FIELDS)
        common = {
            "title": "Over",
            "subtitle": "Thank you",
            "color": "green",
            "icon": {"symbol": "checkmark", "color": "lime"},
        }
        assert self.content("order") == {"type": "progress", "percentage": 40, **common}
        assert self.content("door") == {"type": "value", "value": "open", **common}
        button = {"title": "Open", "type": "open_url", "url": "https://example.com"}
        assert [end.options for end in ends()] == [{"action": button}] * 2

    def test_that_is_empty_is_left_as_each_card_has_it(self, operator, asked):
        press(operator, asked, subtitle="Over", **{"action.type": "open_url"})
        assert self.content("order")["title"] == "Order"
        assert self.content("door")["title"] == "Door"
        assert {str(end.options) for end in ends()} == {"{}"}

    def test_that_is_empty_altogether_says_nothing(self, operator, asked):
        press(operator, asked, **{"action.type": "open_url"})
        assert [(end.content, end.options) for end in ends()] == [(None, {})] * 2

    def test_gives_a_card_of_unknown_content_a_title(self, operator):
        cards = [services.track_activity(f"x-{n}", Value(title="X", value=1)) for n in range(2)]
        Operation.objects.update(state="failed")
        press(operator, select_all(operator), title="Over")
        assert [end.content for end in ends()] == [{"title": "Over"}] * len(cards)

    @pytest.mark.parametrize(
        ("field", "typed"),
        [
            ("icon.symbol", {"icon.color": "red"}),
            ("action.url", {"action.title": "Open", "action.url": "ftp://example.com"}),
            ("action.url", {"action.title": "Open"}),
            ("action.title", {"action.url": "https://example.com"}),
            ("action.body", {"action.title": "a", "action.url": "https://x.y", "action.body": "{"}),
            ("color", {"color": "pink"}),
            ("__all__", {"title": "a" * 20_000}),
            ("at", {"when": "at", "at": "0001-01-01T00:00"}),
        ],
    )
    def test_that_is_wrong_is_told_at_its_field(self, operator, asked, field, typed):
        answer = press(operator, asked, **{"action.type": "open_url"} | typed)
        assert list(answer.context["form"].errors) == [field]
        assert not ends().exists()
        assert EndBatch.objects.get().ended_at is None
        assert not answer.context["preview"]


class TestPreview:
    def test_draws_the_first_four_as_they_will_end(self, operator):
        show_many(6)
        preview = select_all(operator).context["preview"]
        assert len(preview) == 4
        assert [n for n in range(6) if f"Title of order-{n}" in str(preview)] == [2, 3, 4, 5]

    def test_draws_what_was_typed_and_ends_nothing(self, operator):
        show_many(2)
        asked = select_all(operator)
        answer = press(operator, asked, do="preview", title="Over", dismissal="at_once")
        assert all("Over" in str(drawn) for drawn in answer.context["preview"])
        assert answer.context["form"]["title"].value() == "Over"
        assert not ends().exists()

    def test_of_one_card_ends_nothing_either(self, operator):
        answer = confirm_end(operator, show(), do="preview", title="Over")
        assert "Over" in str(answer.context["preview"])
        assert not ends().exists()

    def test_escapes_what_was_typed(self, operator):
        show_many(2)
        answer = press(operator, select_all(operator), do="preview", title="<script>x")
        assert "<script>x" not in answer.content.decode()

    def test_is_there_without_a_card_of_known_content(self, operator):
        content = SegmentedProgress(title="X", current_step=1, number_of_steps=2)
        for n in range(2):
            services.track_activity(f"x-{n}", content)
        Operation.objects.update(state="failed")
        assert select_all(operator).status_code == 200

    def test_of_a_retry_is_none(self, operator):
        show_many(2)
        page = select_all(operator, "retry_selected").content.decode()
        assert "liveactivity-preview" not in page


@pytest.mark.django_db(databases=["default", "other"])
def test_a_choice_is_made_in_the_database_of_its_cards(operator, settings):
    near = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"default": near, "far": near | {"DATABASE": "other"}}
    content = Progress(title="Order", percentage=40)
    for n in range(2):
        services.stream_activity(f"near-{n}", content)
        services.stream_activity(f"far-{n}", content, account="far")

    asked = select_all(operator, query="?account=far")
    answer = press(operator, asked)

    far = EndBatch.objects.using("other").get()
    assert not EndBatch.objects.exists()
    assert answer.request["QUERY_STRING"] == f"batch={far.pk}&account=far"
    assert {str(card) for card in answer.context["cl"].result_list} == {"far-0", "far-1"}
    assert answer.context["batch"]["text"].startswith("0 of 2 ended")
    assert not ends().exists()


def test_a_choice_is_forgotten_after_a_day(operator):
    from django_liveactivity.delivery import sweep

    show_many(2)
    asked = select_all(operator)
    advance(25 * 3600)
    sweep(lambda _: None)
    assert messages_of(press(operator, asked))[0][0] == "warning"
