"""Decisions that rows hold, by their values: slots, freezes, and what an answer leaves behind."""

from __future__ import annotations

import random

import pytest
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.lanes.claim import DrainContext
from django_liveactivity.delivery.lanes.record import record
from django_liveactivity.delivery.limits import rate
from django_liveactivity.delivery.limits.rate import RateLimit
from django_liveactivity.models import AccountState, LiveActivity, Operation, RateLimitSlot
from django_liveactivity.signals import activity_ended
from tests.clock import advance

from .test_claims import claim_lane, not_yet_committed
from .vocabulary import deliver, now, progress

MINUTE = 60_000
FREE = RateLimit(0, 0)
NEARLY = 500
"""Milliseconds that a test may take."""


@pytest.fixture
def card(vendor):
    return services.stream_activity("order-42", progress(40))


def store(claimed, answer: Answer):
    account = conf.account()
    return record(DrainContext(account, read_state(account), FREE), claimed, answer)


def test_a_later_429_never_shortens_a_freeze(vendor, card):
    in_flight = claim_lane()
    until = now() + 5 * MINUTE
    AccountState.objects.update(frozen_until=until)
    store(in_flight, Answer(Outcome.RATE_LIMITED, status=429, retry_after=1.0))
    assert AccountState.objects.get().frozen_until == until


class TestSlots:
    @pytest.fixture
    def account(self, vendor):
        rate.ensure_rows(conf.account(), RateLimit(8, MINUTE))
        return conf.account()

    def test_one_is_held_for_a_lease_and_a_window(self, account):
        slot = RateLimitSlot.objects.get(number=0)
        assert rate.take(account, slot.pk, 1, RateLimit(8, MINUTE))
        slot.refresh_from_db()
        assert slot.free_at == pytest.approx(now() + 2 * MINUTE, abs=NEARLY)
        assert slot.fence == 1

    @pytest.mark.parametrize(
        ("latency", "earlier"), [(0, 0), (750, 0), (751, 1), (1_750, 1_000), (None, MINUTE)]
    )
    def test_one_is_free_a_window_after_its_call(self, account, latency, earlier):
        slot = RateLimitSlot.objects.get(number=0)
        rate.take(account, slot.pk, 1, RateLimit(8, MINUTE))
        rate.give_back(account, slot.pk, 1, RateLimit(8, MINUTE), latency=latency)
        slot.refresh_from_db()
        assert slot.free_at == pytest.approx(now() + MINUTE - earlier, abs=NEARLY)

    def test_failing_ends_find_none_beyond_their_quarter(self, account):
        rate_limit, soon = RateLimit(8, MINUTE), now() + MINUTE
        assert rate.find_for_retry(account, rate_limit)[0] == RateLimitSlot.objects.get(number=0).pk
        RateLimitSlot.objects.filter(number=0).update(free_at=soon + 1)
        RateLimitSlot.objects.filter(number=1).update(free_at=soon)
        assert rate.find_for_retry(account, rate_limit) == (None, soon)


def test_an_end_that_is_covered_leaves_its_card_as_it_ended(vendor, card):
    deliver()
    first = not_yet_committed(services.end_activity(card))
    services.end_activity(card, progress(100))
    deliver()
    advance(600)
    ended_at = LiveActivity.objects.get().ended_at
    first.save(force_insert=True)
    heard = []

    def hear(activity, **_):
        heard.append(activity)

    activity_ended.connect(hear)
    try:
        deliver()
    finally:
        activity_ended.disconnect(hear)
    assert heard == []
    assert Operation.objects.get(pk=first.pk).outcome == "already_ended"
    assert LiveActivity.objects.get().ended_at == ended_at


class TestTriesOfAnEnd:
    @pytest.fixture
    def end(self, vendor, card):
        deliver()
        return services.end_activity(card, progress(100))

    def try_again(self, end: Operation, *outcomes: Outcome) -> Operation:
        """Try the end with these outcomes; a second passes between a try and the next."""
        for outcome in outcomes:
            AccountState.objects.update(frozen_until=0)
            Operation.objects.filter(pk=end.pk).update(next_try_at=0)
            advance(1)
            store(claim_lane(), Answer(outcome, status=500))
        end.refresh_from_db()
        return end

    @pytest.mark.parametrize(
        ("outcomes", "rank", "tries", "failures"),
        [
            ([Outcome.AMBIGUOUS], Operation.Rank.END, 1, 1),
            ([Outcome.AMBIGUOUS, Outcome.NOT_SENT], Operation.Rank.RETRIED_END, 2, 2),
            ([Outcome.RATE_LIMITED] * 3, Operation.Rank.END, 3, 0),
            ([Outcome.AMBIGUOUS, *[Outcome.RATE_LIMITED] * 3], Operation.Rank.END, 4, 1),
            ([Outcome.BILLING_BLOCKED] * 3, Operation.Rank.END, 3, 0),
        ],
    )
    def test_go_behind_others_after_two_failures(self, end, outcomes, rank, tries, failures):
        end = self.try_again(end, *outcomes)
        assert (end.rank, end.tries, end.failures) == (rank, tries, failures)

    def test_stay_stripped(self, end):
        end = self.try_again(end, Outcome.REJECTED, Outcome.AMBIGUOUS, Outcome.RATE_LIMITED)
        assert end.stripped
        assert claim_again(end).call.body == {}

    def test_count_the_trouble_from_the_first(self, end):
        first = self.try_again(end, Outcome.AMBIGUOUS).first_tried_at
        end = self.try_again(end, Outcome.AMBIGUOUS, Outcome.RATE_LIMITED)
        assert end.first_tried_at == first - 2_000

    @pytest.mark.parametrize(
        ("outcomes", "age", "longest"),
        [
            ([Outcome.AMBIGUOUS], 0, 2_000),
            ([*[Outcome.RATE_LIMITED] * 9, Outcome.AMBIGUOUS], 0, 2_000),
            ([Outcome.AMBIGUOUS] * 9, 0, 60_000),
            ([Outcome.AMBIGUOUS] * 9, 600, 512_000),
        ],
    )
    def test_wait_longer_after_failures_alone(self, end, outcomes, age, longest, monkeypatch):
        monkeypatch.setattr(random, "random", lambda: 1.0)
        self.try_again(end, *outcomes[:-1])
        Operation.objects.filter(pk=end.pk, tries__gt=0).update(
            first_tried_at=F("first_tried_at") - age * 1_000
        )
        end = self.try_again(end, outcomes[-1])
        assert end.next_try_at == pytest.approx(now() + longest, abs=NEARLY)

    @pytest.mark.parametrize("outcome", [Outcome.FORBIDDEN, Outcome.BILLING_BLOCKED])
    def test_wait_an_hour_where_time_alone_does_not_help(self, end, outcome):
        end = self.try_again(end, outcome)
        assert end.next_try_at == pytest.approx(now() + 60 * MINUTE, abs=NEARLY)

    def test_of_one_lane_wait_together(self, vendor, card, end):
        other = services.end_activity(card, progress(99))
        end = self.try_again(end, Outcome.FORBIDDEN)
        other.refresh_from_db()
        assert other.next_try_at == pytest.approx(now() + 60 * MINUTE, abs=NEARLY)
        assert end.next_try_at == other.next_try_at


def claim_again(operation: Operation):
    Operation.objects.filter(pk=operation.pk).update(next_try_at=0)
    AccountState.objects.update(frozen_until=0)
    return claim_lane()
