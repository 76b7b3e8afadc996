"""Leases, fences and crashes: a process may stop at any line, or sleep and wake up too late."""

from __future__ import annotations

import datetime as dt
import time

import pytest

from django_liveactivity import conf, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.delivery.drain import read_state
from django_liveactivity.delivery.lanes.apply import evict
from django_liveactivity.delivery.lanes.candidates import Target
from django_liveactivity.delivery.lanes.claim import (
    DrainContext,
    OvertakenError,
    claim,
    recover_expired_lease,
)
from django_liveactivity.delivery.lanes.record import record
from django_liveactivity.delivery.lanes.snapshot import read_lane
from django_liveactivity.delivery.limits.rate import NO_LIMIT
from django_liveactivity.delivery.operator_actions import apply_operator_actions
from django_liveactivity.models import (
    Attempt,
    Lane,
    LiveActivity,
    Operation,
    lane_digest,
)
from tests.clock import advance

from .vocabulary import alive, calls, deliver, progress, states, status


def context() -> DrainContext:
    """What a worker knows of the account as it begins."""
    account = conf.account()
    return DrainContext(account, read_state(account), NO_LIMIT)


def look_at(key: str = "order-42"):
    """Do what a worker does before it touches anything; a lost call is written off first."""
    account = conf.account()
    digest, now = lane_digest(stream_key=key), read_state(account).now
    is_new = not Lane.objects.filter(digest=digest).exists()
    target = Target(digest, key, "", is_new, Operation.Rank.CONTENT, 0)
    snapshot = read_lane(account, target, now)
    if snapshot is not None and snapshot.lane.open_attempt:
        recover_expired_lease(account, snapshot.lane)
        return read_lane(account, target, now)
    return snapshot


def claim_snapshot(snapshot):
    """Do what a worker does with what it has seen, up to the moment of sending."""
    return claim(context(), snapshot, None)


def claim_lane(key: str = "order-42"):
    """Do what a worker does up to the moment of sending."""
    return claim_snapshot(look_at(key))


def finish(claimed, outcome: Outcome = Outcome.DELIVERED):
    """Do what a worker does when the answer is there."""
    return record(context(), claimed, Answer(outcome, status=200))


def vendor_evicts(card: LiveActivity) -> None:
    """Do what a worker does when the vendor has ended that card to make room for its own."""
    card.refresh_from_db()
    answer = Answer(Outcome.DELIVERED, status=200, body={"ended_activity_id": card.activity_id})
    evict(conf.account(), answer, Operation(pk=99))


def not_yet_committed(operation: Operation) -> Operation:
    """Take a row away as if its transaction were open still; save(force_insert=True) commits."""
    row = Operation.objects.get(pk=operation.pk)
    Operation.objects.filter(pk=row.pk)._raw_delete("default")
    return row


@pytest.fixture
def card(vendor):
    return services.stream_activity("order-42", progress(40))


def test_a_lane_has_one_call_in_flight_at_most(vendor, card):
    claim_lane()
    assert look_at() is None
    assert deliver().calls == 0


def test_of_two_workers_that_see_a_lane_at_once_one_claims_it(vendor, card):
    fast, slow = look_at(), look_at()
    claim_snapshot(fast)
    with pytest.raises(OvertakenError):
        claim_snapshot(slow)
    assert Attempt.objects.count() == 1


def test_a_worker_that_saw_a_lane_before_another_served_it_is_overtaken(vendor, card):
    slow = look_at()
    deliver()
    services.end_activity(card)
    deliver()
    with pytest.raises(OvertakenError):
        claim_snapshot(slow)
    assert calls(vendor) == ["PUT order-42 200", "DELETE order-42 200"]


def test_a_worker_that_saw_a_lane_before_it_was_evicted_is_overtaken(vendor, card):
    deliver()
    services.stream_activity("order-42", progress(60))
    slow = look_at()
    vendor_evicts(card)
    with pytest.raises(OvertakenError):
        claim_snapshot(slow)
    assert states(card) == ["stream done delivered", "stream superseded"]


def test_an_eviction_leaves_a_lane_to_the_worker_that_has_leased_it(vendor, card):
    deliver()
    services.stream_activity("order-42", progress(60))
    in_flight = claim_lane()
    vendor_evicts(card)
    assert finish(in_flight).owned


