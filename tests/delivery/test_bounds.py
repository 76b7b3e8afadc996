"""Exact bounds: each number that decides, at its bound, one below and one above."""

from __future__ import annotations

import pytest

from django_liveactivity import selectors
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.delivery.lanes.apply import generation_cards, next_generation
from django_liveactivity.delivery.lanes.record import is_certain
from django_liveactivity.delivery.limits.admission import (
    account_changes,
    admission,
    reserve,
)
from django_liveactivity.delivery.limits.rate import RateLimit
from django_liveactivity.delivery.rules.plan import LaneRows, closes, is_due, plan
from django_liveactivity.delivery.rules.verdicts import (
    AccountEffect,
    freeze_delay,
    probe_delay,
    retry_delay,
)
from django_liveactivity.models import AccountState, Lane, LiveActivity, Operation

NOW = 1_000_000
MINUTE = 60_000
TIMING = Timing()
Kind = Operation.Kind


def operation(pk: int, kind: Kind = Kind.STREAM, **values) -> Operation:
    values = {"created_at": NOW, "next_try_at": NOW} | values
    values.setdefault("due_at", values["created_at"])
    if kind == Kind.STREAM:
        values.setdefault("content", {"title": str(pk)})
    return Operation(pk=pk, kind=kind, activity_id=1, **values)


def lane(**values) -> Lane:
    return Lane(**{"stream_key": "k", "ever_called": True} | values)


def plan_of(*rows: Operation, lane: Lane, moved=(), **known):
    return plan(lane, LaneRows(rows, moved, **known), NOW)


def test_every_duration_of_delivery():
    assert vars(Timing()) == {
        "lease": 60_000,
        "quarantine": 60_000,
        "drain": 5_000,
        "permit": 16_000,
        "sweep": 15_000,
        "catch_up": 1_000,
        "alarm_grace": 2_000,
        "call_deadline": 15_000,
        "backoff_first": 1_000,
        "backoff_cap": 60_000,
        "backoff_long_after": 600_000,
        "backoff_long_cap": 900_000,
        "freeze_step": 10_000,
        "freeze_cap": 30_000,
        "retry_after_cap": 300_000,
        "probe_first": 30_000,
        "probe_cap": 300_000,
        "limit_first": 15_000,
        "limit_cap": 300_000,
        "operator_retry": 3_600_000,
        "latency_allowance": 750,
        "keep_finished": 2_592_000_000,
        "overdue_after": 300_000,
        "silent_after": 90_000,
        "alert_every": 300_000,
    }


