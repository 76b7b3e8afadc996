"""What may be decided on, by whom, and what is written of it, by value."""

from __future__ import annotations

import datetime as dt

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    KnownActivityId,
    LiveActivity,
    Operation,
    OperatorAction,
    lane_digest,
)
from django_liveactivity.testing import deliver
from tests.clock import advance

CONTENT = Progress(title="Order 42", percentage=40)
SECOND, HOUR = dt.timedelta(seconds=1), dt.timedelta(hours=1)
WHY = {"actor": "ann", "reason": "A typing error."}
DECISIONS = {"retry": services.retry_operation, "give_up": services.give_up_operation}
pytestmark = pytest.mark.usefixtures("db", "liveactivity_outbox")


@pytest.fixture
def end():
    return services.end_activity(services.stream_activity("order-42", CONTENT))


@pytest.mark.parametrize("kind", DECISIONS)
def test_a_decision_is_a_row_that_waits_for_the_next_drain(end, kind):
    action = DECISIONS[kind](end, **WHY)
    action.refresh_from_db()
    assert (action.kind, action.operation, action.account) == (kind, end, "default")
    assert (action.actor, action.reason, action.applied_at) == ("ann", "A typing error.", None)
    end.refresh_from_db()
    assert end.state == "pending"


def test_a_probe_is_of_an_account(end):
    action = services.probe_account(actor="ann")
    assert (action.kind, action.operation, action.account) == ("probe", None, "default")


@pytest.mark.parametrize("kind", DECISIONS)
@pytest.mark.parametrize("state", Operation.State)
def test_what_is_unfinished_can_be_decided_on(end, kind, state):
    Operation.objects.filter(pk=end.pk).update(state=state)
    if state in ("pending", "needs_operator"):
        assert DECISIONS[kind](end, **WHY).pk
    else:
        with pytest.raises(InvalidInputError, match="^operation: It is finished"):
            DECISIONS[kind](end, **WHY)
        assert not OperatorAction.objects.exists()


def test_what_is_scheduled_can_be_given_up_but_not_tried_before_its_time(end):
    later = services.end_activity(stream_key="other", after=HOUR)
    with pytest.raises(InvalidInputError, match="^operation: This end is scheduled for"):
        services.retry_operation(later, **WHY)
    assert services.give_up_operation(later, **WHY).pk
    advance(3601)
    assert services.retry_operation(later, **WHY).pk


@pytest.mark.parametrize("actor", ["", None])
@pytest.mark.parametrize("decide", [*DECISIONS.values(), None])
def test_a_decision_has_an_actor(end, decide, actor):
    with pytest.raises(InvalidInputError, match="^actor: "):
        if decide is None:
            services.probe_account(actor=actor, reason="New key")
        else:
            decide(end, actor=actor, reason="New key")
    assert not OperatorAction.objects.exists()


@pytest.mark.parametrize("reason", ["", " ", "\n\t"])
def test_giving_up_has_a_reason(end, reason):
    with pytest.raises(InvalidInputError, match="^reason: "):
        services.give_up_operation(end, actor="ann", reason=reason)
    assert services.retry_operation(end, actor="ann", reason=reason).reason == reason


class TestCards:
    """Which row content goes to, and where it is shown."""

    def test_an_ended_stream_that_is_tracked_by_its_id_is_a_stream_again(self):
        first = services.stream_activity("order-42", CONTENT)
        deliver()
        LiveActivity.objects.filter(pk=first.pk).update(activity_id="pLAr")
        services.end_activity(first)
        deliver()
        identity = LiveActivity.objects.get(pk=first.pk).activity_id
        KnownActivityId.objects.get_or_create(
            activity=first, account="default", id_digest=lane_digest(activity_id=identity)
        )
        again = services.track_activity(identity, CONTENT)
        assert again != first
        assert (again.stream_key, again.activity_id) == ("order-42", "")
        assert again.lane_digest == first.lane_digest

    def test_the_newest_card_of_an_id_is_ended(self):
        first = services.track_activity("pLAr", CONTENT)
        services.end_activity(first)
        second = services.track_activity("pLAr", CONTENT)
        assert second != first
        assert services.end_activity(activity_id="pLAr").activity == second

    @pytest.mark.parametrize(
        ("account", "call", "channels"),
        [
            (None, {}, None),
            (["ops"], {}, ["ops"]),
            (["ops"], {"channels": ["kitchen"]}, ["kitchen"]),
            (None, {"channels": ["kitchen"]}, ["kitchen"]),
        ],
    )
    def test_channels_are_of_the_call_or_of_the_account(self, settings, account, call, channels):
        backend = "django_liveactivity.backends.locmem.LocmemBackend"
        options = {} if account is None else {"channels": account}
        settings.LIVEACTIVITY = {"default": {"BACKEND": backend, "OPTIONS": options}}
        for shown in (call, {}):
            card = services.stream_activity("order-42", CONTENT, **shown)
            sent = Operation.objects.latest("pk").options
            assert (card.channels, sent.get("channels")) == (channels, channels)
