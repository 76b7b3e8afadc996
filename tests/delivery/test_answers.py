"""What the vendor's answers do to a card and to its account."""

from __future__ import annotations

import datetime as dt

import httpx
import pytest

from django_liveactivity import services
from django_liveactivity.models import AccountState, Attempt, LiveActivity, Operation
from tests.clock import advance
from tests.conftest import KEY

from .vocabulary import alive, calls, deliver, last_body, progress, states, status


def state() -> AccountState:
    return AccountState.objects.get()


class TestRefusedContent:
    def test_fails_and_the_phone_keeps_what_it_shows(self, vendor, card):
        vendor.faults = "PUT:400@1"
        services.stream_activity("order-42", progress(50))
        deliver()
        assert states(card)[-1] == "stream failed rejected"
        assert status(card) == "live"
        services.end_activity(card)
        deliver()
        assert last_body(vendor) is None

    def test_fails_the_card_that_was_never_shown(self, vendor):
        vendor.faults = "PUT:400@1"
        card = services.stream_activity("order-42", progress(50))
        deliver()
        assert status(card) == "failed"

    def test_without_recipients_fails(self, vendor):
        card = services.stream_activity("order-42", progress(50), channels=["empty"])
        deliver()
        assert states(card) == ["stream failed no_recipients"]

    def test_of_a_forbidden_channel_fails(self, vendor):
        card = services.stream_activity("order-42", progress(50), channels=["forbidden"])
        deliver()
        assert states(card) == ["stream failed forbidden"]


class TestRefusedEnds:
    def test_are_sent_once_more_without_a_body(self, vendor, card):
        vendor.faults = "DELETE:400@1"
        services.end_activity(card, progress(100))
        deliver()
        assert calls(vendor)[1:] == ["DELETE order-42 400", "DELETE order-42 200"]
        assert last_body(vendor) is None
        assert states(card)[-1] == "end done delivered"

    def test_then_need_an_operator_and_are_tried_hourly(self, vendor, card):
        vendor.faults = "DELETE:400@1-2"
        services.end_activity(card, progress(100))
        deliver()
        assert states(card)[-1] == "end needs_operator rejected"
        assert Operation.objects.get(kind="end").needs_attention
        card.refresh_from_db()
        assert card.needs_attention
        advance(3500)
        deliver()
        assert len(calls(vendor)) == 3
        advance(101)
        deliver()
        assert states(card)[-1] == "end done delivered"
        assert vendor.phone()["empty"]
        card.refresh_from_db()
        assert not card.needs_attention

    def test_of_a_foreign_card_need_an_operator(self, vendor):
        services.end_activity(activity_id="somebody-elses", content={"title": "Done"})
        deliver()
        assert states() == ["end needs_operator not_found"]
        assert calls(vendor) == ["POST end 404"]

    def test_of_a_manual_card_fall_back_to_the_title(self, vendor):
        vendor.faults = "POST/end:400@1"
        services.end_activity(
            activity_id="some-id", content=progress(100), dismiss_after=dt.timedelta(0)
        )
        deliver()
        assert last_body(vendor) == {
            "activity_id": "some-id",
            "content_state": {"title": "Order 42"},
        }


def test_a_forced_end_is_done_and_needs_attention(vendor, card):
    vendor.policy.delivery = "forced"
    services.end_activity(card)
    deliver()
    assert states(card)[-1] == "end done forced"
    card.refresh_from_db()
    assert (card.status, card.needs_attention) == ("ended", True)


@pytest.mark.parametrize("fault", ["500", "503", "html", "reset", "reset-after"])
def test_an_end_is_tried_until_it_is_acknowledged(vendor, card, fault):
    vendor.faults = f"DELETE:{fault}@1-3"
    services.end_activity(card)
    for _ in range(3):
        deliver()
        assert states(card)[-1] == "end pending ambiguous"
        advance(61)
    deliver()
    assert states(card)[-1] in ("end done delivered", "end done already_ended")
    assert vendor.phone()["empty"]


