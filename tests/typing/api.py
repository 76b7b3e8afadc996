"""The public API as a typed host uses it; mypy reads this file, nothing runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import assert_type

from django_liveactivity import Metric, Metrics, ModelActivity, Progress, Timer, register, services
from django_liveactivity.client import Answer, Client
from django_liveactivity.models import LiveActivity, Operation
from django_liveactivity.tracking import Synced
from tests.shop.models import Order


def show_and_end(order: Order) -> None:
    card = services.stream_activity(
        "order-42", Progress(title="Order 42", percentage=40), subject=order, tags=["shop"]
    )
    assert_type(card, LiveActivity)
    end = services.end_activity(
        card, Progress(title="Order 42", percentage=100), dismiss_after=timedelta(0)
    )
    assert_type(end, Operation)
    assert_type(services.end_activities(subject=order, exclude=card), list[Operation])
    assert_type(services.end_activities(subject=Order.objects.all()), list[Operation])
    assert_type(OrderActivity.sync(Order.objects.filter(status="cooking")), Synced)
    services.end_activity(stream_key="prod-web-1", after=timedelta(minutes=5))
    services.keep_activity(card)
    with services.live_activity("import-7", Timer(title="Import", counts_down=False)) as block:
        assert_type(block.activity, LiveActivity)
        block.stream(Metrics(title="Import", metrics=[Metric(label="Rows", value=7)]))


def call_the_vendor() -> None:
    with Client("ask_typed") as client:
        assert_type(client.stream("order-42", Progress(title="Order", percentage=1)), Answer)


@register(Order)
class OrderActivity(ModelActivity[Order]):
    dismiss_after = timedelta(minutes=15)

    def is_live(self, instance: Order) -> bool:
        return instance.status == "cooking"

    def content(self, instance: Order) -> Progress:
        return Progress(title=str(instance), percentage=instance.progress)
