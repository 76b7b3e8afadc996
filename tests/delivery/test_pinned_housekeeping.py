"""What is pruned when, what a sweep wakes, and what an operator's decision changes, by value."""

from __future__ import annotations

import datetime as dt

import pytest
from django.db import connection
from django.db.models import F

from django_liveactivity import conf, services
from django_liveactivity.delivery import prune as pruning, sweep
from django_liveactivity.delivery.operator_actions import apply_operator_actions
from django_liveactivity.models import (
    AccountState,
    Attempt,
    EndBatch,
    Heartbeat,
    KnownActivityId,
    Lane,
    LiveActivity,
    Operation,
    OperatorAction,
    TrackingFailure,
    lane_digest,
)
from django_liveactivity.services.batch import choose_cards, confirm_batch
from tests.clock import advance

from .vocabulary import deliver, now, progress

SECOND = 1_000
MINUTE = 60 * SECOND
DAY = 24 * 3600
HOUR = dt.timedelta(hours=1)
State, Status = Operation.State, LiveActivity.Status


def prune() -> int:
    return pruning.prune("default", conf.databases()["default"])


def ended(key: str = "order-42") -> LiveActivity:
    """A card that was shown twice and ended."""
    services.stream_activity(key, progress(1))
    deliver()
    card = services.stream_activity(key, progress(2))
    services.end_activity(card)
    deliver()
    return card


class TestPruning:
    @pytest.mark.parametrize(("days", "gone"), [(29.99, 0), (30.01, 1)])
    def test_takes_a_card_after_thirty_days(self, vendor, days, gone):
        ended()
        advance(days * DAY)
        assert prune() == gone
        assert LiveActivity.objects.count() == 1 - gone

    @pytest.mark.parametrize("status", sorted(set(Status) - set(LiveActivity.OVER)))
    def test_takes_no_card_that_is_not_over(self, vendor, status):
        ended()
        LiveActivity.objects.update(status=status, ended_at=1)
        assert prune() == 0

    @pytest.mark.parametrize("state", [State.PENDING, State.NEEDS_OPERATOR])
    def test_takes_nothing_of_a_card_with_work_left(self, vendor, state):
        ended()
        Operation.objects.filter(kind="end").update(state=state)
        advance(31 * DAY)
        rows = Operation.objects.count(), Attempt.objects.count()
        assert prune() == 0
        assert (Operation.objects.count(), Attempt.objects.count()) == rows

    def test_thins_a_card_out_to_its_first_operation_and_its_ends(self, vendor, monkeypatch):
        ended()
        advance(31 * DAY)
        monkeypatch.setattr(pruning, "_forget", lambda *_: 0)
        prune()
        left = Operation.objects.order_by("pk")
        assert [(o.kind, o.content and o.content["percentage"]) for o in left] == [
            ("stream", 1),
            ("end", None),
        ]

    @pytest.mark.parametrize(
        ("lane", "gone"),
        [
            ({}, True),
            ({"lease_until": 2**60}, False),
            ({"ambiguous_until": 2**60}, False),
        ],
    )
    def test_takes_a_lane_that_nothing_needs(self, vendor, lane, gone):
        ended()
        advance(31 * DAY)
        Lane.objects.update(**lane)
        assert prune() == 1
        assert Lane.objects.exists() is not gone

    @pytest.mark.parametrize(
        ("hours", "is_confirmed", "gone"),
        [(23.9, False, False), (24.1, False, True), (23.9, True, False), (24.1, True, True)],
    )
    def test_takes_a_choice_of_cards_that_no_end_belongs_to_after_a_day(
        self, vendor, hours, is_confirmed, gone
    ):
        batch = choose_cards([1], using="default", actor="ann")
        if is_confirmed:
            confirm_batch(batch)
        advance(hours * 3600)
        prune()
        assert EndBatch.objects.exists() is not gone

    def test_leaves_a_choice_of_cards_that_is_being_confirmed(self, vendor):
        """Its ends are in a transaction that is not over."""
        batch = choose_cards([1], using="default", actor="ann")
        advance(25 * 3600)
        confirm_batch(batch)
        prune()
        assert EndBatch.objects.exists()

    def test_takes_a_choice_of_cards_after_its_last_end(self, vendor):
        card = ended()
        batch = choose_cards([card.pk], using="default", actor="ann")
        Operation.objects.filter(kind="end").update(batch=batch)
        advance(29 * DAY)
        prune()
        assert EndBatch.objects.exists()
        advance(2 * DAY)
        prune()
        assert not EndBatch.objects.exists()

    def test_leaves_the_lane_of_the_same_key_in_another_account(self, vendor):
        card = ended()
        Lane.objects.create(account="other", digest=card.lane_digest)
        advance(31 * DAY)
        prune()
        assert [lane.account for lane in Lane.objects.all()] == ["other"]

    def test_takes_the_ids_of_its_cards_alone(self, vendor):
        card, other = ended(), services.stream_activity("other", progress(1))
        for activity in (card, other):
            KnownActivityId.objects.create(
                activity=activity, account="default", id_digest=lane_digest(activity_id="x")
            )
        advance(31 * DAY)
        prune()
        assert [known.activity for known in KnownActivityId.objects.all()] == [other]

    def test_leaves_a_card_with_its_ids_for_which_a_host_has_inserted_an_end_meanwhile(
        self, vendor
    ):
        """Its transaction may have been open for long."""
        card = ended()
        KnownActivityId.objects.create(activity=card, account="default", id_digest="x")
        end = Operation.objects.get(kind="end")
        end.pk, end.state, end.next_try_at = None, "pending", end.created_at
        advance(31 * DAY)

        def insert_first(execute, sql, *arguments):
            if "DELETE" in sql and KnownActivityId._meta.db_table in sql and end.pk is None:
                end.save(force_insert=True)
            return execute(sql, *arguments)

        with connection.execute_wrapper(insert_first):
            assert prune() == 0
        assert LiveActivity.objects.get() == card
        assert KnownActivityId.objects.get(id_digest="x").activity == card
        assert Operation.objects.get() == end

    @pytest.mark.parametrize(("days", "left"), [(29.99, 1), (30.01, 0)])
    def test_takes_a_decision_on_an_account_after_thirty_days(self, vendor, days, left):
        services.probe_account(actor="ann")
        deliver()
        advance(days * DAY)
        prune()
        assert OperatorAction.objects.count() == left

    def test_takes_no_decision_that_waits_and_none_on_an_operation(self, vendor):
        card = services.stream_activity("order-42", progress(1), time_to_live=None)
        services.retry_operation(Operation.objects.get(), actor="ann")
        deliver()
        services.probe_account(actor="bob")
        advance(400 * DAY)
        prune()
        assert [action.actor for action in OperatorAction.objects.order_by("pk")] == ["ann", "bob"]
        assert card.operations.exists()

    @pytest.mark.parametrize(("hours", "left"), [(23.9, 1), (24.1, 0)])
    def test_takes_the_failure_of_a_hook_after_a_day(self, vendor, hours, left):
        TrackingFailure.objects.create(account="default", tracked_by="x", created_at=now())
        advance(hours * 3600)
        prune()
        assert TrackingFailure.objects.count() == left


