"""Orders on their way from the kitchen to the door."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    class Status(models.TextChoices):
        RECEIVED = "received"
        COOKING = "cooking"
        ON_THE_WAY = "on_the_way", "On the way"
        DELIVERED = "delivered"

    dish = models.CharField(max_length=60)
    customer = models.CharField(max_length=60)
    status = models.CharField(max_length=12, choices=Status.choices, default=Status.RECEIVED)
    placed_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.dish} for {self.customer}"

    @property
    def is_moving(self) -> bool:
        return self.status in (self.Status.COOKING, self.Status.ON_THE_WAY)

    @property
    def percentage(self) -> int:
        """The share of the way that is done, in percent."""
        statuses = list(self.Status)
        return 100 * statuses.index(self.Status(self.status)) // (len(statuses) - 1)

    def advance(self) -> None:
        """Move on to the next status; a delivered order stays as it is."""
        statuses = list(self.Status)
        following = statuses.index(self.Status(self.status)) + 1
        self.status = statuses[min(following, len(statuses) - 1)]
        self.save()
