"""A small shop, whose orders and parcels are on their way."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    status = models.CharField(max_length=20, default="new")
    progress = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=100, blank=True)

    def __str__(self) -> str:
        return f"Order {self.pk}"
