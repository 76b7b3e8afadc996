"""Operator actions: retry, give up, probe now; refused too late, and never lost."""

from __future__ import annotations

from datetime import timedelta

import pytest

from django_liveactivity import conf, services
from django_liveactivity.delivery import drain, operator_actions
from django_liveactivity.delivery.lanes.claim import OvertakenError
from django_liveactivity.delivery.operator_actions import apply_operator_actions
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import AccountState, Operation, OperatorAction

from .test_claims import claim_snapshot, look_at
from .vocabulary import alive, deliver, progress, states


@pytest.fixture
def card(vendor):
    return services.stream_activity("order-42", progress(40))


@pytest.fixture
def stuck(vendor, card):
    """An end that the vendor refuses for good, of a card that is shown."""
    deliver()
    vendor.faults = "DELETE:403@1"
    end = services.end_activity(card)
    deliver()
    return end


class TestThousands:
    """A drain is short, however much an operator has decided."""

    def test_a_drain_leaves_the_rest_to_the_next_when_its_time_is_up(
        self, vendor, card, monkeypatch
    ):
        monkeypatch.setattr(operator_actions, "AT_ONCE", 2)
        operation = Operation.objects.get()
        for _ in range(5):
            services.retry_operation(operation, actor="ann")
        left = []
        while True:
            done = drain(seconds=0)
            left.append(OperatorAction.objects.filter(applied_at=None).count())
            if not left[-1]:
                break
            assert (done.more, done.again_in, done.wake_in) == (True, 0.0, 0.0)
        assert left == [3, 1, 0]
        assert not done.more

    def test_a_drain_with_time_left_applies_all(self, vendor, card, monkeypatch):
        monkeypatch.setattr(operator_actions, "AT_ONCE", 2)
        operation = Operation.objects.get()
        for _ in range(5):
            services.retry_operation(operation, actor="ann")
        assert apply_operator_actions(conf.account()) is False
        assert not OperatorAction.objects.filter(applied_at=None).exists()


class TestOperatorActions:
    def test_retry_tries_an_operation_at_once(self, vendor, card):
        deliver()
        vendor.faults = "DELETE:403@1"
        end = services.end_activity(card)
        deliver()
        assert states(card)[-1] == "end needs_operator forbidden"
        services.retry_operation(end, actor="ann")
        deliver()
        assert states(card)[-1] == "end done delivered"

    def test_give_up_lets_an_end_go(self, vendor, card):
        deliver()
        vendor.faults = "DELETE:500@1+"
        end = services.end_activity(card)
        deliver()
        services.give_up_operation(end, actor="ann", reason="The phone was lost.")
        deliver()
        assert states(card)[-1] == "end given_up ambiguous"
        card.refresh_from_db()
        assert card.needs_attention
        assert deliver().calls == 0

    def test_probe_opens_a_blocked_account_now(self, vendor, card):
        vendor.policy.api_keys = ["another"]
        deliver()
        assert AccountState.objects.get().blocked_since
        vendor.policy.api_keys = None
        services.probe_account(actor="ann")
        deliver()
        assert alive(vendor) == {"order-42": 40}

    @pytest.mark.parametrize(
        ("account", "operation"),
        [
            ({"blocked_since": 1, "probe_at": 2**60}, {}),
            ({"limit_since": 1, "limit_probe_at": 2**60}, {"rank": Operation.Rank.WAITING_START}),
        ],
    )
    def test_probe_makes_a_call_though_all_waits_for_later(self, vendor, card, account, operation):
        """After a long outage each try waits for up to 15 minutes, and a start for 5."""
        drain()
        AccountState.objects.update(**account)
        services.stream_activity("order-43", progress(1))
        newest = Operation.objects.filter(activity__stream_key="order-43")
        newest.update(next_try_at=2**60, **operation)
        services.probe_account(actor="ann")
        assert drain().calls == 1
        assert newest.get().state == "done"

    def test_a_probe_prefers_an_end(self, vendor, card):
        drain()
        services.end_activity(card)
        services.stream_activity("order-43", progress(1))
        Operation.objects.filter(kind="end").update(next_try_at=2**60)
        Operation.objects.filter(kind="stream", state="pending").update(next_try_at=2**59)
        services.probe_account(actor="ann")
        drain()
        assert alive(vendor) == {}

    def test_a_probe_passes_over_an_end_that_is_for_later(self, vendor, card):
        drain()
        services.end_activity(card, after=timedelta(minutes=10))
        services.stream_activity("order-43", progress(1))
        Operation.objects.filter(kind="stream", state="pending").update(next_try_at=2**60)
        services.probe_account(actor="ann")
        assert drain().calls == 1

    def test_need_an_actor_and_a_reason_to_give_up(self, vendor, card):
        operation = Operation.objects.get()
        with pytest.raises(InvalidInputError, match="^reason: "):
            services.give_up_operation(operation, actor="ann", reason="")
        with pytest.raises(InvalidInputError, match="^actor: "):
            services.retry_operation(operation, actor="")


