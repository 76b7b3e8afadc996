"""When an account admits its next call, by value: grid, probes, alarm, and what answers say of it.

Times are the database's; a value is held between two looks at its clock, however slow the test.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import OperationalError, connection

from django_liveactivity import conf
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.lanes.apply import defer_lane
from django_liveactivity.delivery.limits.admission import (
    account_changes,
    admission,
    clear_alarm,
    open_for_another_key,
    reserve,
    set_alarm,
)
from django_liveactivity.delivery.limits.permits import allowed_drains
from django_liveactivity.delivery.rules.verdicts import AccountEffect
from django_liveactivity.models import AccountState

from .vocabulary import now

SECOND = 1_000
MINUTE = 60 * SECOND


@contextmanager
def from_now(name: str, expected: int) -> Iterator[None]:
    """Hold a column of the account to so many milliseconds after what the block does."""
    before = now()
    yield
    value = getattr(AccountState.objects.get(), name)
    assert before + expected <= value <= now() + expected


@pytest.fixture
def account(vendor):
    """The account's row, as its first drain makes it."""
    read_state(conf.account())
    return AccountState.objects


def reserved(**call: Any) -> AccountState:
    """Reserve one call as its claim does; return the account's row."""
    state = read_state(conf.account())
    values = {"is_content": True, "starts": False, "spacing": MINUTE, "timing": Timing()}
    taken = reserve(state, **(values | call))
    rows = AccountState.objects.filter(pk=state.pk, **taken.seen)
    assert rows.update(**taken.updates) == 1
    return AccountState.objects.get()


class TestGrid:
    @pytest.mark.parametrize("late", [-5 * MINUTE, 0, 20 * SECOND, 40 * SECOND])
    def test_goes_on_from_its_last_moment_however_late_the_call_is(self, account, late):
        account.update(next_update_at=(last := now() - late))
        assert reserved().next_update_at == last + MINUTE

    def test_is_caught_up_with_by_one_spacing_at_most(self, account):
        account.update(next_update_at=now() - 2 * MINUTE)
        with from_now("next_update_at", 0):
            reserved()

    def test_of_close_calls_is_caught_up_with_by_a_second_at_most(self, account):
        account.update(next_update_at=now() - MINUTE)
        with from_now("next_update_at", 10 - SECOND):
            reserved(spacing=10)

    def test_is_not_for_ends(self, account):
        account.update(blocked_since=1, next_update_at=7)
        assert reserved(is_content=False).next_update_at == 7


class TestProbes:
    @pytest.mark.parametrize(
        ("condition", "probe_at", "counted"),
        [
            ("blocked", "probe_at", "probes"),
            ("billing", "billing_probe_at", "billing_probes"),
            ("limit", "limit_probe_at", "limit_probes"),
        ],
    )
    @pytest.mark.parametrize("probes", [0, 1, 2, 9])
    def test_wait_ever_longer(self, account, condition, probe_at, counted, probes):
        first = 15 * SECOND if condition == "limit" else 30 * SECOND
        account.update(**{f"{condition}_since": 1, counted: probes, probe_at: 5})
        with from_now(probe_at, min(5 * MINUTE, first * 2**probes)):
            state = reserved(starts=True)
        assert getattr(state, counted) == probes + 1

    def test_of_the_limit_are_starts(self, account):
        account.update(limit_since=1, limit_probe_at=5)
        assert reserved(starts=False).limit_probe_at == 5

    def test_are_one_worker_s(self, account):
        account.update(blocked_since=1, probe_at=5)
        seen = read_state(conf.account())
        call = {"is_content": False, "starts": False, "spacing": 0, "timing": Timing()}
        first, second = reserve(seen, **call), reserve(seen, **call)
        assert account.filter(**first.seen).update(**first.updates) == 1
        assert account.filter(**second.seen).update(**second.updates) == 0


def test_a_frozen_account_admits_nothing_before_its_time():
    frozen = admission(AccountState(frozen_until=9, next_update_at=3))
    assert (frozen.ends_at, frozen.contents_at) == (9, 9)