def test_an_end_on_its_third_try_gives_way_to_fresh_ones(vendor, card):
    vendor.faults = "DELETE:500@1-3"
    end = services.end_activity(card)
    ranks = []
    for _ in range(3):
        deliver()
        end.refresh_from_db()
        ranks.append(end.rank)
        advance(61)
    assert ranks == [Operation.Rank.END, Operation.Rank.RETRIED_END, Operation.Rank.RETRIED_END]


class TestFrozen:
    def test_by_a_429_nothing_is_sent_for_ten_seconds(self, vendor, card):
        vendor.faults = "DELETE:429@1"
        services.end_activity(card)
        done = deliver()
        assert (done.more, done.condition) == (True, "frozen")
        assert done.again_in == pytest.approx(10, abs=2)
        services.stream_activity("another", progress(1))
        deliver()
        assert len(calls(vendor)) == 2
        advance(11)
        deliver()
        assert calls(vendor)[2:] == ["DELETE order-42 200", "PUT another 200"]
        assert state().freezes == 0

    def test_for_longer_by_429s_in_a_row(self, vendor, card):
        vendor.faults = "DELETE:429@1-4"
        services.end_activity(card)
        pauses = []
        for _ in range(4):
            pauses.append(deliver().again_in)
            advance(31)
        assert pauses == pytest.approx([10, 20, 30, 30], abs=2)

    def test_for_as_long_as_the_vendor_says(self, vendor, card):
        vendor.policy.retry_after = 77.0
        vendor.faults = "DELETE:429@1"
        services.end_activity(card)
        assert deliver().again_in == pytest.approx(77, abs=2)

    def test_counts_as_no_try(self, vendor, card):
        vendor.faults = "DELETE:429@1"
        end = services.end_activity(card)
        deliver()
        end.refresh_from_db()
        assert (end.tries, end.failures) == (1, 0)


class TestBlocked:
    def test_by_a_refused_key_and_opened_by_the_first_good_answer(self, vendor, card):
        vendor.policy.api_keys = ["another-key"]
        services.end_activity(card)
        for number in range(3):
            services.stream_activity(f"other-{number}", progress(1))
        done = deliver()
        assert done.condition == "blocked"
        assert calls(vendor)[1:] == ["DELETE order-42 401"]
        vendor.policy.api_keys = None
        deliver()
        assert len(calls(vendor)) == 2
        advance(31)
        deliver()
        assert calls(vendor)[2] == "DELETE order-42 200"
        assert len(calls(vendor)) == 6
        assert state().blocked_since is None

    def test_probes_with_an_end_and_ever_more_rarely(self, vendor, card):
        vendor.policy.api_keys = ["another-key"]
        services.end_activity(card)
        deliver()
        pauses = []
        for _ in range(5):
            advance(301)
            pauses.append(deliver().again_in)
        assert pauses == pytest.approx([60, 120, 240, 300, 300], abs=3)
        assert set(calls(vendor)[1:]) == {"DELETE order-42 401"}

    def test_by_five_failures_on_three_lanes(self, vendor):
        vendor.faults = "*:500@1+"
        for number in range(4):
            services.stream_activity(f"card-{number}", progress(1))
        deliver()
        assert state().blocked_since is None
        advance(61)
        done = deliver()
        assert done.condition == "blocked"
        assert len(calls(vendor)) == 5
        vendor.faults = ""
        advance(31)
        deliver()
        advance(61)
        deliver()
        assert len(alive(vendor)) == 4

    def test_not_by_failures_of_a_single_lane(self, vendor, card):
        vendor.faults = "DELETE:500@1-9"
        services.end_activity(card)
        for _ in range(9):
            deliver()
            advance(901)
        assert state().blocked_since is None


