"""Words for the tests of tracking: how orders live, for the time of a test."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db.models import Model

from django_liveactivity import ModelActivity, Progress, register
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.models import LiveActivity, Operation, Subject
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.services.streams import check, insert_card
from django_liveactivity.services.writer import Writer
from django_liveactivity.tracking import SyncResult, reconcile, unregister
from tests.shop.models import Delivery, Order


class OrderActivity(ModelActivity[Order]):
    """An order has a card while it is cooked and carried."""

    def is_live(self, order: Order) -> bool:
        return order.status in {"cooking", "on_the_way"}

    def content(self, order: Order) -> Progress:
        return Progress(title=f"Order {order.pk}", percentage=order.progress)


class DeliveryActivity(ModelActivity[Delivery]):
    """A delivery has a card until it is done."""

    def is_live(self, delivery: Delivery) -> bool:
        return not delivery.is_done

    def content(self, delivery: Delivery) -> Progress:
        return Progress(title=f"Delivery {delivery.pk}", percentage=50)


@contextmanager
def followed(model: type[Model], *classes: type[ModelActivity[Any]]) -> Iterator[None]:
    """Register the classes for the time of the block."""
    for activity_class in classes:
        register(model)(activity_class)
    try:
        yield
    finally:
        for activity_class in classes:
            unregister(model, activity_class)


def reconciled(*models: type[Model], dry_run: bool = False) -> SyncResult:
    """Compare the cards with their objects, and return the counts."""
    synced = SyncResult()
    for batch in reconcile(models, dry_run=dry_run):
        synced.add(batch)
    return synced


def show_twin(order: Order) -> LiveActivity:
    """Show a second card of a followed order, as a host does that saw nothing of the first."""
    writer = Writer.for_account("default")
    shown = check(Endpoint.STREAM, Progress(title="Order", percentage=40), {})
    return insert_card(
        writer, "twin", shown, None, subject=Subject.of(order), tracked_by="shop.OrderActivity"
    )


def kinds() -> list[str]:
    """Every operation's kind, in order."""
    return list(Operation.objects.order_by("pk").values_list("kind", flat=True))


def reads_of(table: str, queries: Any) -> list[str]:
    """The SELECTs of a table's own columns among captured queries."""
    begins = f"SELECT {table}."
    return [q["sql"] for q in queries if re.sub(r"[`\"]", "", q["sql"]).startswith(begins)]


def sent(vendor: Sandbox) -> list[str]:
    """Every call that reached the vendor since the last look, as ``METHOD percentage``."""
    looked_at = getattr(vendor, "looked_at", 0)
    calls = vendor.calls()
    vendor.looked_at = len(calls)
    return [_told(call) for call in calls[looked_at:]]


def _told(call: dict[str, Any]) -> str:
    content = (call["body"] or {}).get("content_state") or {}
    return f"{call['method']} {content.get('percentage', '')}".strip()