def test_an_end_that_was_given_up_while_its_call_was_in_flight_is_not_tried_again(vendor, card):
    deliver()
    end = services.end_activity(card)
    in_flight = claim_lane()
    services.give_up_operation(end, actor="test", reason="The phone is lost.")
    apply_operator_actions(conf.account())
    finish(in_flight, Outcome.AMBIGUOUS)
    assert Operation.objects.get(pk=end.pk).state == "given_up"
    advance(3600)
    assert deliver().calls == 0


def test_a_worker_killed_before_sending_is_replaced_when_its_lease_ends(vendor, card):
    claim_lane()
    advance(61)
    deliver()
    assert calls(vendor) == ["PUT order-42 200"]
    outcomes = list(Attempt.objects.order_by("pk").values_list("outcome", flat=True))
    assert outcomes == ["ambiguous", "delivered"]


def test_a_call_without_an_answer_may_have_been_sent(vendor, card):
    claim_lane()
    services.end_activity(card)
    advance(61)
    deliver()
    assert states(card)[-1] == "end pending not_found"  # until a DELETE after the quarantine
    advance(61)
    deliver()
    assert states(card)[-1].startswith("end done")
    assert [c.split()[0] for c in calls(vendor)] == ["DELETE", "DELETE"]


def test_a_worker_that_was_killed_after_the_answer_repeats_the_end(vendor, card):
    deliver()
    services.end_activity(card)
    claimed = claim_lane()
    get_backend().send(claimed.call)
    advance(61)
    deliver()
    assert calls(vendor) == ["PUT order-42 200", "DELETE order-42 200", "DELETE order-42 200"]
    assert states(card)[-1] == "end done already_ended"


def test_a_worker_that_wakes_up_after_its_lease_stores_its_attempt_and_nothing_else(vendor, card):
    deliver()
    services.end_activity(card)
    frozen = claim_lane()
    advance(61)
    claim_lane()
    before = Lane.objects.values().get(), Operation.objects.latest("pk")
    assert not finish(frozen).owned
    assert Attempt.objects.get(pk=frozen.attempt_id).outcome == "delivered"
    assert (Lane.objects.values().get(), Operation.objects.latest("pk")) == before
    assert status(card) == "live"


def test_a_worker_that_stalls_as_it_makes_its_client_sends_nothing_late(configure, vendor, card):
    """The first call makes the HTTP client, which takes a while: a process may be stopped there."""
    stalls = iter([1.1, 0.0])

    def stalling(transport):
        time.sleep(next(stalls))
        return transport

    configure(timing={"lease": 1000, "call_deadline": 600}, transport_wrapper=stalling)
    deliver()
    assert calls(vendor) == []
    services.end_activity(card)
    advance(61)
    deliver()
    assert calls(vendor) == ["DELETE order-42 404"]


def test_an_end_that_comes_while_content_is_in_flight_waits_for_the_answer(vendor, card):
    in_flight = claim_lane()
    services.end_activity(card)
    assert deliver().calls == 0
    finish(in_flight)
    deliver()
    assert states(card) == ["stream done delivered", "end done not_found"]


def test_content_that_commits_after_the_end_it_came_before_is_dead(vendor, card):
    deliver()
    late = services.stream_activity("order-42", progress(50))
    content = not_yet_committed(Operation.objects.latest("pk"))
    services.end_activity(late)
    deliver()
    content.save(force_insert=True)
    deliver()
    content.refresh_from_db()
    assert content.state == "superseded"
    assert vendor.phone()["empty"]


def test_older_content_that_commits_late_never_goes_back_in_time(vendor, card):
    late = not_yet_committed(Operation.objects.latest("pk"))
    services.stream_activity("order-42", progress(90))
    deliver()
    late.save(force_insert=True)
    deliver()
    assert alive(vendor) == {"order-42": 90}
    late.refresh_from_db()
    assert late.state == "superseded"


def test_newer_content_survives_an_end_that_commits_late(vendor, card):
    deliver()
    end = not_yet_committed(services.end_activity(card))
    services.stream_activity("order-42", progress(90))
    deliver()
    end.save(force_insert=True)
    deliver()
    assert [c.split()[0] for c in calls(vendor)] == ["PUT", "PUT", "DELETE", "PUT"]
    assert alive(vendor) == {"order-42": 90}
    end.refresh_from_db()
    assert (end.state, end.outcome) == ("done", "delivered")


