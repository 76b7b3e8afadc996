"""The card of an order shows how far it is on its way from the kitchen."""

from __future__ import annotations

from datetime import timedelta

from django_liveactivity import Icon, ModelActivity, Progress, register

from .models import Order


@register(Order)
class OrderActivity(ModelActivity[Order]):
    dismiss_after = timedelta(minutes=5)

    def is_live(self, order: Order) -> bool:
        return order.is_moving

    def content(self, order: Order) -> Progress:
        return Progress(
            title=str(order),
            subtitle=order.get_status_display(),
            percentage=order.percentage,
            icon=Icon(symbol="bicycle"),
        )

    def final_content(self, order: Order) -> Progress:
        return self.content(order)
