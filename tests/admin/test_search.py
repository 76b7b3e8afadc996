"""Search and filters: by name, by the words on the lock screen, by filter."""

from __future__ import annotations

import datetime

import pytest
from django.utils import timezone

from django_liveactivity import Metric, Metrics, Progress, SegmentedProgress, services
from django_liveactivity.admin.filters import OutcomeFilter
from django_liveactivity.models import (
    EndBatch,
    KnownActivityId,
    LiveActivity,
    Now,
    Operation,
    lane_digest,
)
from django_liveactivity.selectors import EXPIRED_AFTER_MS
from django_liveactivity.testing import deliver
from tests.clock import advance
from tests.shop.models import Machine, Order

from .conftest import cards_in, names_in

pytestmark = pytest.mark.django_db
DAY_MS = 24 * 3600 * 1000
HOURS = datetime.timedelta(hours=3)
EXPIRY = EXPIRED_AFTER_MS / 1000 + 1


def show(key: str, title: str = "Order", percentage: int = 40, **options) -> LiveActivity:
    return services.stream_activity(key, Progress(title=title, percentage=percentage), **options)


def listed(client, **query) -> list[str]:
    """The names of the cards, in the list's order."""
    return [str(card) for card in cards_in(client, **query).context["cl"].result_list]


def change(key: str, **changes) -> None:
    LiveActivity.objects.filter(stream_key=key).update(**changes)


def change_end(key: str, **changes) -> None:
    card = LiveActivity.objects.get(stream_key=key)
    Operation.objects.filter(activity=card, kind="end").update(**changes)