class TestUnpaid:
    def test_content_waits_and_ends_flow(self, vendor, card):
        vendor.policy.billing = "trial_expired"
        services.stream_activity("another", progress(1))
        services.stream_activity("third", progress(1))
        assert deliver().condition == "billing"
        assert calls(vendor)[1:] == ["PUT another 402"] or calls(vendor)[1:] == ["PUT third 402"]
        services.end_activity(card)
        deliver()
        assert states(card)[-1] == "end done delivered"
        vendor.policy.billing = ""
        advance(31)
        deliver()
        assert set(alive(vendor)) == {"another", "third"}
        assert state().billing_since is None


class TestLimitReached:
    @pytest.fixture
    def cards(self, vendor):
        cards = [services.stream_activity(f"card-{n}", progress(n)) for n in range(6)]
        deliver()
        return cards

    def test_one_start_probes_and_the_others_wait_without_calls(self, vendor, cards):
        assert len(alive(vendor)) == 4
        assert [c for c in calls(vendor) if c.endswith("429")] == [calls(vendor)[-1]]
        assert len(calls(vendor)) == 5
        deliver()
        assert len(calls(vendor)) == 5
        advance(16)
        deliver()
        assert len(calls(vendor)) == 6

    def test_updates_of_living_cards_flow(self, vendor, cards):
        key = next(iter(alive(vendor)))
        services.stream_activity(key, progress(77))
        deliver()
        assert alive(vendor)[key] == 77

    def test_an_end_makes_room_for_a_start_at_once(self, vendor, cards):
        ended = next(iter(alive(vendor)))
        services.end_activity(stream_key=ended)
        deliver()
        assert len(alive(vendor)) == 4
        assert ended not in alive(vendor)

    def test_all_are_shown_in_the_end(self, vendor, cards):
        shown = set()
        for _ in range(6):
            for key in alive(vendor):
                shown.add(key)
                services.end_activity(stream_key=key)
            deliver()
            advance(16)
        assert shown == {f"card-{n}" for n in range(6)}
        assert vendor.phone()["empty"]
        assert state().limit_since is None


class TestEviction:
    @pytest.fixture
    def evicted(self, vendor):
        vendor.policy.evict = True
        cards = [services.stream_activity(f"card-{n}", progress(n)) for n in range(4)]
        deliver()
        services.stream_activity("newcomer", progress(9))
        deliver()
        gone = [card for card in cards if card.stream_key not in alive(vendor)]
        assert len(gone) == 1
        return gone[0]

    def test_is_seen_when_the_vendor_names_the_card(self, vendor, evicted):
        assert status(evicted) == "evicted"

    def test_is_undone_by_changed_content_only(self, vendor, evicted):
        number = int(evicted.stream_key[-1])
        before = len(calls(vendor))
        services.stream_activity(evicted.stream_key, progress(number))
        deliver()
        assert len(calls(vendor)) == before
        services.stream_activity(evicted.stream_key, progress(99))
        deliver()
        assert alive(vendor)[evicted.stream_key] == 99
        assert status(evicted) == "live"

    def test_does_not_spare_the_end(self, vendor, evicted):
        services.end_activity(evicted)
        deliver()
        assert calls(vendor)[-1] == f"DELETE {evicted.stream_key} 200"
        assert status(evicted) == "ended"


def test_a_paused_card_takes_changed_content_and_its_end(vendor, card):
    vendor.pause("order-42")
    services.stream_activity("order-42", progress(50))
    deliver()
    assert status(card) == "paused"
    before = len(calls(vendor))
    services.stream_activity("order-42", progress(50))
    deliver()
    assert len(calls(vendor)) == before
    services.stream_activity("order-42", progress(60))
    services.end_activity(card)
    deliver()
    assert calls(vendor)[-1] == "DELETE order-42 200"