class TestPlans:
    @pytest.mark.parametrize(("due_in", "expected"), [(-1, True), (0, True), (1, False)])
    def test_an_end_is_due_at_its_time(self, due_in, expected):
        end = operation(1, Kind.END, created_at=NOW - MINUTE, due_at=NOW + due_in)
        assert is_due(end, NOW) is expected
        assert bool(plan_of(end, lane=lane()).ends) is expected

    @pytest.mark.parametrize(("created_in", "expected"), [(-1, True), (0, False), (1, False)])
    def test_a_scheduled_end_closes_what_came_before_it_was_due(self, created_in, expected):
        end = operation(1, Kind.END, created_at=NOW - MINUTE, due_at=NOW)
        assert closes((end,), operation(2, created_at=NOW + created_in)) is expected

    def test_an_end_that_was_due_at_once_closes_by_its_id_alone(self):
        end = operation(1, Kind.END, created_at=NOW)
        assert not closes((end,), operation(2, created_at=NOW - MINUTE))
        assert closes([operation(3, Kind.END)], operation(2, created_at=NOW + MINUTE))

    @pytest.mark.parametrize(("over_in", "expected"), [(-1, True), (0, True), (1, False)])
    def test_a_time_to_live_is_over_at_its_end(self, over_in, expected):
        content = operation(1, created_at=NOW + over_in - MINUTE, time_to_live=MINUTE)
        assert plan_of(content, lane=lane()).expired is expected
        assert plan_of(lane=lane(displayed_id=1), newest=content).expired is expected

    def test_a_lane_is_looked_at_when_its_time_to_live_is_over(self):
        content = operation(1, created_at=NOW - 1, time_to_live=MINUTE)
        assert plan_of(content, lane=lane()).deadline_at == NOW - 1 + MINUTE

    @pytest.mark.parametrize(("in_", "waits"), [(-1, False), (0, False), (1, True)])
    def test_a_try_is_made_at_its_time(self, in_, waits):
        end = operation(1, Kind.END, next_try_at=NOW + in_)
        decided = plan_of(end, lane=lane())
        assert (decided.send, decided.defer_until) == ((None, NOW + 1) if waits else (end, None))
        content = operation(1, next_try_at=NOW + in_)
        decided = plan_of(content, lane=lane())
        expected = (None, NOW + 1, (content,)) if waits else (content, None, ())
        assert (decided.send, decided.defer_until, decided.deferred) == expected

    @pytest.mark.parametrize(("in_", "waits"), [(-1, False), (0, False), (1, True)])
    def test_the_next_generation_waits_until_a_quarantine_is_over(self, in_, waits):
        content = operation(9)
        reused = lane(generation=2, ended_through_id=5, ambiguous_until=NOW + in_)
        decided = plan_of(content, lane=reused)
        assert (decided.send, decided.defer_until) == (
            (None, NOW + 1) if waits else (content, None)
        )

    def test_a_card_that_is_shown_and_the_first_of_its_key_wait_for_no_quarantine(self):
        content = operation(9)
        for shown in (lane(generation=1), lane(generation=2, displayed_id=8)):
            shown.ambiguous_until = NOW + MINUTE
            assert plan_of(content, lane=shown).send == content

    @pytest.mark.parametrize(
        ("values", "past"),
        [
            ({"ended_through_id": 8}, False),
            ({"ended_through_id": 10}, True),
            ({"ended_through_at": NOW}, False),
            ({"ended_through_at": NOW + 1}, True),
            ({"displayed_id": 8}, False),
            ({"displayed_id": 10}, True),
        ],
    )
    def test_content_is_past_after_a_newer_end_or_content(self, values, past):
        content = operation(9)
        decided = plan_of(content, lane=lane(**values))
        assert (decided.superseded, decided.send) == (((content,), None) if past else ((), content))

    def test_older_content_is_superseded_by_what_is_sent(self):
        first, second, third = operation(1), operation(2), operation(3)
        decided = plan_of(first, second, third, lane=lane())
        assert (decided.superseded, decided.unsent) == ((first, second), (first, second))
        assert decided.send == third

    def test_an_end_behind_an_acknowledged_one_needs_no_call(self):
        ends = tuple(operation(pk, Kind.END) for pk in (4, 6))
        decided = plan_of(*ends, lane=lane(ended_through_id=5))
        assert (decided.already_covered, decided.ends, decided.send) == (
            ends[:1],
            ends[1:],
            ends[1],
        )

    def test_an_end_that_is_due_is_moved_by_nothing(self):
        end = operation(1, Kind.END)
        assert plan_of(end, lane=lane(), moved={1}).ends == (end,)
        later = operation(1, Kind.END, created_at=NOW - MINUTE, due_at=NOW)
        decided = plan_of(later, lane=lane(), moved={1})
        assert (decided.superseded, decided.ends) == ((later,), ())

    def test_the_newest_of_several_ends_is_called_for(self):
        first, second = operation(1, Kind.END), operation(2, Kind.END)
        assert plan_of(first, second, lane=lane()).send == second

    def test_late_content_of_a_past_generation_is_not_final(self):
        late, end = operation(3), operation(9, Kind.END)
        decided = plan_of(late, end, lane=lane(ended_through_id=5, generation=2))
        assert (decided.superseded, decided.final, decided.newest) == ((late,), None, None)

    def test_late_content_of_a_past_generation_spares_no_call(self):
        late, end = operation(3), operation(9, Kind.END)
        decided = plan_of(late, end, lane=lane(ever_called=False, ended_through_id=5))
        assert (decided.never_started, decided.send) == (False, end)

    def test_the_next_generation_is_not_final(self):
        shown, end, coming = operation(1), operation(2, Kind.END), operation(3)
        decided = plan_of(end, coming, lane=lane(displayed_id=1), newest=shown)
        assert (decided.final, decided.newest, decided.deferred) == (shown, shown, (coming,))
        decided = plan_of(end, lane=lane(), newest=coming)
        assert decided.final is None

    @pytest.mark.parametrize(
        ("changes", "called_for"),
        [
            ({}, False),
            ({"ever_called": True}, True),
            ({"stream_key": "", "activity_id": "id"}, True),
        ],
    )
    def test_a_card_ends_without_a_call_only_if_none_was_made(self, changes, called_for):
        content, end = operation(1), operation(2, Kind.END)
        decided = plan_of(content, end, lane=lane(**{"ever_called": False} | changes))
        assert decided.never_started is not called_for
        assert decided.send == (end if called_for else None)

    def test_a_key_without_content_is_ended_by_a_call(self):
        end = operation(1, Kind.END)
        decided = plan_of(end, lane=lane(ever_called=False))
        assert (decided.send, decided.may_predate_us) == (end, True)

    def test_a_card_that_an_older_end_was_asked_for_ends_with_a_call(self):
        end = operation(1, Kind.END, created_at=NOW - MINUTE, due_at=NOW)
        content = operation(2, created_at=NOW - 1)
        decided = plan_of(end, content, lane=lane(ever_called=False))
        assert (decided.never_started, decided.send) == (False, end)

    def test_an_end_before_any_content_adopts_the_card(self):
        end, content = operation(1, Kind.END), operation(2)
        assert plan_of(end, content, lane=lane(ever_called=False)).may_predate_us
        later = operation(1, Kind.END, created_at=NOW - 1, due_at=NOW + MINUTE)
        assert plan_of(later, content, lane=lane(ever_called=False), moved={1}).may_predate_us

    def test_an_end_after_content_adopts_nothing(self):
        content, end = operation(1), operation(2, Kind.END)
        assert not plan_of(content, end, lane=lane(ever_called=False)).may_predate_us
        assert not plan_of(end, lane=lane(ever_called=False), newest=content).may_predate_us

    def test_content_that_a_late_end_takes_is_shown_again(self):
        shown, end = operation(5), operation(3, Kind.END)
        assert plan_of(end, lane=lane(displayed_id=5), newest=shown, shown=shown).redisplay == shown
        end = operation(9, Kind.END)
        assert plan_of(end, lane=lane(displayed_id=5), newest=shown, shown=shown).redisplay is None

    @pytest.mark.parametrize("hidden_because", ["", "paused", "evicted"])
    def test_the_same_is_told_again_unless_the_card_is_off_the_phone(self, hidden_because):
        shown = operation(5, options={"tags": ["a"]})
        same = operation(6, content=shown.content, options={"tags": ["a"]})
        decided = plan_of(
            same, lane=lane(displayed_id=5, hidden_because=hidden_because), shown=shown
        )
        assert (decided.send, decided.superseded) == (
            (None, (same,)) if hidden_because else (same, ())
        )
        same.options = {"tags": ["b"]}
        assert (
            plan_of(
                same, lane=lane(displayed_id=5, hidden_because=hidden_because), shown=shown
            ).send
            == same
        )

    @pytest.mark.parametrize(
        ("values", "outcome", "starts"),
        [
            ({}, "", True),
            ({"displayed_id": 5}, "", False),
            ({"displayed_id": 5, "hidden_because": "paused"}, "", False),
            ({"displayed_id": 5, "hidden_because": "evicted"}, "", True),
            ({"displayed_id": 5}, "limit_reached", True),
            ({"stream_key": "", "activity_id": "id"}, "", False),
        ],
    )
    def test_a_put_starts_a_card_that_is_not_on_the_phone(self, values, outcome, starts):
        content = operation(6, outcome=outcome)
        assert plan_of(content, lane=lane(**values)).starts is starts

    @pytest.mark.parametrize(("in_", "certain"), [(-1, False), (0, True), (1, True)])
    def test_an_end_is_certain_when_the_quarantine_of_a_put_is_over(self, in_, certain):
        class Claimed:
            started_at = NOW + in_
            lane = Lane(stream_ambiguous_until=NOW)

        assert is_certain(Claimed) is certain  # type: ignore[arg-type]


