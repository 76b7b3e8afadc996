"""What a claim writes, which calls it admits, and what is left of one whose worker died."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.client import Answer, Outcome
from django_liveactivity.delivery.drain import drain, read_state
from django_liveactivity.delivery.lanes.apply import defer_lane
from django_liveactivity.delivery.lanes.candidates import due_accounts, next_due_at, targets
from django_liveactivity.delivery.lanes.claim import (
    DrainContext,
    OvertakenError,
    claim,
    recover_expired_lease,
)
from django_liveactivity.delivery.lanes.record import record
from django_liveactivity.delivery.limits import rate
from django_liveactivity.delivery.limits.admission import Admission
from django_liveactivity.delivery.limits.rate import NO_LIMIT, RateLimit, state_and_slot
from django_liveactivity.delivery.operator_actions import apply_operator_actions
from django_liveactivity.models import (
    AccountState,
    Attempt,
    Lane,
    LiveActivity,
    Operation,
    RateLimitSlot,
)

from .test_claims import look_at, vendor_evicts
from .vocabulary import deliver, now, progress

SECOND = 1_000
MINUTE = 60 * SECOND
Rank = Operation.Rank


def context(rate_limit: RateLimit = NO_LIMIT, **state) -> DrainContext:
    """What a worker knows, with the account in this state."""
    read_state(conf.account(), rate_limit)  # makes the rows
    AccountState.objects.update(**state)
    return DrainContext(conf.account(), read_state(conf.account(), rate_limit), rate_limit)


@pytest.fixture
def card(vendor):
    return services.stream_activity("order-42", progress(40))


@pytest.fixture
def shown(card):
    deliver()
    return card


class TestClaims:
    def test_write_the_attempt_and_lease_the_lane_for_a_minute(self, card):
        seen, before = look_at(), now()
        claimed = claim(context(), seen, None)
        lane, attempt = Lane.objects.get(), Attempt.objects.get()
        assert before + MINUTE <= lane.lease_until <= now() + MINUTE
        assert (lane.fence, lane.open_attempt, lane.ever_called) == (1, attempt.pk, True)
        assert lane.newest_content_id == claimed.operation.pk
        assert lane.cards == [card.pk]
        assert (attempt.number, attempt.endpoint) == (1, "stream")
        assert (attempt.outcome, attempt.started_at) == ("", seen.lane.now)
        assert claimed.started_at == seen.lane.now

    def test_number_their_attempts(self, card):
        Operation.objects.update(tries=7)
        claim(context(), look_at(), None)
        assert Attempt.objects.get().number == 8

    @pytest.mark.parametrize("ends", [True, False])
    @pytest.mark.parametrize(
        ("closed", "end_goes", "content_goes"),
        [
            ({}, True, True),
            ({"frozen_until": 2**60}, False, False),
            ({"blocked_since": 1, "probe_at": 2**60}, False, False),
            ({"blocked_since": 1, "probe_at": 1}, True, True),
            ({"next_update_at": 2**60}, True, False),
            ({"billing_since": 1, "billing_probe_at": 2**60}, True, False),
            ({"limit_since": 1, "limit_probe_at": 2**60}, True, True),
        ],
    )
    def test_pass_the_admission(self, shown, ends, closed, end_goes, content_goes):
        if ends:
            services.end_activity(shown)
        else:
            services.stream_activity("order-42", progress(50))
        claimed = claim(context(**closed), look_at(), None)
        assert (claimed is not None) is (end_goes if ends else content_goes)
        assert Attempt.objects.filter(outcome="").count() == (claimed is not None)

    @pytest.mark.parametrize(("probes_in", "goes"), [(-1, True), (0, True), (1, False)])
    @pytest.mark.parametrize(
        ("column", "since"), [("probe_at", "blocked_since"), ("limit_probe_at", "limit_since")]
    )
    def test_pass_at_their_very_moment(self, card, probes_in, goes, column, since):
        seen = look_at()
        at = seen.lane.now + probes_in
        claimed = claim(context(**{since: 1, column: at}), seen, None)
        assert (claimed is not None) is goes

    def test_of_starts_wait_for_room_without_a_call(self, card):
        until = now() + MINUTE
        assert claim(context(limit_since=1, limit_probe_at=until), look_at(), None) is None
        start = Operation.objects.get()
        assert (start.rank, start.next_try_at, start.state) == (
            Rank.WAITING_START,
            until,
            "pending",
        )
        assert not Attempt.objects.exists()

    def test_of_updates_need_no_room(self, shown):
        services.stream_activity("order-42", progress(50))
        assert claim(context(limit_since=1, limit_probe_at=2**60), look_at(), None) is not None

    def test_remember_that_a_key_may_have_been_shown_elsewhere(self, vendor):
        """An end was asked for before any content of ours, and was moved before it was due."""
        services.end_activity(stream_key="order-42", after=dt.timedelta(hours=1))
        services.keep_activity(stream_key="order-42")
        services.stream_activity("order-42", progress(1))
        assert claim(context(frozen_until=2**60), look_at(), None) is None
        assert Lane.objects.get().ever_called
        services.end_activity(stream_key="order-42")
        assert claim(context(frozen_until=0), look_at(), None).call.method == "DELETE"

    def test_settle_what_newer_rows_replace(self, shown):
        moved = services.end_activity(shown, after=dt.timedelta(hours=1))
        services.keep_activity(shown)
        for percentage in (50, 60):
            services.stream_activity("order-42", progress(percentage), tags=[str(percentage)])
        services.stream_activity("order-42", progress(70))
        claim(context(), look_at(), None)
        operations = Operation.objects.filter(pk__gte=moved.pk).order_by("pk")
        states = [operation.state for operation in operations]
        assert states == ["superseded", "done", *["superseded"] * 2, "pending"]
        due = Operation.objects.exclude(next_try_at=None).exclude(pk=moved.pk)
        assert due.get().inherited_options == {"tags": ["60"]}

    def test_need_a_slot_where_there_is_a_limit(self, card):
        assert claim(context(RateLimit(5, MINUTE)), look_at(), None) is None
        slot = RateLimitSlot.objects.get(number=0)
        assert claim(context(RateLimit(5, MINUTE)), look_at(), slot.pk).slot == slot.pk
        slot.refresh_from_db()
        assert (slot.fence, slot.free_at > now() + MINUTE) == (Attempt.objects.get().pk, True)


class TestOvertaken:
    """By another worker: nothing is written."""

    def refuses(self, context: DrainContext, seen, slot: int | None = None) -> None:
        before = Lane.objects.values().get(digest=seen.lane.digest)
        with pytest.raises(OvertakenError):
            claim(context, seen, slot)
        assert Lane.objects.values().get(digest=seen.lane.digest) == before
        assert not Attempt.objects.filter(operation__lane_digest=seen.lane.digest).exists()

    def test_at_the_fence(self, card):
        seen = look_at()
        Lane.objects.update(fence=F("fence") + 1)
        self.refuses(context(), seen)

    def test_at_the_lease(self, card):
        seen = look_at()
        Lane.objects.update(lease_until=now() + MINUTE)
        self.refuses(context(), seen)

    def test_at_the_slot(self, card):
        known = context(RateLimit(5, MINUTE))
        slot = RateLimitSlot.objects.get(number=0).pk
        rate.take(conf.account(), slot, 4711, RateLimit(5, MINUTE))
        self.refuses(known, look_at(), slot)

    @pytest.mark.parametrize(
        "closed",
        [
            {"blocked_since": 1, "probe_at": 1},
            {"billing_since": 1, "billing_probe_at": 1},
            {"limit_since": 1, "limit_probe_at": 1},
        ],
    )
    def test_at_the_probe(self, card, closed):
        services.stream_activity("faster", progress(1))
        fast, slow, known = look_at("faster"), look_at(), context(**closed)
        assert claim(known, fast, None) is not None
        self.refuses(known, slow)

    def test_at_the_spacing_of_content(self, card):
        services.stream_activity("faster", progress(1))
        known = context(RateLimit(60, MINUTE))
        slots = RateLimitSlot.objects.order_by("number").values_list("pk", flat=True)[:2]
        fast, slow = look_at("faster"), look_at()
        assert claim(known, fast, slots[0]) is not None
        self.refuses(known, slow, slots[1])


class TestRecovery:
    """Of a lane whose worker died during a call, which may have been sent."""

    @pytest.fixture
    def dead(self, shown):
        """The lane after a minute, as the next worker reads it."""
        services.stream_activity("order-42", progress(50))
        claim(context(), look_at(), None)
        Lane.objects.update(lease_until=1)
        return Lane.objects.get()

    def test_counts_the_call_as_a_failed_try(self, dead):
        recover_expired_lease(conf.account(), dead)
        operation, attempt = Operation.objects.latest("pk"), Attempt.objects.latest("pk")
        assert (operation.tries, operation.failures, operation.state) == (1, 1, "pending")
        assert (attempt.outcome, attempt.status) == ("ambiguous", None)
        assert attempt.error == "The worker stopped before it stored an answer."

    def test_frees_the_lane_and_quarantines_it(self, dead):
        before = now()
        recover_expired_lease(conf.account(), dead)
        lane = Lane.objects.get()
        assert (lane.lease_until, lane.open_attempt, lane.fence) == (0, 0, dead.fence + 1)
        assert before + MINUTE <= lane.ambiguous_until <= now() + MINUTE
        assert lane.stream_ambiguous_until == lane.ambiguous_until

    def test_is_one_worker_s(self, dead):
        recover_expired_lease(conf.account(), dead)
        recover_expired_lease(conf.account(), dead)
        assert Operation.objects.latest("pk").tries == 1

    def test_leaves_a_lane_that_is_leased_anew(self, dead):
        Lane.objects.update(lease_until=now() + MINUTE)
        recover_expired_lease(conf.account(), dead)
        assert Lane.objects.get().open_attempt == dead.open_attempt
        assert Operation.objects.latest("pk").tries == 0

    def test_of_an_end_leaves_no_late_put_to_be_confirmed(self, shown):
        services.end_activity(shown)
        claim(context(), look_at(), None)
        Lane.objects.update(lease_until=1)
        recover_expired_lease(conf.account(), Lane.objects.get())
        lane = Lane.objects.get()
        assert (lane.ambiguous_until > 0, lane.stream_ambiguous_until) == (True, 0)

    def test_of_an_attempt_that_is_gone_expects_the_worst(self, dead):
        Attempt.objects.filter(pk=dead.open_attempt)._raw_delete("default")
        recover_expired_lease(conf.account(), dead)
        assert Lane.objects.get().stream_ambiguous_until > now()

    def test_never_shortens_a_quarantine(self, dead):
        Lane.objects.update(ambiguous_until=2**60)
        recover_expired_lease(conf.account(), dead)
        assert Lane.objects.get().ambiguous_until == 2**60


class TestWhatIsServedNext:
    @pytest.fixture
    def one_of_each(self, vendor):
        """A lane for each rank, and one whose time to live is over, by their digests."""
        services.stream_activity("expired", progress(1), time_to_live=dt.timedelta(hours=1))
        deliver()
        Lane.objects.update(deadline_at=1)
        lanes = {Lane.objects.get().digest: "expired"}
        for rank in reversed(Rank):
            end = services.end_activity(stream_key=rank.name)
            Operation.objects.filter(pk=end.pk).update(rank=rank)
            lanes[end.lane_digest] = rank.name
        return lanes

    def served(self) -> list[tuple[str, int]]:
        state = state_and_slot(conf.account(), NO_LIMIT, 0)
        found = targets(conf.account(), state, Admission(ends_at=3, contents_at=7))
        return [(target.digest, target.ready_at) for target in found]

    def test_is_in_the_order_of_the_ranks(self, one_of_each):
        assert [(one_of_each[digest], at) for digest, at in self.served()] == [
            ("END", 3),
            ("RETRIED_END", 3),
            ("UNKNOWN_END", 3),
            ("expired", 0),
            ("WAITING_START", 7),
            ("CONTENT", 7),
        ]

    def test_is_nothing_that_waits_or_is_leased(self, one_of_each):
        leased = [d for d, name in one_of_each.items() if name in ("END", "CONTENT")]
        for digest in leased:
            lane, _ = Lane.objects.get_or_create(account="default", digest=digest)
            Lane.objects.filter(pk=lane.pk).update(lease_until=2**60)
        Lane.objects.filter(deadline_at=1).update(lease_until=2**60)
        Lane.objects.create(account="default", digest="lives on", deadline_at=2**60)
        Operation.objects.filter(rank=Rank.UNKNOWN_END).update(next_try_at=2**60)
        found = [one_of_each[digest] for digest, _ in self.served()]
        assert found == ["RETRIED_END", "WAITING_START"]

    def test_is_the_first_of_what_is_planned(self, one_of_each):
        at = now() + MINUTE
        Lane.objects.update(deadline_at=at + 3)
        for n, operation in enumerate(Operation.objects.filter(state="pending")):
            Operation.objects.filter(pk=operation.pk).update(next_try_at=at + 5 + n)
        assert next_due_at(conf.account()) == at + 3
        Lane.objects.update(deadline_at=None)
        assert next_due_at(conf.account()) == at + 5
        Operation.objects.update(next_try_at=None)
        assert next_due_at(conf.account()) is None

    def test_of_all_accounts_is_told_with_its_ranks(self, one_of_each):
        assert due_accounts("default") == {"default": {*Rank, None}}
        Operation.objects.exclude(rank=Rank.CONTENT).update(next_try_at=2**60)
        Lane.objects.update(deadline_at=2**60)
        assert due_accounts("default") == {"default": {Rank.CONTENT}}
        Operation.objects.update(next_try_at=None)
        assert due_accounts("default") == {}
        newest = [services.probe_account(actor="ann") for _ in range(2)][-1]
        assert due_accounts("default") == {"default": {newest}}


def test_a_lane_that_cannot_be_planned_waits_a_minute(shown):
    services.end_activity(shown, after=dt.timedelta(hours=1))
    services.stream_activity("order-42", progress(50))
    Lane.objects.update(deadline_at=5)
    digest, before = Lane.objects.get().digest, now()
    later = Operation.objects.get(kind="end").next_try_at
    defer_lane(conf.account(), digest)
    content, lane = Operation.objects.latest("pk"), Lane.objects.get()
    for until in (content.next_try_at, lane.deadline_at):
        assert before + MINUTE <= until <= now() + MINUTE
    assert Operation.objects.get(kind="end").next_try_at == later


def test_a_time_to_live_that_is_over_is_an_end_like_any_other(shown):
    Operation.objects.update(time_to_live=1)
    Lane.objects.update(deadline_at=1)
    before = now()
    assert claim(context(), look_at(), None) is None
    end = Operation.objects.get(kind="end")
    assert (end.rank, end.source, end.activity) == (Rank.END, "time_to_live", shown)
    assert before <= end.created_at <= now()
    assert end.due_at == end.next_try_at == end.created_at


class TestRecords:
    """What an answer leaves in the rows, beyond the state of its operation."""

    def test_the_attempt_has_the_answer(self, shown):
        services.stream_activity("order-42", progress(50))
        claimed = claim(context(), look_at(), None)
        answer = Answer(Outcome.PARTIAL, status=200, text="{}", error="x" * 300, duration=0.0847)
        record(context(), claimed, answer)
        attempt = Attempt.objects.get(pk=claimed.attempt_id)
        assert (attempt.status, attempt.outcome, attempt.answer) == (200, "partial", "{}")
        assert (attempt.error, attempt.duration_ms) == ("x" * 255, 85)

    @pytest.mark.parametrize(
        ("outcome", "body", "title"),
        [
            (Outcome.DELIVERED, {}, "New"),
            (Outcome.NOOP, {"operation": "noop", "ignored": True}, "New"),
            (Outcome.NOOP, {"ignored": True}, "Old"),
            (Outcome.PAUSED, {"operation": "paused"}, "New"),
            (Outcome.REJECTED, {}, "Old"),
            (Outcome.AMBIGUOUS, {}, "Old"),
        ],
    )
    def test_the_card_has_the_title_that_the_phone_shows(self, vendor, outcome, body, title):
        card = services.stream_activity("order-42", progress(1, "Old"))
        deliver()
        services.stream_activity("order-42", progress(2, "New"))
        claimed = claim(context(), look_at(), None)
        record(context(), claimed, Answer(outcome, status=200, body=body))
        card.refresh_from_db()
        assert card.title == title

    @pytest.mark.parametrize(
        ("outcome", "title"),
        [
            (Outcome.DELIVERED, "New"),
            (Outcome.ALREADY_ENDED, "Old"),
            (Outcome.NOT_FOUND, "Old"),
            (Outcome.NO_RECIPIENTS, "Old"),
        ],
    )
    def test_the_card_has_the_title_of_an_end_that_the_phone_shows(self, vendor, outcome, title):
        card = services.stream_activity("order-42", progress(1, "Old"))
        deliver()
        services.end_activity(card, progress(100, "New"))
        record(context(), claim(context(), look_at(), None), Answer(outcome, status=404))
        card.refresh_from_db()
        assert (card.title, card.status) == (title, "ended")

    @pytest.mark.parametrize(
        ("outcome", "body", "displayed", "hidden_because", "status"),
        [
            (Outcome.DELIVERED, {}, "new", "", "live"),
            (Outcome.PAUSED, {"operation": "paused"}, "new", "paused", "paused"),
            (Outcome.NOOP, {"ignored": True}, "old", "", "live"),
            (Outcome.REJECTED, {}, "old", "", "live"),
        ],
    )
    def test_the_lane_knows_what_is_displayed(
        self, shown, outcome, body, displayed, hidden_because, status
    ):
        old = Operation.objects.get().pk
        services.stream_activity("order-42", progress(50))
        claimed = claim(context(), look_at(), None)
        record(context(), claimed, Answer(outcome, status=200, body=body))
        lane = Lane.objects.get()
        assert lane.displayed_id == {"new": claimed.operation.pk, "old": old}[displayed]
        assert (lane.hidden_because, LiveActivity.objects.get().status) == (hidden_because, status)
        assert (lane.lease_until, lane.open_attempt) == (0, 0)

    @pytest.mark.parametrize(
        ("ends", "outcome", "quarantined"),
        [
            (False, Outcome.AMBIGUOUS, {"ambiguous_until", "stream_ambiguous_until"}),
            (True, Outcome.AMBIGUOUS, {"ambiguous_until"}),
            (False, Outcome.NOT_SENT, set()),
            (True, Outcome.NOT_SENT, set()),
            (False, Outcome.RATE_LIMITED, set()),
            (True, Outcome.DELIVERED, set()),
        ],
    )
    def test_a_call_that_may_yet_arrive_quarantines_its_lane(
        self, shown, ends, outcome, quarantined
    ):
        if ends:
            services.end_activity(shown)
        else:
            services.stream_activity("order-42", progress(50))
        before = now()
        record(context(), claim(context(), look_at(), None), Answer(outcome))
        lane = Lane.objects.get()
        for name in ("ambiguous_until", "stream_ambiguous_until"):
            until = getattr(lane, name)
            assert before + MINUTE <= until <= now() + MINUTE if name in quarantined else not until

    def test_an_acknowledged_end_begins_the_next_generation(self, shown):
        end = services.end_activity(shown)
        record(context(), claim(context(), look_at(), None), Answer(Outcome.DELIVERED, status=200))
        lane = Lane.objects.get()
        assert (lane.generation, lane.ended_through_id) == (2, end.pk)
        assert (lane.newest_content_id, lane.displayed_id, lane.cards) == (0, 0, [])

    @pytest.mark.parametrize(
        ("is_shown", "failures", "newest", "is_over"),
        [
            (True, 0, "shown", True),
            (True, 1, "shown", True),
            (False, 0, "", None),
            (False, 1, "refused", False),
        ],
    )
    def test_refused_content_leaves_the_time_to_live_of_what_the_phone_shows(
        self, vendor, is_shown, failures, newest, is_over
    ):
        """Unless an earlier try of it may have reached the phone."""
        ids = {"": 0}
        if is_shown:
            services.stream_activity("order-42", progress(40))
            deliver()
            ids["shown"] = Operation.objects.get().pk
        services.stream_activity("order-42", progress(50))
        ids["refused"] = Operation.objects.latest("pk").pk
        Operation.objects.filter(pk=ids["refused"]).update(failures=failures)
        record(context(), claim(context(), look_at(), None), Answer(Outcome.REJECTED, status=400))
        lane = Lane.objects.get()
        assert lane.newest_content_id == ids[newest]
        assert (None if lane.deadline_at is None else lane.deadline_at <= now()) is is_over

    def test_an_end_that_a_late_put_may_undo_is_confirmed_after_its_quarantine(self, shown):
        Lane.objects.update(stream_ambiguous_until=(until := now() + MINUTE))
        end = services.end_activity(shown)
        coming = services.stream_activity("order-42", progress(1)).operations.get()
        record(context(), claim(context(), look_at(), None), Answer(Outcome.DELIVERED, status=200))
        end.refresh_from_db()
        coming.refresh_from_db()
        assert (end.state, end.outcome, end.finished_at) == ("pending", "delivered", None)
        assert (end.next_try_at, coming.next_try_at) == (until, until)
        assert (end.acknowledged_at is not None, end.tries) == (True, 1)
        lane = Lane.objects.get()
        assert (lane.generation, lane.ended_through_id) == (1, 0)
        assert LiveActivity.objects.get(pk=shown.pk).status == "ended"

    def test_the_id_that_an_end_names_is_the_card_s_if_no_content_of_ours_named_one(self, vendor):
        end = services.end_activity(stream_key="order-42")
        answer = Answer(Outcome.DELIVERED, status=200, body={"activity_id": "pLAr"})
        record(context(), claim(context(), look_at(), None), answer)
        assert LiveActivity.objects.get(pk=end.activity_id).activity_id == "pLAr"

    def test_the_id_that_an_end_names_changes_nothing_of_a_card_that_we_showed(self, shown):
        before = LiveActivity.objects.get().activity_id
        services.end_activity(shown)
        answer = Answer(Outcome.DELIVERED, status=200, body={"activity_id": "pLAr"})
        record(context(), claim(context(), look_at(), None), answer)
        assert LiveActivity.objects.get().activity_id == before

    @pytest.mark.parametrize("outcome", [Outcome.FORBIDDEN, Outcome.DELIVERED])
    def test_what_was_given_up_meanwhile_is_never_due_again(self, shown, outcome):
        given_up = services.end_activity(shown)
        services.end_activity(shown, progress(100))
        coming = services.stream_activity("order-42", progress(1))
        claimed = claim(context(), look_at(), None)
        assert given_up in claimed.plan.ends
        for operation in (given_up, Operation.objects.get(activity=coming)):
            services.give_up_operation(operation, actor="ann", reason="A typing error.")
        apply_operator_actions(conf.account())
        record(context(), claimed, Answer(outcome, status=200))
        left = Operation.objects.filter(state="given_up")
        assert list(left.values_list("next_try_at", flat=True)) == [None, None]

    @pytest.mark.parametrize(("tries", "left"), [(24, 25), (25, 25), (99, 25)])
    def test_the_first_five_and_the_last_twenty_attempts_are_kept(self, shown, tries, left):
        services.end_activity(shown)
        end = Operation.objects.latest("pk")
        claimed = claim(context(), look_at(), None)
        Attempt.objects.filter(pk=claimed.attempt_id).update(number=tries + 1)
        Attempt.objects.bulk_create(
            Attempt(operation=end, number=n + 1, endpoint="end_stream", started_at=1)
            for n in range(tries)
        )
        claimed.operation.tries = tries
        record(context(), claimed, Answer(Outcome.AMBIGUOUS, status=500))
        numbers = list(end.attempts.order_by("number").values_list("number", flat=True))
        assert numbers == [1, 2, 3, 4, 5, *range(tries - 18, tries + 2)][-left:]


class TestRoomForAStart:
    """A full account, in which an end or a start of ours tells one waiting start to try."""

    @pytest.fixture
    def waiting(self, shown):
        """Three starts: one tries already, two wait."""
        rows = []
        for number, until in enumerate([1, 2**60, 2**60]):
            services.stream_activity(f"start-{number}", progress(1))
            rows.append(Operation.objects.latest("pk"))
            Operation.objects.filter(pk=rows[-1].pk).update(
                rank=Rank.WAITING_START, next_try_at=until
            )
        return rows

    def waits(self, waiting: list[Operation]) -> list[int]:
        ids = [operation.pk for operation in waiting]
        times = Operation.objects.filter(pk__in=ids).order_by("pk")
        return list(times.values_list("next_try_at", flat=True))

    @pytest.mark.parametrize(
        ("key", "outcome", "is_told"),
        [
            ("order-42", Outcome.DELIVERED, True),
            ("order-42", Outcome.AMBIGUOUS, False),
            ("start-0", Outcome.DELIVERED, True),
            ("start-0", Outcome.LIMIT_REACHED, False),
        ],
    )
    def test_is_told_to_the_first_that_waits(self, shown, waiting, key, outcome, is_told):
        if key == "order-42":
            services.end_activity(shown)
        before = now()
        claimed = claim(context(limit_since=1, limit_probe_at=1), look_at(key), None)
        record(context(), claimed, Answer(outcome, status=200))
        _, first, second = self.waits(waiting)
        assert second == 2**60
        assert before <= first <= now() if is_told else first == 2**60

    def test_is_told_to_none_when_the_limit_is_first_met(self, waiting):
        claimed = claim(context(), look_at("start-0"), None)
        record(context(), claimed, Answer(Outcome.LIMIT_REACHED, status=429))
        assert AccountState.objects.get().limit_since
        assert self.waits(waiting)[1:] == [2**60, 2**60]

    def test_is_not_told_to_one_that_tries_already(self, shown, waiting):
        services.end_activity(shown)
        claimed = claim(context(limit_since=1, limit_probe_at=2**60), look_at(), None)
        record(context(), claimed, Answer(Outcome.DELIVERED, status=200))
        assert self.waits(waiting)[0] == 1
        state = AccountState.objects.get()
        assert (state.limit_since, state.limit_probe_at, state.limit_probes) == (1, 0, 0)


def test_a_call_that_may_outlast_its_lease_is_not_made(configure, sandbox, db):
    configure(timing={"lease": 10_000, "call_deadline": 10_000})
    services.end_activity(stream_key="order-42")
    drain()
    assert sandbox.calls() == []
    assert Attempt.objects.get().outcome == Outcome.NOT_SENT


class TestEvictions:
    """The vendor names the card that it ended to make room for another one."""

    def evict(self, card: LiveActivity) -> None:
        vendor_evicts(card)
        card.refresh_from_db()

    def test_name_the_operation_that_took_the_place(self, shown):
        self.evict(shown)
        assert (shown.status, shown.evicted_by) == ("evicted", 99)

    def test_of_a_card_that_has_ended_change_nothing(self, shown):
        services.end_activity(shown)
        deliver()
        self.evict(shown)
        assert (shown.status, shown.evicted_by) == ("ended", None)

    def test_drop_content_and_keep_the_end(self, shown):
        services.stream_activity("order-42", progress(50))
        end = services.end_activity(shown, after=dt.timedelta(hours=1))
        self.evict(shown)
        states = dict(Operation.objects.exclude(state="done").values_list("kind", "state"))
        assert states == {"stream": "superseded", "end": "pending"}
        end.refresh_from_db()
        assert end.next_try_at is not None
