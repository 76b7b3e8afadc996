"""The truth: what the host committed, written in the same transaction as the card."""

from __future__ import annotations

from django.db import models


class Fact(models.Model):
    """One change that the host asked for; it is there exactly if its transaction committed."""

    serial = models.BigIntegerField(unique=True)
    key = models.CharField(max_length=255, db_column="card")  # MariaDB reserves "key"
    kind = models.CharField(max_length=8)
    operation = models.BigIntegerField(null=True)

    class Meta:
        app_label = "host"

    def __str__(self) -> str:
        return f"{self.kind} {self.key} #{self.serial}"