class TestPauses:
    @pytest.mark.parametrize(
        ("age", "cap"), [(599_999, 60_000), (600_000, 900_000), (600_001, 900_000)]
    )
    def test_the_cap_grows_after_ten_minutes(self, age, cap):
        assert retry_delay(30, age, 1.0, TIMING) == cap

    @pytest.mark.parametrize(
        ("tries", "chance", "pause"),
        [(1, 0.0, 1_000), (1, 1.0, 2_000), (2, 0.5, 2_500), (5, 1.0, 32_000), (6, 1.0, 60_000)],
    )
    def test_a_retry_waits_a_second_and_a_part_of_the_rest(self, tries, chance, pause):
        assert retry_delay(tries, 0, chance, TIMING) == pause

    @pytest.mark.parametrize(
        ("retry_after", "pause"),
        [(0.0, 1_000), (0.999, 1_000), (1.25, 1_250), (299.999, 299_999), (300.001, 300_000)],
    )
    def test_a_retry_after_counts_from_one_second_to_five_minutes(self, retry_after, pause):
        assert freeze_delay(retry_after, 9, MINUTE, TIMING) == pause

    @pytest.mark.parametrize(
        ("freezes", "window", "pause"),
        [
            (0, 0, 10_000),
            (1, 0, 20_000),
            (2, 0, 30_000),
            (3, 0, 30_000),
            (0, 10_001, 10_001),
            (2, 29_999, 30_000),
        ],
    )
    def test_a_freeze_grows_and_is_no_shorter_than_the_window(self, freezes, window, pause):
        assert freeze_delay(None, freezes, window, TIMING) == pause

    def test_a_probe_waits_from_its_first_to_its_cap(self):
        pauses = [probe_delay(n, 15_000, 300_000) for n in range(6)]
        assert pauses == [15_000, 30_000, 60_000, 120_000, 240_000, 300_000]