class TestName:
    @pytest.fixture(autouse=True)
    def _cards(self, db):
        show("order-1", subject=Order.objects.create(pk=4711))
        show("Order-1", subject=Machine(hostname="Web-1"))
        show("order-10", subject=Machine(hostname="web-1"))
        services.track_activity(
            "pLAr-Hnq9", SegmentedProgress(title="D", current_step=1, number_of_steps=2)
        )
        rotated = LiveActivity.objects.get(stream_key="order-10")
        KnownActivityId.objects.create(
            activity=rotated, account="default", id_digest=lane_digest(activity_id="old-id")
        )

    @pytest.mark.parametrize(
        ("term", "first"),
        [
            ("order-1", "order-1"),
            ("Order-1", "Order-1"),
            (" order-10 ", "order-10"),
            ("pLAr-Hnq9", "pLAr-Hnq9"),
            ("old-id", "order-10"),
            ("4711", "order-1"),
            ("web-1", "order-10"),
            ("Web-1", "Order-1"),
            ("order 4711", "order-1"),
            ("shop.Order 4711", "order-1"),
        ],
    )
    def test_the_card_with_the_whole_name_comes_first(self, viewer, term, first):
        assert listed(viewer, q=term)[0] == first

    def test_a_part_finds_the_others_too(self, viewer):
        assert listed(viewer, q="order-1") == ["order-1", "order-10", "Order-1"]

    @pytest.mark.parametrize(
        "term",
        ["old-i", "471", "%", "_rder", "' OR 1=1 --", "';DROP TABLE x;--", "Ünïcode 💩"],
    )
    def test_what_is_no_name_and_no_word_finds_nothing(self, viewer, term):
        found = cards_in(viewer, q=term).context["cl"].found

        assert not found.ids or found.is_loose

    def test_nothing_searched_for_is_everything(self, viewer):
        assert len(names_in(viewer, q="  ")) == 4

    def test_a_search_is_escaped_on_the_page(self, viewer):
        page = cards_in(viewer, q='"><script>alert(1)</script>').content.decode()

        assert "<script>alert(1)" not in page

    def test_a_name_is_found_on_the_chosen_account_alone(self, viewer, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
        show("order-1", account="b")

        rows = cards_in(viewer, q="order-1", account="b").context["cl"].result_list

        assert [row.account for row in rows] == ["b"]

    def test_a_name_is_found_among_what_the_filters_leave(self, viewer):
        assert listed(viewer, q="order-1", type="alert") == []
        assert listed(viewer, q="order-1", state="ended") == []
        assert listed(viewer, q="pLAr-Hnq9", type="segmented_progress") == ["pLAr-Hnq9"]


class TestWords:
    def test_the_words_of_a_lock_screen_find_the_card(self, viewer):
        show("web-1", "Maintenance", 68)
        show("web-2", "Maintenance", 7)
        show("job-68", "Backup")

        assert listed(viewer, q="Maintenance 68") == ["web-1"]
        assert listed(viewer, q="maintenance 68%") == ["web-1"]

    def test_a_number_is_no_part_of_another(self, viewer):
        services.stream_activity("web-1", Progress(title="Up", value=168, upper_limit=200))

        assert listed(viewer, q="Up 68") == ["web-1"]  # it has one of the words
        assert cards_in(viewer, q="Up 68").context["cl"].found.is_loose
        assert not cards_in(viewer, q="Up 168").context["cl"].found.is_loose

    def test_every_text_and_number_counts(self, viewer):
        metrics = [Metric(label="Queue depth", value=12.5), Metric(label="Load", value="high")]
        services.stream_activity("a", Metrics(title="Server", subtitle="Berlin", metrics=metrics))
        show("b", "Server")

        for words in ("berlin server", "queue 12.5", "LOAD high", "depth"):
            assert listed(viewer, q=words) == ["a"], words

    def test_colors_and_the_type_are_no_words(self, viewer):
        services.stream_activity("a", Progress(title="T", percentage=1, color="magenta"))

        assert listed(viewer, q="magenta") == []
        assert listed(viewer, q="progress") == []

    def test_what_a_card_shows_now_counts(self, viewer):
        show("a", "Import", 10)
        show("a", "Import", 50)

        assert listed(viewer, q="import 50") == ["a"]
        assert cards_in(viewer, q="import 10").context["cl"].found.is_loose

    def test_what_the_vendor_refused_was_never_shown(self, viewer):
        show("a", "Import", 10)
        deliver()
        show("a", "Import", 50)
        newest = Operation.objects.latest("pk")
        Operation.objects.filter(pk=newest.pk).update(state="failed")

        assert not cards_in(viewer, q="import 10").context["cl"].found.is_loose

    def test_parts_are_found_in_any_case(self, viewer):
        show("nightly-Import", "Küche")
        show("other", "Bad")

        for words in ("IMPORT", "ghtly-imp", "küche", "KÜCHE", "üch nightly"):
            assert listed(viewer, q=words) == ["nightly-Import"], words

    def test_words_in_quotes_are_one(self, viewer):
        show("a", "Deploy web")
        show("b", "Deploy the web")

        assert listed(viewer, q='"deploy web"') == ["a"]
        assert set(listed(viewer, q="deploy web")) == {"a", "b"}

    @pytest.mark.parametrize("term", ['"', "'", '""', '"a', "a\"b 'c", "x" * 10_000, "a " * 5_000])
    def test_odd_words_are_answered(self, viewer, term):
        show("a")

        assert cards_in(viewer, q=term).status_code == 200

    def test_open_cards_come_first(self, viewer):
        show("a", "Deploy")
        services.end_activity(show("b", "Deploy"))
        change("b", status="ended")
        show("c", "Deploy")

        assert listed(viewer, q="deploy") == ["c", "a", "b"]

    def test_what_ended_cards_showed_is_not_read(self, viewer):
        show("a", "Deploy", 68)
        change("a", status="ended")

        assert listed(viewer, q="68") == []

    def test_if_no_card_has_all_words_those_with_most_come_first(self, viewer):
        show("one", "Import of orders", 1)
        show("two", "Import of nothing", 2)
        show("ended", "Import of orders")
        change("ended", status="ended")

        answer = cards_in(viewer, q="import orders 77")

        assert [str(card) for card in answer.context["cl"].result_list] == ["ended", "one", "two"]
        assert "No live activity has all of these words." in answer.content.decode()

    def test_a_card_with_some_words_in_what_it_shows_counts_too(self, viewer):
        show("a", "Import", 68)

        assert listed(viewer, q="68 zzz") == ["a"]

    def test_nothing_at_all_is_told_as_nothing(self, viewer):
        show("a", "Import")

        answer = cards_in(viewer, q="zzz yyy")

        assert answer.context["cl"].result_count == 0
        assert "has all of these words" not in answer.content.decode()

    def test_the_page_says_what_is_looked_at(self, viewer):
        page = cards_in(viewer).content.decode()

        assert "those that are not over and in the newest 20,000." in page


@pytest.fixture
def zoo(db) -> None:
    """A card in each state, called by it, and some that are more than one thing."""
    for key in ("expired", "expired-ending"):
        show(key, time_to_live=None)
    deliver()
    advance(EXPIRY)
    for key in ("live", "paused", "evicted", "ended", "failed", "scheduled", "kept"):
        show(key)
    for key in ("ending", "paused-ending"):
        show(key)
    services.end_activity(stream_key="kept", after=HOURS)
    services.keep_activity(stream_key="kept")
    services.end_activity(stream_key="scheduled", after=HOURS)
    deliver()
    for key in ("paused", "evicted", "ended", "failed"):
        change(key, status=key)
    change("paused-ending", status="paused")
    for key in ("ending", "paused-ending", "expired-ending"):
        services.end_activity(stream_key=key)
    show("pending")


@pytest.mark.usefixtures("zoo")
class TestState:
    @pytest.mark.parametrize(
        ("state", "expected"),
        [
            ("pending", {"pending"}),
            ("live", {"live", "scheduled", "kept"}),
            ("paused", {"paused"}),
            ("evicted", {"evicted"}),
            ("scheduled", {"scheduled"}),
            ("ending", {"ending", "paused-ending", "expired-ending"}),
            ("expired", {"expired"}),
            ("ended", {"ended"}),
            ("failed", {"failed"}),
        ],
    )
    def test_the_filter_lists_what_the_list_calls_so(self, viewer, state, expected):
        rows = cards_in(viewer).context["cl"].result_list
        called = {str(card) for card in rows if card.state == state}

        assert names_in(viewer, state=state) == expected
        assert called == expected or state == "scheduled"

    def test_an_end_that_was_just_canceled_is_scheduled_no_more(self, viewer):
        services.keep_activity(stream_key="scheduled")
        assert names_in(viewer, state="scheduled") == set()

    def test_not_over_is_what_may_be_on_phones(self, viewer):
        assert names_in(viewer, state="open") == names_in(viewer) - {"ended", "failed"}

    def test_another_value_lists_everything(self, viewer):
        assert names_in(viewer, state="x") == names_in(viewer)

    def test_the_next_card_of_a_key_is_not_ending(self, viewer):
        show("ending")  # its end is not acknowledged, so this is its next card

        rows = cards_in(viewer, state="ending").context["cl"].result_list

        assert [card.status for card in rows if str(card) == "ending"] == ["live"]

    def test_with_a_type(self, viewer):
        change("live", type="alert")

        assert names_in(viewer, state="live", type="alert") == {"live"}
        assert names_in(viewer, state="ended", type="alert") == set()


class TestFilters:
    @pytest.mark.parametrize(
        ("value", "expected"),
        [("1", {"stuck", "marked"}), ("0", {"fine"}), ("x", {"stuck", "marked", "fine"})],
    )
    def test_by_attention(self, viewer, value, expected):
        show("fine")
        show("marked")
        change("marked", needs_attention=True)
        services.end_activity(show("stuck"))
        change_end("stuck", state="needs_operator")

        assert names_in(viewer, attention=value) == expected

    def test_by_account(self, viewer, settings):
        settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
        show("order-1")
        show("order-2", account="b")

        assert names_in(viewer) == {"order-1", "order-2"}
        assert names_in(viewer, account="b") == {"order-2"}
        assert names_in(viewer, account="b", type="progress", state="open") == {"order-2"}
        assert names_in(viewer, account="b", attention="1") == set()

    def test_by_type(self, viewer):
        show("order-1")
        services.track_activity(
            "pLAr-1", SegmentedProgress(title="D", current_step=1, number_of_steps=2)
        )

        assert names_in(viewer, type="segmented_progress") == {"pLAr-1"}
        assert names_in(viewer, type="hologram") == {"pLAr-1", "order-1"}

    def test_by_the_outcome_of_the_last_call(self, viewer):
        show("delivered")
        show("updated")
        deliver()
        show("updated", "Later")
        services.end_activity(stream_key="updated", after=HOURS)
        show("never")
        updated = LiveActivity.objects.get(stream_key="updated")
        Operation.objects.filter(activity=updated, state="done").update(outcome="noop")

        assert names_in(viewer, outcome="delivered") == {"delivered"}
        assert names_in(viewer, outcome="noop") == {"updated"}
        assert names_in(viewer, outcome="x") == {"delivered", "updated", "never"}

    def test_the_outcome_of_no_more_than_the_newest_and_the_open_ones(self, viewer, monkeypatch):
        monkeypatch.setattr(OutcomeFilter, "newest", 2)
        for key in ("old", "open", "older", "newest"):
            show(key)
            deliver()
            if key != "open":
                services.end_activity(stream_key=key)
                deliver()
        assert names_in(viewer, outcome="delivered") == {"open", "older", "newest"}
        page = cards_in(viewer, outcome="delivered").content.decode()
        assert "The search covers the cards that are not over and the newest 2." in page
        assert "The search covers" not in cards_in(viewer).content.decode()

    def test_by_when_it_was_created(self, viewer):
        for key, days in (("now", 0), ("two-days", 2), ("ten-days", 10), ("old", 40)):
            show(key)
            change(key, created_at=Now() - days * DAY_MS)

        found = {
            value: names_in(viewer, created=value)
            for value in ("today", "1d", "7d", "30d", "older", "x")
        }

        assert found["1d"] == {"now"}
        assert found["7d"] == {"now", "two-days"}
        assert found["30d"] == {"now", "two-days", "ten-days"}
        assert found["older"] == {"old"}
        assert found["x"] == {"now", "two-days", "ten-days", "old"}
        assert found["today"] <= {"now"}

    def test_today_ends_at_midnight(self, viewer):
        show("now")
        show("yesterday")
        now = datetime.datetime.now(datetime.UTC)
        today = (now - now.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        change("yesterday", created_at=Now() - round(today * 1000) - 60_000)

        with timezone.override(datetime.UTC):
            assert "yesterday" not in names_in(viewer, created="today")

    def test_by_a_batch_of_ends(self, viewer):
        batch = EndBatch.objects.insert(actor="ana", created_at=Now())
        for key in ("a", "b", "c"):
            services.end_activity(show(key))
        change_end("a", batch=batch)
        change_end("b", batch=batch)

        answer = cards_in(viewer, batch=batch.pk)

        assert {str(card) for card in answer.context["cl"].result_list} == {"a", "b"}
        assert "batch of ends" in answer.content.decode()
        assert "batch of ends" not in cards_in(viewer).content.decode()

    @pytest.mark.parametrize("value", ["99", "abc", "-1", "9" * 30, "1.5"])
    def test_of_no_batch_there_are_no_cards(self, viewer, value):
        show("a")

        assert names_in(viewer, batch=value) == set()

    def test_a_field_in_the_address_filters_too(self, viewer):
        show("a")
        show("b")

        assert names_in(viewer, stream_key="a") == {"a"}

    def test_a_relation_in_the_address_is_refused(self, viewer):
        assert cards_in(viewer, operations__state="done").status_code == 400
