"""The public API as a typed host uses it; mypy and pyright read this file, nothing runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from django.test import TestCase

from django_liveactivity import Metric, Metrics, ModelActivity, Progress, Timer, register, services
from django_liveactivity.client import Answer, Call, Client
from django_liveactivity.delivery import Drained, drain, sweep
from django_liveactivity.health import Condition, ProblemCode, check_health
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.services import Card
from django_liveactivity.testing import (
    LiveActivityTestMixin,
    assert_activity_ended,
    assert_activity_streamed,
    assert_no_activities,
    capture_activities,
    deliver,
    outbox,
)
from django_liveactivity.tracking import SyncResult
from tests.shop.models import Order

CONTENT = Progress(title="Order 42", percentage=40)


def show_and_end(order: Order) -> None:
    card = services.stream_activity("order-42", CONTENT, subject=order, tags={"shop"})
    assert_type(card, LiveActivity)
    end = services.end_activity(
        card, Progress(title="Order 42", percentage=100), dismiss_after=timedelta(0)
    )
    assert_type(end, Operation)
    assert_type(services.end_activities(subject=order, exclude=card), list[Operation])
    assert_type(services.end_activities(subject=Order.objects.all()), list[Operation])
    assert_type(OrderActivity.sync(Order.objects.filter(status="cooking")), SyncResult)
    services.end_activity(stream_key="prod-web-1", after=timedelta(minutes=5))
    services.keep_activity(card, reason="still cooking")
    with services.live_activity("import-7", Timer(title="Import", counts_down=False)) as block:
        assert_type(block, Card)
        assert_type(block.activity, LiveActivity)
        assert_type(block.stream(CONTENT, tags=["shop"], reason="nightly"), LiveActivity)
        assert_type(block.end(CONTENT, dismiss_after=timedelta(0), actor="ann"), Operation)
        block.stream(Metrics(title="Import", metrics=[Metric(label="Rows", value=7)]))


async def show_and_end_from_a_coroutine(order: Order) -> None:
    card = await services.astream_activity("order-42", CONTENT, subject=order, tags=["shop"])
    assert_type(card, LiveActivity)
    assert_type(await services.aend_activity(card, after=timedelta(minutes=5)), Operation)
    assert_type(await services.aend_activities(subject=order), list[Operation])
    async with services.live_activity("import-7", CONTENT) as block:
        assert_type(block, Card)
        assert_type(await block.astream(CONTENT), LiveActivity)
        assert_type(await block.aend(CONTENT), Operation)


async def get_it_wrong_from_a_coroutine() -> None:
    """Each line is an error; a type checker that does not see it reports the comment."""
    await services.astream_activity("order-42")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    await services.aend_activity(key="order-42")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def name_what_is_not_public() -> None:
    """Each line is an error; a type checker that does not see it reports the comment."""
    services.stream_activity("order-42", CONTENT, tracked_by="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    services.end_activity(stream_key="order-42", source="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    services.keep_activity(stream_key="order-42", using="x")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def get_options_wrong() -> None:
    """Each line is an error; a type checker that does not see it reports the comment."""
    services.end_activity(stream_key="a", dismiss_after=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    services.live_activity("a", CONTENT, colour="red")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    services.live_activity("a", CONTENT, time_to_live=60)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    with services.live_activity("a", CONTENT) as block:
        block.stream(CONTENT, tags=1)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        block.end(CONTENT, channels=3)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
        block.end(CONTENT, subject=None)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def call_the_vendor() -> None:
    with Client("ask_typed") as client:
        assert_type(client.stream("order-42", Progress(title="Order", percentage=1)), Answer)


def look_at_the_health() -> None:
    health = check_health()
    assert_type(health.problems[0].code, ProblemCode)
    assert_type(health.accounts[0].condition, Condition)


@register(Order)
class OrderActivity(ModelActivity[Order]):
    dismiss_after = timedelta(minutes=15)

    def is_live(self, instance: Order) -> bool:
        return instance.pk is not None

    def content(self, instance: Order) -> Progress:
        return Progress(title=str(instance), percentage=40)


class OrderTests(LiveActivityTestMixin, TestCase):
    def test_an_order(self) -> None:
        with self.captureActivities() as calls:
            assert_type(calls, list[Call])
        assert_type(self.assertActivityEnded("order-42", calls=calls, percentage=100), Call)


def look_at_what_was_sent() -> None:
    with capture_activities("default") as calls:
        assert_type(calls, list[Call])
    assert_type(assert_activity_streamed("order-42-*", percentage=40), Call)
    assert_type(assert_activity_ended("order-42-*", calls=calls), Call)
    assert_no_activities("order-43")
    assert_type(deliver(), list[Call])
    assert_type(outbox[0], Call)
    assert_type(outbox[1:], list[Call])


def deliver_from_a_queue(alias: str, alarm: int) -> None:
    done = drain(alias, on_backlog=lambda: None, alarm=alarm)
    assert_type(done, Drained)
    assert_type(done.wake_in, float | None)
    assert_type(done.alarm, int)
    assert_type(done.is_sweep_late, bool)
    assert_type(sweep(wake_later, database="default"), list[str])


def wake_later(alias: str, delay: float = 0.0) -> None:
    """What a host's dispatcher looks like."""