def account(**values) -> AccountState:
    return AccountState(account="default", **values)


class TestAdmission:
    def test_an_open_account_spaces_content_alone(self):
        open_account = admission(account(frozen_until=3, next_update_at=7, probe_at=9))
        assert (open_account.ends_at, open_account.contents_at) == (3, 7)

    def test_a_blocked_account_admits_its_probe(self):
        blocked = admission(account(frozen_until=3, next_update_at=7, blocked_since=1, probe_at=9))
        assert (blocked.ends_at, blocked.contents_at) == (9, 9)

    def test_an_unpaid_account_admits_ends_and_its_probe(self):
        unpaid = admission(account(frozen_until=3, billing_since=1, billing_probe_at=9))
        assert (unpaid.ends_at, unpaid.contents_at) == (3, 9)

    @pytest.mark.parametrize(
        ("is_content", "starts", "moments"),
        [
            (False, False, {"probe_at", "probes"}),
            (
                True,
                False,
                {"probe_at", "probes", "next_update_at", "billing_probe_at", "billing_probes"},
            ),
            (
                True,
                True,
                {
                    *("probe_at", "probes", "next_update_at", "billing_probe_at"),
                    *("billing_probes", "limit_probe_at", "limit_probes"),
                },
            ),
        ],
    )
    def test_a_call_takes_the_moments_that_admit_it(self, is_content, starts, moments):
        closed = account(blocked_since=1, billing_since=1, limit_since=1)
        taken = reserve(closed, is_content=is_content, starts=starts, spacing=950, timing=TIMING)
        assert set(taken.updates) == moments
        assert set(taken.seen) == {name for name in moments if not name.endswith("probes")}

    def test_an_open_account_without_a_pace_takes_no_moment(self):
        taken = reserve(account(), is_content=True, starts=True, spacing=0, timing=TIMING)
        assert (taken.seen, taken.updates) == ({}, {})


def changes_after(effect: AccountEffect, outcome: Outcome = Outcome.DELIVERED, **values) -> dict:
    call = {"lane_id": 3, "is_content": True, "starts": False}
    call |= {name: values.pop(name) for name in list(values) if name in call}
    answer = Answer(outcome, status=500, retry_after=values.pop("retry_after", None))
    return account_changes(effect, account(**values), answer, window=0, timing=TIMING, **call)


class TestAccountChanges:
    @pytest.mark.parametrize(
        ("failures", "lanes", "blocks"),
        [
            (3, [1, 2], False),
            (4, [1, 2], True),
            (5, [1, 2], True),
            (4, [1], False),
            (9, [3], False),
        ],
    )
    def test_five_failures_on_three_lanes_block(self, failures, lanes, blocks):
        found = changes_after(AccountEffect.FAILURE, failures=failures, failed_lanes=lanes)
        assert ("blocked_since" in found) is blocks
        assert found["failed_lanes"] == sorted({*lanes, 3})

    def test_a_block_begins_with_its_first_probe_and_only_once(self):
        begun = changes_after(AccountEffect.BLOCK, Outcome.UNAUTHORIZED)
        assert (begun["probes"], begun["blocked_reason"]) == (1, "unauthorized 500")
        again = changes_after(AccountEffect.BLOCK, Outcome.UNAUTHORIZED, blocked_since=1)
        assert again == {
            "blocked_reason": "unauthorized 500",
            "vendor_words": "",
            "refused_key": "",
        }

    def test_a_503_that_asks_to_wait_freezes(self):
        assert "frozen_until" in changes_after(AccountEffect.FAILURE, retry_after=5.0)
        assert "frozen_until" not in changes_after(AccountEffect.FAILURE)

    @pytest.mark.parametrize("effect", [AccountEffect.BILLING, AccountEffect.LIMIT])
    def test_what_has_begun_is_not_begun_again(self, effect):
        since = f"{effect.name.lower()}_since"
        said = {"vendor_words"} if effect == AccountEffect.BILLING else set()
        assert set(changes_after(effect)) == {since, since.replace("since", "probe_at")} | said
        assert changes_after(effect, **{since: 1}) == {}

    def test_a_good_answer_ends_what_is_counted_in_a_row(self):
        closed = {"blocked_since": 1, "failures": 4, "failed_lanes": [1], "freezes": 2}
        assert changes_after(AccountEffect.OPEN, **closed) == {
            "blocked_since": None,
            "blocked_reason": "",
            "refused_key": "",
            "probes": 0,
            "failures": 0,
            "failed_lanes": [],
            "freezes": 0,
        }
        assert changes_after(AccountEffect.OPEN) == {}

    @pytest.mark.parametrize(
        ("is_content", "starts", "found"),
        [
            (False, False, {"limit_probe_at": 0, "limit_probes": 0}),
            (True, False, {"billing_since": None, "billing_probes": 0}),
            (
                True,
                True,
                {
                    "billing_since": None,
                    "billing_probes": 0,
                    "limit_since": None,
                    "limit_probes": 0,
                },
            ),
        ],
    )
    def test_a_good_answer_opens_what_had_to_admit_it(self, is_content, starts, found):
        closed = {"billing_since": 1, "limit_since": 1}
        assert (
            changes_after(AccountEffect.OPEN, is_content=is_content, starts=starts, **closed)
            == found
        )

    def test_another_answer_says_nothing(self):
        assert changes_after(AccountEffect.SAME, failures=4, blocked_since=1) == {}