class TestAlarm:
    @pytest.mark.parametrize(
        ("pending", "wanted", "moved"),
        [
            (None, 20, True),
            (40, 20, True),
            (20, 20, False),
            (10, 20, False),
            (-10, 20, True),
        ],
    )
    def test_is_moved_unless_an_earlier_one_is_pending(self, account, pending, wanted, moved):
        at = now()
        before = 0 if pending is None else at + pending * SECOND
        account.update(alarm_at=before)
        assert set_alarm(conf.account(), at + wanted * SECOND) is moved
        assert account.get().alarm_at == (at + wanted * SECOND if moved else before)

    @pytest.mark.parametrize(("late", "moved"), [(1.9, False), (2.1, True)])
    def test_is_pending_while_its_wake_up_may_be_late(self, account, late, moved):
        at = now()
        account.update(alarm_at=at - round(late * SECOND))
        assert set_alarm(conf.account(), at + MINUTE, grace=2 * SECOND) is moved

    def test_is_taken_back_unless_it_was_moved(self, account):
        account.update(alarm_at=20)
        clear_alarm(conf.account(), 10)
        assert account.get().alarm_at == 20
        clear_alarm(conf.account(), 20)
        assert account.get().alarm_at == 0

    def test_is_the_account_s_own(self, account):
        AccountState.objects.create(account="other", alarm_at=0)
        set_alarm(conf.account(), now() + MINUTE)
        assert AccountState.objects.get(account="other").alarm_at == 0


WRITES = {
    "set": lambda account: set_alarm(account, 2**60),
    "clear": lambda account: clear_alarm(account, 1),
    "open": lambda account: open_for_another_key(account, AccountState.objects.get(), "another"),
    "defer": lambda account: defer_lane(account, "digest"),
}


@pytest.mark.parametrize("name", WRITES)
def test_a_lock_conflict_is_tried_again(account, name):
    """On PostgreSQL's SERIALIZABLE any UPDATE may be refused: the drain must not end by it."""
    account.update(blocked_since=1, refused_key="refused", alarm_at=1)
    refused = []

    def refuse_first(execute, sql, params, many, context):
        if sql.startswith("UPDATE") and not refused:
            refused.append(sql)
            raise OperationalError("database is locked")
        return execute(sql, params, many, context)

    with connection.execute_wrapper(refuse_first):
        WRITES[name](conf.account())
    assert refused


def changed(effect: AccountEffect, answer: Answer, **state: Any) -> dict[str, Any]:
    """What an answer changes in an account; also written, so that it is what a database takes."""
    AccountState.objects.update(**state)
    seen = read_state(conf.account())
    call = {"lane_id": 3, "is_content": True, "starts": True, "window": 0, "timing": Timing()}
    changes = account_changes(effect, seen, answer, **call)
    if changes:
        AccountState.objects.update(**changes)
    return changes


