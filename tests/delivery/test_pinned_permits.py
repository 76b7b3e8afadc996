"""Who may drain, and which slot a call takes, by value."""

from __future__ import annotations

import pytest
from django.db import connection
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.delivery import drain
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.limits import permits, rate
from django_liveactivity.delivery.limits.rate import RateLimit, state_and_slot
from django_liveactivity.models import DrainPermit, Heartbeat, Operation, RateLimitSlot
from tests.clock import advance

from .vocabulary import calls, deliver, now, progress

SECOND = 1_000
MINUTE = 60 * SECOND
EIGHT = RateLimit(8, MINUTE)


@pytest.fixture
def account(vendor):
    read_state(conf.account(), EIGHT)
    return conf.account()


def row(number: int) -> DrainPermit:
    return DrainPermit.objects.get(number=number)


class TestPermits:
    def test_are_leased_for_the_time_of_a_call(self, account):
        before = now()
        with permits.permit(account):
            assert before + 16 * SECOND <= row(0).lease_until <= now() + 16 * SECOND

    @pytest.mark.parametrize("error", [None, ZeroDivisionError])
    def test_are_free_when_their_drain_is_over(self, account, error):
        try:
            with permits.permit(account):
                if error is not None:
                    raise error
        except ZeroDivisionError:
            pass
        assert row(0).lease_until == 0

    def test_that_ran_out_are_not_given_back_by_their_last_holder(self, account):
        with permits.permit(account):
            DrainPermit.objects.filter(number=0).update(fence=F("fence") + 1)
            taken_until = row(0).lease_until
        assert row(0).lease_until == taken_until

    def test_are_each_one_worker_s(self, account):
        """Of two that find the same permit free, the slower takes the next."""

        def be_faster(execute, sql, *arguments):
            if sql.startswith("UPDATE") and not faster:
                faster.append(True)
                DrainPermit.objects.filter(number=0).update(fence=F("fence") + 1)
            return execute(sql, *arguments)

        faster: list[bool] = []
        with connection.execute_wrapper(be_faster), permits.permit(account) as slower:
            assert slower.number == 1

    def test_are_renewed_before_a_call_but_not_for_each_of_many_quick_ones(
        self, account, django_assert_num_queries
    ):
        with permits.permit(account) as held:
            with django_assert_num_queries(0):
                assert held.renew()
            DrainPermit.objects.update(lease_until=1)
            held.renewed -= permits.RENEW_AFTER
            before = now()
            assert held.renew()
            assert before + 16 * SECOND <= row(0).lease_until <= now() + 16 * SECOND
            assert row(1).lease_until == 1

    @pytest.mark.parametrize(("allowed", "first"), [(1, 9), (2, 5), (4, 2)])
    def test_are_waited_for_among_those_that_are_allowed(self, account, allowed, first):
        at = now()
        for number, seconds in enumerate((9, 5, 7, 2)):
            DrainPermit.objects.filter(number=number).update(lease_until=at + seconds * SECOND)
        assert permits.first_free_at(account, allowed) == at + first * SECOND
        with permits.permit(account, allowed) as permit:
            assert permit is None

    def test_that_are_allowed_are_the_first(self, account):
        with permits.permit(account, 1) as first, permits.permit(account, 1) as second:
            assert (first.number, second) == (0, None)

    def test_of_other_accounts_are_theirs(self, account):
        DrainPermit.objects.create(account="other", number=0, lease_until=7)
        DrainPermit.objects.filter(account="default").update(lease_until=now() + MINUTE)
        with permits.permit(account) as permit:
            assert permit is None
        assert permits.first_free_at(account, 4) > now()


