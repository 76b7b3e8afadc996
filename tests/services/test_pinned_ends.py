"""Which end stands, which is asked for anew, and what its row says, by value."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import BigIntegerField

from django_liveactivity import Progress, Timer, services
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import KnownActivityId, LiveActivity, Operation, lane_digest
from django_liveactivity.testing import deliver
from tests.clock import advance

CONTENT = Progress(title="Order 42", percentage=40)
DONE = Progress(title="Order 42", percentage=100)
LINK = {"title": "Open", "type": "open_url", "url": "https://example.com"}
SECOND, MINUTE, HOUR = dt.timedelta(seconds=1), dt.timedelta(minutes=1), dt.timedelta(hours=1)
Rank = Operation.Rank
pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def card():
    card = services.stream_activity("order-42", CONTENT)
    deliver()
    return card


ENDED = {"content": DONE, "dismiss_after": MINUTE, "action": LINK}


class TestAPendingEnd:
    @pytest.mark.parametrize(
        ("asked", "stands"),
        [
            ({}, True),
            (ENDED, True),
            ({"content": DONE}, True),
            ({"content": CONTENT}, False),
            ({"dismiss_after": MINUTE}, True),
            ({"dismiss_after": 2 * MINUTE}, False),
            ({"dismiss_after": None}, False),
            ({"action": LINK}, True),
            ({"action": LINK | {"title": "Close"}}, False),
            ({"tags": ["a"]}, False),
            ({"after": HOUR}, True),
            ({"content": CONTENT, "after": HOUR}, True),
        ],
    )
    def test_stands_unless_something_else_is_asked_for(self, card, asked, stands):
        end = services.end_activity(card, **ENDED)
        assert (services.end_activity(card, **asked) == end) is stands

    def test_stands_by_each_name(self, card):
        end = services.end_activity(card)
        assert services.end_activity(stream_key="order-42") == end

    def test_of_an_earlier_card_does_not_stand_for_the_next(self, card):
        end = services.end_activity(card)
        again = services.stream_activity("order-42", CONTENT)
        assert again != card
        assert services.end_activity(stream_key="order-42") != end

    def test_stands_beside_the_end_of_an_earlier_card(self, card):
        services.end_activity(card)
        deliver()
        again = services.stream_activity("order-42", CONTENT)
        end = services.end_activity(again)
        assert services.end_activity(again) == end

    def test_of_an_adopted_card_stands_beside_the_end_of_an_earlier_card(self, card):
        services.end_activity(card)
        deliver()
        end = services.end_activity(stream_key="order-42")
        assert end.activity != card
        assert services.end_activity(stream_key="order-42") == end

    def test_that_was_given_up_does_not_stand(self, card):
        end = services.end_activity(card)
        services.give_up_operation(end, actor="ann", reason="Later.")
        deliver()
        advance(1)
        assert services.end_activity(card).state == "pending"

    def test_that_is_scheduled_does_not_stand(self, card):
        later = services.end_activity(card, after=HOUR)
        assert services.end_activity(card) != later

    def test_that_has_come_due_stands(self, card):
        later = services.end_activity(card, after=HOUR)
        advance(3601)
        assert services.end_activity(card) == later


class TestAnAcknowledgedEnd:
    @pytest.fixture
    def end(self, card):
        services.end_activity(card)
        deliver()
        return Operation.objects.get(kind="end", state="done")

    @pytest.mark.parametrize("asked", [{}, ENDED, {"after": HOUR}])
    def test_stands_for_its_row(self, card, end, asked):
        assert services.end_activity(card, **asked) == end

    def test_is_told_again_by_its_key_as_another_may_have_shown_it(self, card, end):
        again = services.end_activity(stream_key="order-42")
        assert again != end
        assert again.activity != card
        assert again.rank == Rank.UNKNOWN_END

    def test_stands_for_the_id_of_a_card_that_was_started_elsewhere(self):
        services.end_activity(activity_id="pLAr", content=DONE)
        deliver()
        end = Operation.objects.get(kind="end", state="done")
        assert services.end_activity(activity_id="pLAr", content=DONE) == end


class TestRows:
    @pytest.mark.parametrize(
        ("default", "asked", "seconds"),
        [
            (None, {}, None),
            (MINUTE, {}, 60),
            (MINUTE, {"dismiss_after": None}, None),
            (MINUTE, {"dismiss_after": 0 * SECOND}, 0),
            (None, {"dismiss_after": 1.25 * SECOND}, 2),
            (None, {"dismiss_after": 4 * HOUR}, 14_400),
        ],
    )
    def test_have_the_dismissal_of_the_call_or_of_the_account(
        self, card, settings, default, asked, seconds
    ):
        backend = "django_liveactivity.backends.locmem.LocmemBackend"
        account = {"BACKEND": backend, "OPTIONS": {"dismiss_after": default}}
        settings.LIVEACTIVITY = {"default": account}
        assert services.end_activity(card, **asked).dismiss_seconds == seconds
        if "dismiss_after" not in asked:
            adopted = services.end_activity(stream_key="elsewhere")
            assert adopted.dismiss_seconds is None
            told = services.end_activity(stream_key="told", content=DONE)
            assert told.dismiss_seconds == seconds

    @pytest.mark.parametrize(
        ("name", "content", "error"),
        [
            ({"stream_key": "elsewhere"}, None, ContentRequiredError),
            ({"activity_id": "pLAr"}, None, ContentRequiredError),
            ({"stream_key": "elsewhere"}, DONE, None),
            ({"activity_id": "pLAr"}, DONE, None),
        ],
    )
    def test_need_content_for_a_dismissal(self, name, content, error):
        if error is None:
            end = services.end_activity(content=content, dismiss_after=MINUTE, **name)
            assert end.dismiss_seconds == 60
            return
        with pytest.raises(error, match="^content: "):
            services.end_activity(content=content, dismiss_after=MINUTE, **name)
        assert not Operation.objects.exists()

    def test_of_what_we_showed_go_before_those_of_unknown_names(self, card):
        ranks = [
            services.end_activity(card).rank,
            services.end_activity(stream_key="elsewhere").rank,
            services.end_activity(activity_id="pLAr", content=DONE).rank,
        ]
        assert ranks == [Rank.END, Rank.UNKNOWN_END, Rank.UNKNOWN_END]

    def test_have_the_name_that_was_given(self):
        by_key = services.end_activity(stream_key="elsewhere").activity
        by_id = services.end_activity(activity_id="pLAr", content=DONE).activity
        assert (by_key.stream_key, by_key.activity_id) == ("elsewhere", "")
        assert (by_id.stream_key, by_id.activity_id, by_id.title) == ("", "pLAr", "Order 42")

    def test_are_due_when_they_are_asked_for_or_after_so_long(self, card):
        now = services.end_activity(card)
        later = services.end_activity(stream_key="other", after=1.5 * SECOND)
        for end, delay in ((now, 0), (later, 1_500)):
            end.refresh_from_db()
            assert end.due_at == end.created_at + delay
            assert end.next_try_at == end.due_at

    @pytest.mark.parametrize(
        ("year", "is_taken"), [(1969, False), (1970, True), (9998, True), (9999, False)]
    )
    def test_are_due_in_a_year_that_can_be_shown(self, card, year, is_taken):
        at = dt.datetime(year, 6, 1, tzinfo=dt.UTC)
        if is_taken:
            assert services.end_activity(card, at=at).due_at == at.timestamp() * 1000
        else:
            with pytest.raises(InvalidInputError, match="^at: Give a year from 1970 to 9998"):
                services.end_activity(card, at=at)


class TestNames:
    @pytest.mark.parametrize("pk", [0, -1, BigIntegerField.MAX_BIGINT + 1, "7", None])
    def test_a_row_without_a_possible_number_is_refused(self, pk):
        with pytest.raises(InvalidInputError, match="^activity: Give a saved LiveActivity"):
            services.end_activity(LiveActivity(pk=pk, account="default", stream_key="order-42"))

    def test_a_row_of_the_largest_number_is_looked_for(self):
        gone = LiveActivity(pk=BigIntegerField.MAX_BIGINT, account="default", stream_key="gone")
        assert services.end_activity(gone).activity.stream_key == "gone"

    @pytest.mark.parametrize("names", [{}, {"stream_key": "a", "activity_id": "b"}])
    def test_one_name_is_to_be_given(self, names):
        with pytest.raises(InvalidInputError, match="^activity: Give exactly one of"):
            services.end_activity(**names)

    def test_a_card_of_another_account_is_not_ended_on_this_one(self, card):
        with pytest.raises(InvalidInputError, match="^account: This card belongs to 'default'"):
            services.end_activity(card, account="other")

    def test_a_stream_is_ended_by_its_key_whatever_id_names_it(self, card):
        card.refresh_from_db()
        LiveActivity.objects.filter(pk=card.pk).update(activity_id="pLAr")
        KnownActivityId.objects.create(
            activity=card, account="default", id_digest=lane_digest(activity_id="old")
        )
        end = services.end_activity(activity_id="old")
        assert (end.activity, end.lane_digest) == (card, lane_digest(stream_key="order-42"))


class TestKeeping:
    def test_inserts_a_row_of_the_card(self, card):
        services.end_activity(card, after=HOUR)
        keep = services.keep_activity(card, actor="ann", reason="Still open")
        assert (keep.kind, keep.activity, keep.rank) == ("keep", card, Rank.CONTENT)
        assert (keep.actor, keep.reason) == ("ann", "Still open")

    def test_leaves_an_end_that_is_due(self, card):
        end = services.end_activity(card)
        services.keep_activity(card)
        assert services.end_activity(card) == end
        deliver()
        end.refresh_from_db()
        assert end.state == "done"


def test_new_content_of_an_ended_key_is_another_card(card):
    services.end_activity(card, after=HOUR)
    assert services.stream_activity("order-42", CONTENT) == card
    services.end_activity(card)
    assert services.stream_activity("order-42", CONTENT) != card


@pytest.mark.parametrize(
    "given", [dt.timedelta(0), -SECOND, dt.timedelta(days=366, milliseconds=1)]
)
def test_a_time_to_live_of_no_possible_length_is_refused(given):
    with pytest.raises(InvalidInputError, match="^time_to_live: "):
        services.stream_activity("order-42", CONTENT, time_to_live=given)


@pytest.mark.parametrize(
    ("given", "stored"),
    [
        ({}, 8 * 3_600_000),
        ({"time_to_live": None}, None),
        ({"time_to_live": dt.timedelta(microseconds=1)}, 1),
        ({"time_to_live": dt.timedelta(days=366)}, 366 * 24 * 3_600_000),
    ],
)
def test_a_time_to_live_is_of_the_call_or_of_the_account(given, stored):
    services.stream_activity("order-42", CONTENT, **given)
    assert Operation.objects.get().time_to_live == stored


def test_an_end_of_another_type_is_refused_as_far_as_the_type_is_known(card):
    with pytest.raises(InvalidInputError, match="^type: "):
        services.end_activity(card, Timer(title="x"))
    assert services.end_activity(stream_key="elsewhere", content=Timer(title="x")).content


@pytest.mark.parametrize("name", [{"stream_key": "elsewhere"}, {"activity_id": "pLAr"}])
def test_a_second_button_is_refused_where_the_content_of_the_end_has_none(name):
    stopped = Timer(title="x")
    with pytest.raises(InvalidInputError, match="^secondary_action: "):
        services.end_activity(content=stopped, action=LINK, secondary_action=LINK, **name)
    assert services.end_activity(content=DONE, action=LINK, secondary_action=LINK, **name).options