class TestAnswers:
    @pytest.mark.parametrize(
        ("outcome", "status", "silent"),
        [
            (Outcome.AMBIGUOUS, None, True),
            (Outcome.NOT_SENT, None, True),
            (Outcome.AMBIGUOUS, 500, False),
            (Outcome.RATE_LIMITED, 429, False),
            (Outcome.DELIVERED, 200, False),
            (Outcome.DELIVERED, None, False),  # of a backend that knows no HTTP
        ],
    )
    @pytest.mark.parametrize("before", [True, False])
    def test_tell_a_silent_vendor(self, account, outcome, status, silent, before):
        found = changed(AccountEffect.SAME, Answer(outcome, status=status), is_unresponsive=before)
        assert found == ({} if silent == before else {"is_unresponsive": silent})

    @pytest.mark.parametrize(("silent", "drains"), [(True, 1), (False, 4)])
    def test_of_a_silent_vendor_are_waited_for_by_one_drain(self, silent, drains):
        assert allowed_drains(AccountState(is_unresponsive=silent)) == drains

    @pytest.mark.parametrize(
        ("outcome", "address", "known"),
        [
            (Outcome.DELIVERED, "b", "b"),
            (Outcome.ALREADY_ENDED, "b", "b"),
            (Outcome.DELIVERED, "", "a"),
            (Outcome.NOT_FOUND, "b", "a"),
            (Outcome.REJECTED, "b", "a"),
        ],
    )
    def test_that_are_good_make_their_address_known(self, account, outcome, address, known):
        changed(AccountEffect.OPEN, Answer(outcome, status=200, address=address), known_address="a")
        assert account.get().known_address == known

    def test_of_a_known_address_change_nothing(self, account):
        answer = Answer(Outcome.DELIVERED, status=200, address="a")
        assert changed(AccountEffect.OPEN, answer, known_address="a") == {}

    @pytest.mark.parametrize(
        ("effect", "column", "wait"),
        [
            (AccountEffect.BLOCK, "probe_at", 30 * SECOND),
            (AccountEffect.BILLING, "billing_probe_at", 30 * SECOND),
            (AccountEffect.LIMIT, "limit_probe_at", 15 * SECOND),
        ],
    )
    def test_that_close_the_account_say_when_it_is_probed(self, account, effect, column, wait):
        with from_now(column, wait):
            changed(effect, Answer(Outcome.UNAUTHORIZED, status=401))

    @pytest.mark.parametrize(("freezes", "wait"), [(0, 10), (1, 20), (2, 30), (7, 30)])
    def test_429_freeze_for_ever_longer(self, account, freezes, wait):
        with from_now("frozen_until", wait * SECOND):
            changed(AccountEffect.FREEZE, Answer(Outcome.RATE_LIMITED, status=429), freezes=freezes)
        assert account.get().freezes == freezes + 1

    def test_503_freeze_for_as_long_as_they_ask_and_are_counted_as_no_429(self, account):
        with from_now("frozen_until", 7 * SECOND):
            changed(AccountEffect.FAILURE, Answer(Outcome.AMBIGUOUS, status=503, retry_after=7.0))
        assert account.get().freezes == 0

    def test_503_never_shorten_a_freeze(self, account):
        until = now() + 5 * MINUTE
        answer = Answer(Outcome.AMBIGUOUS, status=503, retry_after=7.0)
        changed(AccountEffect.FAILURE, answer, frozen_until=until)
        assert account.get().frozen_until == until

    def test_that_fail_are_counted_with_their_lanes(self, account):
        answer = Answer(Outcome.AMBIGUOUS, status=500)
        changed(AccountEffect.FAILURE, answer, failures=1, failed_lanes=[1, 2, 9])
        state = account.get()
        assert (state.failures, state.failed_lanes, state.blocked_since) == (2, [1, 2, 3], None)

    def test_that_fail_say_why_the_account_stays_blocked(self, account):
        answer = Answer(Outcome.AMBIGUOUS, status=502)
        changed(AccountEffect.FAILURE, answer, blocked_since=1, blocked_reason="unauthorized 401")
        state = account.get()
        assert (state.blocked_since, state.blocked_reason) == (1, "ambiguous 502")

    @pytest.mark.parametrize(
        ("message", "kept"),
        [
            ("Your  key\nwas revoked.", "Your key was revoked."),
            ("a" * 200, "a" * 200),
            ("a" * 201, "a" * 199 + "…"),
            ({"code": 7}, ""),
            (None, ""),
        ],
    )
    @pytest.mark.parametrize("effect", [AccountEffect.BLOCK, AccountEffect.BILLING])
    def test_that_refuse_the_account_are_kept_in_the_vendors_words(
        self, account, effect, message, kept
    ):
        answer = Answer(Outcome.UNAUTHORIZED, status=401, body={"message": message})
        changed(effect, answer, vendor_words="Of another time.")
        assert account.get().vendor_words == kept

    def test_without_a_status_are_named_by_their_outcome(self, account):
        changed(AccountEffect.FAILURE, Answer(Outcome.NOT_SENT), blocked_since=1)
        assert account.get().blocked_reason == "not_sent"
