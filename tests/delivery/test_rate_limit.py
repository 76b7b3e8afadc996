"""The rate limit, the spacing of updates, and who goes first."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.delivery import drain
from django_liveactivity.delivery.limits import permits, rate
from django_liveactivity.models import AccountState, DrainPermit, Operation, RateLimitSlot
from tests.clock import advance

from .vocabulary import calls, deliver, progress

SECOND = dt.timedelta(seconds=1)


@pytest.fixture
def paced(configure, sandbox, db):
    """An account with 5 calls a minute."""
    configure(rate_limit=(5, 60))
    return sandbox


def end_many(count: int) -> None:
    """Ask for ends as of cards that we showed: unknown keys have a quarter of the slots."""
    for number in range(count):
        services.end_activity(stream_key=f"key-{number}")
    Operation.objects.filter(kind="end").update(rank=Operation.Rank.END)


def test_a_window_takes_as_many_calls_as_the_limit_allows(paced):
    end_many(8)
    done = deliver()
    assert (done.calls, done.more, done.condition) == (5, True, "open")
    assert done.again_in == pytest.approx(60, abs=3)
    advance(61)
    assert deliver().calls == 3


def test_any_window_holds_no_more_calls_than_the_limit_allows(paced):
    end_many(20)
    sent_at, now = [], 0.0
    while len(sent_at) < 20:
        sent_at += [now] * deliver().calls
        advance(7)
        now += 7
    for start in sent_at:
        assert sum(start <= at < start + 60 for at in sent_at) <= 5


def test_updates_are_spaced_and_ends_are_not(paced):
    for number in range(4):
        services.stream_activity(f"card-{number}", progress(number))
    done = deliver()
    assert done.calls == 2, "an account that was idle may be one call ahead of its grid"
    assert done.again_in == pytest.approx(0.95 * 60 / 5, abs=1)
    end_many(3)
    assert deliver().calls == 3


def test_the_lateness_of_drains_does_not_add_up(paced):
    """A drain each 0.6 of a spacing: spaced from each call, every second one would find content."""
    made = 0
    for number in range(40):
        for card in range(4):
            services.stream_activity(f"card-{card}", progress(number))
        made += deliver().calls
        advance(0.6 * 0.95 * 60 / 5)
    assert made >= 22


def test_ends_go_first(paced):
    for number in range(3):
        services.stream_activity(f"card-{number}", progress(number))
    end_many(4)
    deliver()
    assert [c.split()[0] for c in calls(paced)] == ["DELETE"] * 4 + ["PUT"]


def test_ends_that_fail_again_and_again_leave_three_quarters_to_others(configure, sandbox, db):
    configure(rate_limit=(8, 60))
    sandbox.faults = "DELETE:500@1+"
    services.end_activity(stream_key="sick-1")
    services.end_activity(stream_key="sick-2")
    services.end_activity(stream_key="sick-3")
    for _ in range(2):
        deliver()
        services.probe_account(actor="test")
        advance(121)
    before = len(calls(sandbox))
    deliver()
    assert len(calls(sandbox)) - before <= 2


def test_a_slot_whose_worker_died_comes_back(paced):
    account, rate_limit = conf.account(), rate.RateLimit(5, 60_000)
    rate.ensure_rows(account, rate_limit)
    slot = RateLimitSlot.objects.first().pk
    assert rate.take(account, slot, 1, rate_limit)
    assert not rate.take(account, slot, 2, rate_limit)
    end_many(5)
    assert deliver().calls == 4
    advance(121)
    assert deliver().calls == 1


def test_what_was_not_sent_costs_no_slot(configure, sandbox, db):
    configure(rate_limit=(5, 60), base_url="http://127.0.0.1:9/api")
    end_many(1)
    deliver()
    assert (
        not RateLimitSlot.objects.filter(free_at__gt=0)
        .exclude(fence=0)
        .filter(free_at__gt=_now() + 1000)
    )


def _now() -> int:
    from django_liveactivity.delivery.drain import read_state

    return read_state(conf.account()).now


def test_a_slow_call_does_not_shorten_the_window(db, paced):
    account, rate_limit = conf.account(), rate.RateLimit(5, 60_000)
    rate.ensure_rows(account, rate_limit)
    slot = RateLimitSlot.objects.first().pk
    rate.take(account, slot, 1, rate_limit)
    now = _now()
    rate.give_back(account, slot, 1, rate_limit, latency=4_000)
    assert RateLimitSlot.objects.get(pk=slot).free_at == pytest.approx(
        now + 60_000 - 3_250, abs=500
    )


def test_a_lowered_limit_uses_fewer_slots(configure, sandbox, db):
    configure(rate_limit=(9, 60))
    deliver()
    configure(rate_limit=(2, 60))
    end_many(5)
    assert deliver().calls == 2


def test_a_raised_limit_adds_slots_that_are_free_in_a_window_s_time(configure, sandbox, db):
    configure(rate_limit=(2, 60))
    end_many(9)
    assert deliver().calls == 2
    configure(rate_limit=(4, 60))
    assert deliver().calls == 0
    advance(61)
    assert deliver().calls == 4


def test_no_call_is_made_without_a_slot(paced):
    end_many(1)
    deliver()
    RateLimitSlot.objects.all().delete()
    RateLimitSlot.objects.create(account="default", number=4, free_at=_now() + 500_000)
    end_many(2)
    assert deliver().calls == 0


def test_a_fifth_drain_finds_no_permit(vendor):
    account = conf.account()
    permits.ensure_rows(account)
    services.end_activity(stream_key="key")
    with permits.permit(account) as a, permits.permit(account) as b, permits.permit(account) as c:
        assert [a.number, b.number, c.number] == [0, 1, 2]
        with permits.permit(account) as d:
            assert d.number == 3
            assert deliver().calls == 0
        assert deliver().calls == 1


class TestAlarm:
    """Who has to wait leaves the account to one delayed wake-up."""

    def test_is_set_once_for_what_waits(self, paced):
        end_many(8)
        first, second = deliver(), deliver()
        assert (first.calls, second.calls) == (5, 0)
        assert first.wake_in == pytest.approx(first.again_in)
        assert second.wake_in is None, "the first drain has seen to it"
        assert AccountState.objects.get().alarm_at > _now()

    def test_is_moved_by_what_waits_for_less(self, vendor):
        services.end_activity(stream_key="later", after=50 * SECOND)
        assert deliver().wake_in == pytest.approx(50, abs=1)
        services.end_activity(stream_key="sooner", after=20 * SECOND)
        assert deliver().wake_in == pytest.approx(20, abs=1)
        services.end_activity(stream_key="between", after=30 * SECOND)
        assert deliver().wake_in is None

    def test_whose_wake_up_stands_in_the_queue_is_not_doubled_by_others(self, paced):
        for number in range(6):
            services.stream_activity(f"card-{number}", progress(number))
        assert drain(alarm=0).alarm == AccountState.objects.get().alarm_at > 0
        advance(12)  # the spacing is 11.4 s
        other = drain(alarm=0)
        assert (other.calls, other.more, other.wake_in) == (1, True, None)
        own = drain(alarm=AccountState.objects.get().alarm_at)
        assert (own.calls, own.wake_in) == (0, pytest.approx(own.again_in))

    def test_whose_wake_up_was_lost_is_set_anew(self, paced):
        for number in range(6):
            services.stream_activity(f"card-{number}", progress(number))
        drain(alarm=0)
        advance(14)
        assert drain(alarm=0).wake_in is not None

    def test_is_over_when_its_wake_up_finds_nothing_that_waits(self, paced):
        for number in range(3):
            services.stream_activity(f"card-{number}", progress(number))
        drain(alarm=0)
        advance(12)
        assert drain(alarm=AccountState.objects.get().alarm_at).more is False
        assert AccountState.objects.get().alarm_at == 0

    def test_that_has_passed_counts_as_none(self, vendor):
        services.end_activity(stream_key="a", after=10 * SECOND)
        services.end_activity(stream_key="b", after=40 * SECOND)
        assert deliver().wake_in == pytest.approx(10, abs=1)
        advance(11)
        done = deliver()
        assert (done.calls, done.wake_in) == (1, pytest.approx(29, abs=1))

    @pytest.mark.parametrize(("seconds", "moved"), [(59, True), (62, False)])
    def test_is_the_sweep_s_beyond_a_minute(self, vendor, seconds, moved):
        services.end_activity(stream_key="a", after=seconds * SECOND)
        assert (deliver().wake_in is not None) == moved

    def test_is_set_to_the_first_permit_where_none_is_free(self, vendor):
        deliver()
        DrainPermit.objects.update(lease_until=_now() + 7_000)
        services.end_activity(stream_key="a")
        done = deliver()
        assert (done.calls, done.wake_in) == (0, pytest.approx(7, abs=1))


class TestAnAccountThatDoesNotAnswer:
    def test_has_one_drain_at_a_time_until_it_answers(self, vendor):
        vendor.faults = "*:reset@1"
        services.end_activity(stream_key="a")
        deliver()
        assert AccountState.objects.get().is_unresponsive
        services.end_activity(stream_key="b")
        with permits.permit(conf.account()):
            assert deliver().calls == 0
        assert deliver().calls == 1
        assert not AccountState.objects.get().is_unresponsive
        services.end_activity(stream_key="c")
        with permits.permit(conf.account()):
            assert deliver().calls == 1


def test_a_drain_whose_permit_ran_out_makes_no_further_call(vendor):
    deliver()
    with permits.permit(conf.account()) as lost:
        DrainPermit.objects.update(fence=F("fence") + 1)
        lost.renewed -= 1
        assert not lost.renew()


def test_a_drain_with_a_backlog_asks_once_for_one_more(vendor):
    asked = []
    services.end_activity(stream_key="key")
    drain(on_backlog=lambda: asked.append("one call is no backlog"))
    assert asked == []
    end_many(3)
    drain(on_backlog=lambda: asked.append("more hands"))
    assert asked == ["more hands"]


@pytest.mark.parametrize(
    ("rate_limit", "wanted"), [((60, 60), []), (None, ["more hands"])], ids=["spaced", "unlimited"]
)
def test_content_needs_one_more_only_where_a_call_takes_longer_than_its_spacing(
    configure, sandbox, db, rate_limit, wanted
):
    configure(rate_limit=rate_limit)
    asked = []
    for number in range(2):
        services.stream_activity(f"card-{number}", progress(number))
    assert drain(on_backlog=lambda: asked.append("more hands")).calls == 2
    assert asked == wanted


def test_ends_are_not_spaced_so_a_backlog_of_them_needs_one_more(paced):
    asked = []
    end_many(3)
    assert drain(on_backlog=lambda: asked.append("more hands")).calls == 3
    assert asked == ["more hands"]


def test_a_drain_with_the_last_permit_wakes_no_other(vendor):
    deliver()
    DrainPermit.objects.filter(number__lt=permits.PERMITS - 1).update(lease_until=_now() + 65_000)
    asked = []
    end_many(3)
    assert drain(on_backlog=lambda: asked.append("more hands")).calls == 3
    assert asked == []


def test_a_permit_whose_worker_died_comes_back(vendor):
    deliver()
    DrainPermit.objects.update(lease_until=_now() + 65_000)
    services.end_activity(stream_key="key")
    assert deliver().calls == 0
    advance(66)
    assert deliver().calls == 1


def test_a_drain_sits_through_a_short_pause_and_not_through_a_long_one(configure, sandbox, db):
    configure(rate_limit=(20, 1))
    for number in range(3):
        services.stream_activity(f"card-{number}", progress(number))
    assert drain().calls == 3
    services.end_activity(stream_key="x", after=dt.timedelta(seconds=30))
    assert drain().again_in == pytest.approx(30, abs=3)
