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


class Customer(models.Model):
    """A customer with a key of its own; a real host encrypts it."""

    alias = models.CharField(max_length=64, unique=True)
    api_key = models.CharField(max_length=255)
    closing = models.BooleanField(default=False)

    class Meta:
        app_label = "host"

    def __str__(self) -> str:
        return self.alias


class Change(models.Model):
    """The one row that counts the changes of customers."""

    number = models.BigIntegerField(default=0)

    class Meta:
        app_label = "host"

    def __str__(self) -> str:
        return str(self.number)