class TestSeen:
    """An operator has looked at a card that needs attention."""

    @pytest.fixture
    def partial(self, vendor, card):
        """A card whose end reached a part of the devices."""
        deliver()
        vendor.faults = "DELETE:partial@1"
        services.end_activity(card)
        deliver()
        card.refresh_from_db()
        assert card.needs_attention
        return card

    def test_the_next_drain_lets_it_need_none(self, partial):
        services.acknowledge_activity(partial, actor="ann", reason="The phone was off.")
        deliver()
        partial.refresh_from_db()
        assert not partial.needs_attention
        assert not Operation.objects.filter(needs_attention=True).exists()
        assert states(partial)[-1] == "end done partial"

    def test_a_later_problem_needs_attention_still(self, partial):
        services.acknowledge_activity(partial, actor="ann")
        later = Operation.objects.filter(activity=partial).order_by("-pk")[:1]
        Operation.objects.filter(pk__in=[each.pk for each in later]).update(
            finished_at=OperatorAction.objects.get().created_at + 1
        )
        deliver()
        partial.refresh_from_db()
        assert partial.needs_attention

    def test_an_end_that_was_given_up_is_seen_too(self, vendor, card):
        deliver()
        vendor.faults = "DELETE:500@1+"
        end = services.end_activity(card)
        deliver()
        services.give_up_operation(end, actor="ann", reason="The phone was lost.")
        deliver()
        card.refresh_from_db()
        services.acknowledge_activity(card, actor="ann")
        deliver()
        card.refresh_from_db()
        assert not card.needs_attention

    def test_a_card_that_needs_none_is_refused(self, vendor, card):
        with pytest.raises(InvalidInputError, match="^activity: This live activity needs no"):
            services.acknowledge_activity(card, actor="ann")
        with pytest.raises(InvalidInputError, match="^activity: Give a saved"):
            services.acknowledge_activity("order-42", actor="ann")
        assert not OperatorAction.objects.exists()

    def test_an_actor_is_needed(self, partial):
        with pytest.raises(InvalidInputError, match="^actor: "):
            services.acknowledge_activity(partial, actor="")


class TestRefusals:
    """Nothing is written for what can no longer be decided on."""

    @pytest.mark.parametrize("decide", [services.retry_operation, services.give_up_operation])
    def test_a_finished_operation_is_refused(self, vendor, card, decide):
        operation = Operation.objects.get()  # pending, as the operator still sees it
        deliver()
        with pytest.raises(InvalidInputError, match=r"^operation: It is finished \(done\): only"):
            decide(operation, actor="ann", reason="New key")
        assert not OperatorAction.objects.exists()

    def test_a_pruned_operation_is_refused(self, vendor, card):
        operation = Operation.objects.get()
        Operation.objects.all()._raw_delete("default")
        with pytest.raises(InvalidInputError, match="^operation: Operation .* no longer exists"):
            services.retry_operation(operation, actor="ann")

    @pytest.mark.parametrize(
        ("field", "given"), [("reason", " "), ("reason", None), ("reason", "a\0b"), ("actor", None)]
    )
    def test_what_the_history_cannot_tell_is_refused(self, card, field, given):
        told = {"actor": "ann", "reason": "The phone was lost."} | {field: given}
        with pytest.raises(InvalidInputError, match=f"^{field}: "):
            services.give_up_operation(Operation.objects.get(), **told)
        assert not OperatorAction.objects.exists()

    def test_an_unknown_account_is_refused(self, vendor):
        with pytest.raises(InvalidInputError, match="^account: "):
            services.probe_account("other", actor="ann")


class TestRaces:
    def test_an_action_that_comes_too_late_changes_nothing(self, vendor, card):
        operation = Operation.objects.get()
        services.give_up_operation(operation, actor="ann", reason="Changed my mind.")
        Operation.objects.update(state="done", next_try_at=None)
        deliver()
        assert states(card) == ["stream done"]
        assert OperatorAction.objects.get().applied_at

    def test_a_worker_that_saw_the_lane_before_does_not_send_what_was_given_up(self, vendor, card):
        seen = look_at()
        services.give_up_operation(Operation.objects.get(), actor="ann", reason="A typing error.")
        apply_operator_actions(conf.account())
        with pytest.raises(OvertakenError):
            claim_snapshot(seen)


class TestGivingUp:
    def test_content_that_is_given_up_is_never_sent_and_no_cause_for_alarm(self, vendor, card):
        services.give_up_operation(Operation.objects.get(), actor="ann", reason="A typing error.")
        deliver()
        assert states(card) == ["stream given_up"]
        assert vendor.calls() == []
        card.refresh_from_db()
        assert not card.needs_attention

    def test_newer_content_is_shown_after_older_content_was_given_up(self, vendor, card):
        services.give_up_operation(Operation.objects.get(), actor="ann", reason="A typing error.")
        services.stream_activity("order-42", progress(50))
        deliver()
        assert alive(vendor) == {"order-42": 50}

    def test_what_waited_for_the_end_goes_on_at_once(self, vendor, card, stuck):
        services.stream_activity("order-42", progress(1))
        deliver()
        assert alive(vendor) == {"order-42": 40}
        services.give_up_operation(stuck, actor="ann", reason="Show it on.")
        deliver()
        assert alive(vendor) == {"order-42": 1}

    def test_a_card_whose_end_was_given_up_can_be_ended_again(self, vendor, card, stuck):
        services.give_up_operation(stuck, actor="ann", reason="Later.")
        deliver()
        services.end_activity(card)
        deliver()
        assert alive(vendor) == {}
