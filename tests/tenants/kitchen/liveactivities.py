"""An order has a card while it is cooked."""

from __future__ import annotations

from django_liveactivity import ModelActivity, Progress, register

from .models import Order


@register(Order)
class OrderActivity(ModelActivity[Order]):
    def is_live(self, order: Order) -> bool:
        return order.status == "cooking"

    def content(self, order: Order) -> Progress:
        return Progress(title=order.title, percentage=50)
