"""Decisions that rows hold, by their values: slots, freezes, and what an answer leaves behind."""

from __future__ import annotations

import pytest

from django_liveactivity import conf, services
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.delivery import slots
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.record import record
from django_liveactivity.delivery.slots import Pace
from django_liveactivity.models import AccountState, Slot

from .test_claims import claim_lane
from .world import progress

MINUTE = 60_000
FREE = Pace(0, 0)
NEARLY = 500
"""Milliseconds that a test may take."""


@pytest.fixture
def card(vendor):
    return services.stream_activity("order-42", progress(40))


def now() -> int:
    return read_state(conf.account()).now


def store(claimed, answer: Answer):
    account = conf.account()
    return record("default", account, read_state(account), claimed, answer, FREE)


def test_a_later_429_never_shortens_a_freeze(vendor, card):
    in_flight = claim_lane()
    until = now() + 5 * MINUTE
    AccountState.objects.update(frozen_until=until)
    store(in_flight, Answer(Outcome.RATE_LIMITED, status=429, retry_after=1.0))
    assert AccountState.objects.get().frozen_until == until


class TestSlots:
    @pytest.fixture
    def account(self, vendor):
        slots.furnish(conf.account(), Pace(8, MINUTE))
        return conf.account()

    def test_one_is_held_for_a_lease_and_a_window(self, account):
        slot = Slot.objects.get(number=0)
        assert slots.take(account, slot.pk, 1, Pace(8, MINUTE))
        slot.refresh_from_db()
        assert slot.free_at == pytest.approx(now() + 2 * MINUTE, abs=NEARLY)
        assert slot.fence == 1

    @pytest.mark.parametrize(
        ("latency", "earlier"), [(0, 0), (750, 0), (751, 1), (1_750, 1_000), (None, MINUTE)]
    )
    def test_one_is_free_a_window_after_its_call(self, account, latency, earlier):
        slot = Slot.objects.get(number=0)
        slots.take(account, slot.pk, 1, Pace(8, MINUTE))
        slots.give_back(account, slot.pk, 1, Pace(8, MINUTE), latency=latency)
        slot.refresh_from_db()
        assert slot.free_at == pytest.approx(now() + MINUTE - earlier, abs=NEARLY)

    def test_failing_ends_find_none_beyond_their_quarter(self, account):
        pace, soon = Pace(8, MINUTE), now() + MINUTE
        assert slots.find_for_retry(account, pace)[0] == Slot.objects.get(number=0).pk
        Slot.objects.filter(number=0).update(free_at=soon + 1)
        Slot.objects.filter(number=1).update(free_at=soon)
        assert slots.find_for_retry(account, pace) == (None, soon)