class TestSlots:
    def test_of_the_four_permits_are_different_ones(self, account):
        found = [state_and_slot(account, EIGHT, permit).free_slot for permit in range(4)]
        numbers = [RateLimitSlot.objects.get(pk=pk).number for pk in found]
        assert numbers == [0, 6, 4, 2]

    def test_the_first_that_will_be_free_is_waited_for(self, account):
        """A drain that waited for the fourth left the first ones idle, up to a window long."""
        at = now() + MINUTE
        for number in range(8):
            RateLimitSlot.objects.filter(number=number).update(free_at=at + 10 - number)
        waits = [state_and_slot(account, EIGHT, permit) for permit in range(4)]
        assert [state.slot_free_at for state in waits] == [at + 3] * 4
        assert {state.free_slot for state in waits} == {None}

    def test_beyond_the_limit_are_left(self, account):
        RateLimitSlot.objects.filter(number__lt=2).update(free_at=(at := now() + MINUTE))
        found = state_and_slot(account, RateLimit(2, MINUTE), 0)
        assert (found.free_slot, found.slot_free_at) == (None, at)

    def test_are_given_back_by_their_attempt_alone(self, account):
        slot = RateLimitSlot.objects.get(number=0)
        assert rate.take(account, slot.pk, 1, EIGHT)
        rate.give_back(account, slot.pk, 2, EIGHT, latency=None)
        assert RateLimitSlot.objects.get(number=0).free_at > now() + MINUTE

    def test_that_a_raised_limit_adds_are_free_in_a_window_s_time(self, account):
        before = now()
        rate.ensure_rows(account, RateLimit(10, MINUTE), known=8)
        added = RateLimitSlot.objects.filter(number__gte=8).order_by("number")
        assert [slot.number for slot in added] == [8, 9]
        assert all(before + MINUTE <= slot.free_at <= now() + MINUTE for slot in added)
        assert set(RateLimitSlot.objects.filter(number__lt=8).values_list("free_at")) == {(0,)}


@pytest.mark.parametrize(
    ("rank", "seconds", "is_due"),
    [(rank, -1, True) for rank in Operation.Rank] + [(Operation.Rank.END, 9, False)],
)
def test_what_is_due_is_known_by_its_rank(account, rank, seconds, is_due):
    services.end_activity(stream_key="order-42")
    Operation.objects.update(rank=rank, next_try_at=now() + seconds * SECOND)
    assert state_and_slot(account, EIGHT, 0).due == ({rank} if is_due else set())


class TestKeysOfWhichNothingIsKnown:
    """Their ends share a quarter of the slots with those that fail."""

    @pytest.fixture
    def eight(self, configure, sandbox, db):
        configure(rate_limit=(8, 60))
        return sandbox

    @pytest.mark.parametrize("rank", [Operation.Rank.UNKNOWN_END, Operation.Rank.RETRIED_END])
    def test_take_a_quarter(self, eight, rank):
        for number in range(8):
            services.end_activity(stream_key=f"unknown-{number}")
        Operation.objects.update(rank=rank)
        assert deliver().calls == 2
        assert deliver().calls == 0
        advance(61)
        assert deliver().calls == 2

    def test_leave_three_quarters_to_others(self, eight):
        for number in range(8):
            services.end_activity(stream_key=f"unknown-{number}")
            services.end_activity(stream_key=f"ours-{number}")
        Operation.objects.filter(activity__stream_key__startswith="ours").update(
            rank=Operation.Rank.END
        )
        deliver()
        made = [call.split()[1].split("-")[0] for call in calls(eight)]
        assert (made.count("ours"), made.count("unknown")) == (8, 0)

    def test_do_not_keep_content_from_its_turn(self, eight):
        for number in range(4):
            services.end_activity(stream_key=f"unknown-{number}")
        services.stream_activity("order-42", progress(1))
        deliver()
        assert [call.split()[0] for call in calls(eight)] == ["DELETE", "DELETE", "PUT"]


@pytest.mark.parametrize(("age", "is_late"), [(None, True), (25, False), (35, True)])
def test_a_drain_asks_for_a_sweep_when_two_were_missed(vendor, age, is_late):
    if age is not None:
        Heartbeat.objects.create(pk=1, beat_at=now() - age * SECOND)
    assert drain().is_sweep_late is is_late
