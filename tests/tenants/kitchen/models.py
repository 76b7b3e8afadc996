"""What each tenant has: orders, numbered from 1 in each schema."""

from __future__ import annotations

from django.db import models


class Order(models.Model):
    title = models.CharField(max_length=100)
    status = models.CharField(max_length=20, default="cooking")

    def __str__(self) -> str:
        return self.title