def test_a_rotated_card_is_known_by_both_ids(vendor, card):
    card.refresh_from_db()
    first = card.activity_id
    from django_liveactivity import Timer

    services.stream_activity("order-42", Timer(title="Oven", duration_seconds=60))
    deliver()
    card.refresh_from_db()
    assert card.activity_id != first
    for identity in (first, card.activity_id):
        assert services.end_activity(activity_id=identity).activity == card


class TestContentThatIsTakenWithReservations:
    def test_is_done_and_kept_with_its_errors(self, vendor, card):
        vendor.faults = "PUT:partial@1"
        services.stream_activity("order-42", progress(50))
        deliver()
        assert states(card)[-1] == "stream done partial"
        assert Attempt.objects.latest("pk").error == "device 2: BadDeviceToken"
        card.refresh_from_db()
        assert (card.status, card.needs_attention) == ("live", False)

    def test_is_not_taken_for_shown_if_the_vendor_ignored_it(self, vendor, card):
        vendor.faults = "PUT:ignored@1"
        services.stream_activity("order-42", progress(50))
        deliver()
        assert states(card)[-1] == "stream done noop"
        assert alive(vendor) == {"order-42": 40}
        services.end_activity(card)
        deliver()
        assert last_body(vendor)["content_state"]["percentage"] == 50

    def test_by_its_id_is_read_the_same_way(self, vendor, card):
        card.refresh_from_db()
        vendor.faults = "POST/update:partial@1,POST/update:ignored@2"
        other = started_elsewhere(vendor)
        services.track_activity(activity_id=other, content=progress(50))
        deliver()
        assert states()[-1] == "update done partial"


def started_elsewhere(vendor, key: str = "") -> str:
    """Show a card as another program would, by its stream key or by hand; return its id."""
    method, path = ("PUT", f"stream/{key}") if key else ("POST", "start")
    shown = httpx.request(
        method,
        f"{vendor.url}/live-activity/{path}",
        json={"content_state": {"title": "Elsewhere", "type": "progress", "percentage": 1}},
        headers={"Authorization": f"Bearer {KEY}"},
        trust_env=False,
    )
    return str(shown.json()["activity_id"])


class TestACardWhoseIdAnUpdateRotates:
    @pytest.fixture
    def rotated(self, vendor):
        """A stream's card that is tracked by its id, was swiped away, and came back updated."""
        first = started_elsewhere(vendor, key="theirs")
        card = services.track_activity(activity_id=first, content=progress(10))
        deliver()
        vendor.dismiss(first)
        services.track_activity(activity_id=first, content=progress(20))
        deliver()
        card.refresh_from_db()
        assert card.activity_id != first
        return first, card

    def test_is_updated_and_ended_by_its_new_id(self, vendor, rotated):
        first, card = rotated
        services.track_activity(activity_id=first, content=progress(30))
        deliver()
        assert alive(vendor) == {"theirs": 30}
        services.end_activity(card)
        deliver()
        assert last_body(vendor)["activity_id"] == card.activity_id
        assert states(card)[-1] == "end done delivered"
        assert vendor.phone()["empty"]

    def test_is_found_by_both_ids(self, rotated):
        first, card = rotated
        for identity in (first, card.activity_id):
            assert services.end_activity(activity_id=identity).activity == card


def test_a_card_that_only_its_end_names_is_found_by_that_id(vendor):
    shown = started_elsewhere(vendor, key="theirs")
    end = services.end_activity(stream_key="theirs")
    deliver()
    assert services.end_activity(activity_id=shown).activity == end.activity
    assert LiveActivity.objects.get().activity_id == shown


def test_the_first_five_and_the_last_twenty_attempts_are_kept(vendor, card):
    vendor.faults = "DELETE:500@1+"
    end = services.end_activity(card)
    for _ in range(30):
        deliver()
        advance(901)
    numbers = list(Attempt.objects.filter(operation=end).values_list("number", flat=True))
    assert sorted(numbers) == [1, 2, 3, 4, 5, *range(11, 31)]
    assert len(Attempt.objects.latest("pk").answer.encode()) <= 4096