def test_an_end_that_commits_after_a_newer_one_was_acknowledged_is_covered(vendor, card):
    deliver()
    first = not_yet_committed(services.end_activity(card))
    services.end_activity(card, progress(100))
    deliver()
    first.save(force_insert=True)
    before = len(calls(vendor))
    deliver()
    first.refresh_from_db()
    assert (first.state, first.outcome) == ("done", "already_ended")
    assert len(calls(vendor)) == before


def test_a_row_whose_end_is_covered_has_ended(vendor):
    first = not_yet_committed(services.end_activity(stream_key="order-42"))
    activity = first.activity
    LiveActivity.objects.filter(pk=activity.pk)._raw_delete("default")
    services.end_activity(stream_key="order-42")
    deliver()
    activity.save(force_insert=True)
    first.save(force_insert=True)
    deliver()
    assert (status(activity), states(activity)) == ("ended", ["end done already_ended"])


def test_keys_compare_byte_for_byte(vendor):
    services.stream_activity("Order-42", progress(1))
    services.stream_activity("order-42", progress(2))
    deliver()
    services.end_activity(stream_key="order-42")
    deliver()
    assert alive(vendor) == {"Order-42": 1}


def test_a_lane_that_cannot_be_planned_does_not_hold_up_the_others(vendor, card, caplog):
    Operation.objects.update(content={"title": {"deep": object.__name__}}, options=[])
    services.stream_activity("another", progress(1))
    deliver()
    assert alive(vendor) == {"another": 1}
    assert "is set aside" in caplog.text
    assert deliver().again_in == pytest.approx(60, abs=5)


class RaisingBackend(get_backend.__globals__["BaseBackend"]):
    """A backend with a defect."""

    reaches_network = False

    def send(self, call):
        raise RuntimeError("oops")


def test_a_call_whose_backend_raises_is_ambiguous(settings, db, caplog):
    settings.LIVEACTIVITY = {"default": {"BACKEND": f"{__name__}.RaisingBackend"}}
    services.stream_activity("order-42", progress(1))
    deliver()
    assert states() == ["stream pending ambiguous"]
    assert Attempt.objects.get().error == "RuntimeError"


def test_rows_with_an_unacknowledged_end_cannot_be_deleted(vendor, card):
    from django_liveactivity.exceptions import UnacknowledgedEndError

    deliver()
    end = services.end_activity(card)
    for delete in (card.delete, end.delete, LiveActivity.objects.all().delete):
        with pytest.raises(UnacknowledgedEndError, match="end the card and wait, or give its end"):
            delete()
    deliver()
    Operation.objects.all().delete()
    assert LiveActivity.objects.all().delete()[0] == 1


def test_a_scheduled_end_that_commits_late_knows_every_keep_before_it_was_due(vendor, card):
    deliver()
    end = services.end_activity(card, after=dt.timedelta(seconds=5))
    row = not_yet_committed(end)
    services.keep_activity(card)
    deliver()
    advance(6)
    row.created_at, row.due_at, row.next_try_at = (
        at - 6_000 for at in (row.created_at, row.due_at, row.next_try_at)
    )
    services.keep_activity(card)
    deliver()
    row.save(force_insert=True)
    deliver()
    assert alive(vendor) == {"order-42": 40}
    assert Operation.objects.get(pk=row.pk).state == "superseded"


def test_an_end_given_up_while_its_first_call_is_confirmed_later_lets_the_drain_rest(vendor, card):
    deliver()
    Lane.objects.update(stream_ambiguous_until=read_state(conf.account()).now + 60_000)
    end = services.end_activity(card)
    in_flight = claim_lane()
    services.give_up_operation(end, actor="test", reason="The phone is lost.")
    apply_operator_actions(conf.account())
    finish(in_flight)
    assert Operation.objects.get(pk=end.pk).state == "given_up"
    advance(61)
    assert not deliver().more


def test_content_refused_after_a_try_that_may_have_arrived_keeps_its_time_to_live(vendor):
    card = services.stream_activity("order-42", progress(40))
    vendor.faults = "PUT:reset-after@1,PUT:400@2"
    deliver()
    advance(3)
    deliver()
    assert states(card) == ["stream failed rejected"]
    assert alive(vendor) == {"order-42": 40}
    advance(8 * 3600)
    deliver()
    deliver()
    assert alive(vendor) == {}
