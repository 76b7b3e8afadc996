"""The actions retry, give up and probe: confirmation, result, log."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.admin.models import LogEntry
from django.urls import reverse

from django_liveactivity import services
from django_liveactivity.delivery import drain
from django_liveactivity.models import (
    AccountState,
    Heartbeat,
    LiveActivity,
    Operation,
    OperatorAction,
)
from django_liveactivity.testing import deliver

from .conftest import CHANGELIST, cards_in, messages_of, page_of, show

pytestmark = pytest.mark.django_db
ACTIONS = ["retry_selected", "give_up_selected", "probe_accounts"]


def choose(client, action, *cards, **fields):
    selected = {"action": action, "_selected_action": [card.pk for card in cards]}
    return client.post(reverse(CHANGELIST), selected | fields, follow=True)


def confirm(client, action, *cards, reason="New key"):
    return choose(client, action, *cards, post="yes", reason=reason)


@pytest.fixture
def unpaid(db):
    """An account that sends ends, and probes before it sends content."""
    AccountState.objects.create(account="default", billing_since=1)


@pytest.mark.usefixtures("unpaid")
@pytest.mark.parametrize("action", ACTIONS)
class TestAsking:
    def test_who_may_only_view_decides_nothing(self, viewer, action):
        confirm(viewer, action, show())
        assert not OperatorAction.objects.exists()

    def test_who_may_only_end_decides_nothing(self, enter, action):
        client = enter("view", "end")
        assert action not in str(cards_in(client).context["action_form"])
        confirm(client, action, show())
        assert not OperatorAction.objects.exists()

    def test_the_cards_are_listed_and_nothing_is_decided_yet(self, operator, action):
        page = choose(operator, action, show()).content.decode()
        assert f'name="action" value="{action}"' in page
        assert "order-1" in page
        assert 'name="reason"' in page
        assert not OperatorAction.objects.exists()

    def test_the_decision_tells_who_and_why_and_is_logged(self, operator, action):
        answer = confirm(operator, action, show())
        action = OperatorAction.objects.get()
        assert (action.actor, action.reason) == ("ana", "New key")
        assert [level for level, _ in messages_of(answer)] == ["success"]
        entry = LogEntry.objects.get()
        assert entry.object_repr == "order-1"
        assert entry.get_change_message().endswith(" New key")

    def test_too_many_are_refused(self, operator, action, monkeypatch):
        monkeypatch.setattr("django_liveactivity.admin.confirmation.MAX_SELECTED", 1)
        answer = confirm(operator, action, show("order-1"), show("order-2"))
        assert messages_of(answer)[0][0] == "error"
        assert not OperatorAction.objects.exists()


class TestRetryAndGiveUp:
    def test_each_unfinished_operation_is_tried_again(self, operator):
        card = show()
        services.end_activity(card)
        answer = confirm(operator, "retry_selected", card)
        assert [action.operation.kind for action in OperatorAction.objects.order_by("pk")] == [
            "stream",
            "end",
        ]
        assert messages_of(answer) == [
            ("success", "Retrying the due operations of 1 live activity: order-1")
        ]

    def test_an_end_for_later_is_not_said_to_be_tried_again(self, operator):
        card = show()
        deliver()
        services.end_activity(card, after=timedelta(hours=5))
        answer = confirm(operator, "retry_selected", card)
        ((level, text),) = messages_of(answer)
        assert level == "info"
        assert text.startswith("The end of 1 live activity is scheduled for later")
        assert not OperatorAction.objects.exists()

    def test_in_a_blocked_account_a_retry_is_not_green(self, operator, vendor):
        card = show()
        vendor.policy.api_keys = ["another"]
        drain()
        (level, stored), (why, _) = messages_of(confirm(operator, "retry_selected", card))
        assert (level, why) == ("info", "warning")
        assert stored.startswith("The retry of 1 live activity is stored and waits")

    def test_a_card_with_nothing_unfinished_is_reported(self, operator):
        card = show()
        deliver()
        answer = confirm(operator, "retry_selected", card)
        assert messages_of(answer) == [
            ("info", "1 live activity has no unfinished operations: order-1")
        ]
        assert not LogEntry.objects.exists()

    def test_an_end_that_is_given_up_wants_attention(self, operator):
        card = show()
        deliver()
        services.end_activity(card)
        confirm(operator, "give_up_selected", card, reason="The phone was lost")
        deliver()
        assert Operation.objects.get(kind="end").state == "given_up"
        page = page_of(operator, card).content.decode()
        assert ": give up, by ana" in page
        assert "The phone was lost" in page
        assert "<strong>needed</strong>" in page

    def test_giving_up_takes_a_reason(self, operator):
        answer = confirm(operator, "give_up_selected", show(), reason="")
        assert "reason" in answer.context["form"].errors
        assert not OperatorAction.objects.exists()

    def test_the_history_says_that_an_act_waits_for_a_drain(self, operator):
        card = show()
        confirm(operator, "retry_selected", card)
        assert "(applied by the next drain)" in page_of(operator, card).content.decode()
        deliver()
        assert "(applied by the next drain)" not in page_of(operator, card).content.decode()

    def test_a_card_of_an_account_that_was_removed_is_reported(self, operator):
        card = show()
        LiveActivity.objects.update(account="gone")
        Operation.objects.update(account="gone")
        [(level, text)] = messages_of(confirm(operator, "retry_selected", card))
        assert level == "warning"
        assert "has no account 'gone'" in text


def test_a_probe_names_the_accounts_before_they_call(operator, settings):
    settings.LIVEACTIVITY = settings.LIVEACTIVITY | {"b": settings.LIVEACTIVITY["default"]}
    one, two, other = show("order-1"), show("order-2"), show("order-3", account="b")

    alone = choose(operator, "probe_accounts", one, two).content.decode()
    both = choose(operator, "probe_accounts", one, other).content.decode()

    assert "account of these live activities makes its next call at once: default<" in alone
    assert "accounts of these live activities make their next call at once: b, default<" in both


@pytest.mark.usefixtures("unpaid")
def test_each_account_is_probed_once(operator):
    answer = confirm(operator, "probe_accounts", show("order-1"), show("order-2"))
    assert OperatorAction.objects.filter(kind="probe").count() == 1
    assert messages_of(answer) == [("success", "The next drain probes: default")]


def test_an_open_account_is_not_probed(operator):
    answer = confirm(operator, "probe_accounts", show("order-1"))
    assert not OperatorAction.objects.exists()
    assert messages_of(answer) == [("info", "Open, so there is nothing to probe: default")]


@pytest.mark.usefixtures("unpaid")
@pytest.mark.parametrize("action", ["give_up_selected", "probe_accounts"])
def test_a_decision_that_no_drain_carries_out_says_so(operator, action):
    Heartbeat.objects.all().delete()
    [done, warned] = messages_of(confirm(operator, action, show()))
    assert done[0] == "success"
    assert warned[0] == "warning"
    assert warned[1].startswith("Account default: No worker has ever delivered here")