class TestPace:
    def test_spacing_is_a_little_less_than_an_even_share(self):
        assert RateLimit.of((60, 60)).spacing == 950
        assert RateLimit.of((7, 10.0)) == RateLimit(7, 10_000)
        assert RateLimit.of((7, 10.0)).spacing == 1_357
        assert RateLimit.of(None).spacing == 0

    @pytest.mark.parametrize(("calls", "slots"), [(1, 1), (3, 1), (4, 1), (7, 1), (8, 2), (60, 15)])
    def test_failing_ends_have_a_quarter_of_the_slots_and_one_at_least(self, calls, slots):
        assert RateLimit(calls, MINUTE).retry_slots == slots


@pytest.mark.parametrize(
    ("age", "closed", "expired"),
    [
        (12 * 3_600_000 - 1, False, False),
        (12 * 3_600_000, False, False),
        (12 * 3_600_000 + 1, False, True),
        (12 * 3_600_000 + 1, True, False),
    ],
)
def test_a_card_is_expired_after_twelve_hours_without_an_end(age, closed, expired):
    card = LiveActivity(created_at=NOW - age)
    card.is_closed = closed
    assert selectors.is_expired(card, NOW) is expired


def test_a_call_by_activity_id_leaves_no_quarantine():
    from django_liveactivity.delivery.lanes.claim import quarantine

    assert {endpoint: set(quarantine(endpoint, MINUTE)) for endpoint in Endpoint} == {
        Endpoint.START: set(),
        Endpoint.UPDATE: set(),
        Endpoint.END: set(),
        Endpoint.STREAM: {"ambiguous_until", "stream_ambiguous_until"},
        Endpoint.END_STREAM: {"ambiguous_until"},
    }


class TestClosing:
    def test_begins_the_next_generation_behind_the_newest_of_the_ends(self):
        ended = lane(
            generation=3,
            ended_through_id=4,
            ended_through_at=7,
            displayed_id=5,
            hidden_because="paused",
            cards=[1],
        )
        ends = [
            operation(8, Kind.END, created_at=10, due_at=30),
            operation(9, Kind.END, created_at=20, due_at=20),
        ]
        assert next_generation(ended, ends) == {
            "ended_through_id": 9,
            "ended_through_at": 30,
            "generation": 4,
            "displayed_id": 0,
            "hidden_because": "",
            "cards": [],
        }

    def test_never_goes_back(self):
        ended = lane(ended_through_id=12, ended_through_at=40)
        late = operation(8, Kind.END, created_at=10, due_at=30)
        closed = next_generation(ended, [late])
        assert (closed["ended_through_id"], closed["ended_through_at"]) == (12, 40)


class TestCards:
    def test_are_those_of_this_generation(self):
        shown, late = operation(9), operation(3)
        late.activity_id, shown.activity_id = 30, 90
        decided = plan_of(late, shown, lane=lane(ended_through_id=5, cards=[70]))
        assert generation_cards(lane(ended_through_id=5, cards=[70]), decided) == [70, 90]

    def test_are_not_those_that_wait_for_the_next(self):
        end, coming = operation(8, Kind.END), operation(9)
        end.activity_id, coming.activity_id = 80, 90
        decided = plan_of(end, coming, lane=lane(cards=[70]))
        assert generation_cards(lane(cards=[70]), decided) == [70, 80]