class TestSweep:
    def test_writes_one_heartbeat(self, vendor):
        for _ in range(2):
            before = now()
            sweep(lambda _: None)
            assert before <= Heartbeat.objects.get().beat_at <= now()
            Heartbeat.objects.update(beat_at=1)

    def test_wakes_the_accounts_that_it_is_asked_about(self, vendor, settings):
        default = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": default, "other": default}
        for alias in ("default", "other"):
            services.end_activity(stream_key="order-42", account=alias)
        assert sorted(sweep(lambda _: None)) == ["default", "other"]
        assert sweep(lambda _: None, ["other"]) == ["other"]

    def test_leaves_what_no_setting_names(self, vendor, settings):
        services.end_activity(stream_key="order-42")
        settings.LIVEACTIVITY = {"other": settings.LIVEACTIVITY["default"]}
        assert sweep(lambda _: None) == []

    @pytest.mark.parametrize(("seconds", "woken"), [(59, []), (61, ["default"])])
    def test_wakes_for_what_is_due(self, vendor, seconds, woken):
        services.end_activity(stream_key="order-42", after=dt.timedelta(minutes=1))
        advance(seconds)
        assert sweep(lambda _: None) == woken


class TestDecisions:
    def apply(self) -> None:
        apply_operator_actions(conf.account())

    def test_probe_opens_an_account_at_once_whatever_closed_it(self, card):
        names = ("frozen_until", "probe_at", "billing_probe_at", "limit_probe_at")
        AccountState.objects.update(**dict.fromkeys(names, 2**60))
        AccountState.objects.create(account="other", frozen_until=7)
        services.probe_account(actor="ann")
        self.apply()
        states = AccountState.objects.order_by("pk").values_list(*names)
        assert list(states) == [(0, 0, 0, 0), (7, 0, 0, 0)]

    def test_retry_makes_an_end_and_the_others_of_its_lane_due(self, card):
        first, second = services.end_activity(card), services.end_activity(card, progress(100))
        content = services.stream_activity("order-42", progress(1)).operations.latest("pk")
        Operation.objects.filter(state="pending").update(
            state="needs_operator", failures=7, next_try_at=2**60
        )
        services.retry_operation(first, actor="ann")
        before = now()
        self.apply()
        for end in (first, second):
            end.refresh_from_db()
            assert (end.state, end.failures) == ("pending", 0)
            assert before <= end.next_try_at <= now()
        content.refresh_from_db()
        assert (content.failures, content.next_try_at) == (7, 2**60)

    def test_retry_leaves_a_scheduled_end_of_the_lane_at_its_time(self, card):
        later = services.end_activity(card, after=HOUR)
        end = services.end_activity(card, after=dt.timedelta(milliseconds=1))
        advance(1)
        services.retry_operation(end, actor="ann")
        self.apply()
        later.refresh_from_db()
        assert later.next_try_at == later.due_at > now()

    def test_retry_that_comes_too_late_changes_nothing(self, card):
        first, second = services.end_activity(card), services.end_activity(card, progress(100))
        services.retry_operation(first, actor="ann")
        Operation.objects.filter(pk=first.pk).update(state="done", next_try_at=None)
        Operation.objects.filter(pk=second.pk).update(failures=7, next_try_at=2**60)
        self.apply()
        first.refresh_from_db()
        second.refresh_from_db()
        assert (first.state, first.next_try_at) == ("done", None)
        assert (second.failures, second.next_try_at) == (7, 2**60)

    def give_up(self, operation: Operation) -> Operation:
        services.give_up_operation(operation, actor="ann", reason="A typing error.")
        self.apply()
        operation.refresh_from_db()
        return operation

    def test_giving_up_finishes_the_operation_for_good(self, card):
        before = now()
        end = self.give_up(services.end_activity(card))
        assert (end.state, end.next_try_at) == ("given_up", None)
        assert before <= end.finished_at <= now()

    @pytest.mark.parametrize("kind", ["end", "stream"])
    def test_giving_up_an_end_alone_needs_attention(self, card, kind):
        services.stream_activity("order-42", progress(50))
        services.end_activity(card)
        self.give_up(Operation.objects.filter(kind=kind).latest("pk"))
        card.refresh_from_db()
        assert (card.needs_attention, card.status) == (kind == "end", "live")

    def test_giving_up_makes_what_waited_for_it_due(self, card):
        end = services.end_activity(card)
        waiting = services.stream_activity("order-42", progress(1)).operations.latest("pk")
        later = services.end_activity(stream_key="order-42", after=HOUR)
        Operation.objects.filter(pk=waiting.pk).update(next_try_at=2**60, failures=3)
        before = now()
        self.give_up(end)
        waiting.refresh_from_db()
        later.refresh_from_db()
        assert before <= waiting.next_try_at <= now()
        assert (waiting.failures, waiting.state) == (3, "pending")
        assert later.next_try_at == later.due_at

    @pytest.mark.parametrize(("leased", "raised"), [(False, 1), (True, 0)])
    def test_giving_up_lets_a_worker_read_the_lane_again_unless_it_has_called(
        self, card, leased, raised
    ):
        Lane.objects.update(fence=5, lease_until=now() + MINUTE if leased else 0)
        Lane.objects.create(account="default", digest="other", fence=5)
        self.give_up(services.end_activity(card))
        assert list(Lane.objects.order_by("pk").values_list("fence", flat=True)) == [5 + raised, 5]

    @pytest.mark.parametrize(("more", "status"), [(False, "failed"), (True, "pending")])
    def test_giving_up_all_that_would_be_shown_of_a_card_fails_it(self, vendor, more, status):
        card = services.stream_activity("never-shown", progress(1))
        first = Operation.objects.latest("pk")
        if more:
            services.stream_activity("never-shown", progress(2))
        self.give_up(first)
        card.refresh_from_db()
        assert card.status == status
        assert (card.ended_at is not None) is (status == "failed")

    def test_giving_up_new_content_of_a_card_that_lives_leaves_it_alive(self, card):
        self.give_up(services.stream_activity("order-42", progress(50)).operations.latest("pk"))
        card.refresh_from_db()
        assert (card.status, card.ended_at) == ("live", None)

    def test_are_applied_by_the_faster_of_two_drains(self, card):
        """Both have read that the decision waits."""
        end = services.end_activity(card)
        services.give_up_operation(end, actor="ann", reason="A typing error.")

        def be_faster(execute, sql, *arguments):
            if sql.startswith("UPDATE") and not faster:
                faster.append(True)
                OperatorAction.objects.update(applied_at=1)
            return execute(sql, *arguments)

        faster: list[bool] = []
        with connection.execute_wrapper(be_faster):
            self.apply()
        end.refresh_from_db()
        assert (end.state, OperatorAction.objects.get().applied_at) == ("pending", 1)

    def test_of_an_account_are_applied_once_and_by_its_own_drain(self, card):
        services.probe_account(actor="ann")
        OperatorAction.objects.create(account="other", kind="probe", actor="bob", created_at=1)
        self.apply()
        applied = OperatorAction.objects.order_by("pk").values_list("applied_at", flat=True)
        assert [at is not None for at in applied] == [True, False]
        AccountState.objects.update(frozen_until=F("frozen_until") + 9)
        self.apply()
        assert AccountState.objects.get().frozen_until == 9
