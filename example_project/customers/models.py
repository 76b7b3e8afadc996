"""Customers, each with an API key that is encrypted in the database."""

from __future__ import annotations

from typing import Any

from django.core.validators import RegexValidator
from django.db import models, transaction
from encrypted_fields.fields import EncryptedCharField

LOWER_CASE = RegexValidator(r"^[^A-Z]*\Z", "Write it in lower case: it is an account's alias.")


class Customer(models.Model):
    slug = models.SlugField(max_length=60, unique=True, validators=[LOWER_CASE])
    api_key = EncryptedCharField(max_length=200)
    leaving = models.BooleanField(default=False, editable=False)

    def __str__(self) -> str:
        return self.slug

    def save(self, *args: Any, **kwargs: Any) -> None:
        with transaction.atomic():
            super().save(*args, **kwargs)
            Change.count()

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        with transaction.atomic():
            Change.count()
            return super().delete(*args, **kwargs)


class Change(models.Model):
    """The one row that counts the changes of customers, in the transaction of each."""

    number = models.PositiveBigIntegerField(default=0)

    def __str__(self) -> str:
        return str(self.number)

    @classmethod
    def count(cls) -> None:
        cls.objects.get_or_create(pk=1)
        cls.objects.filter(pk=1).update(number=models.F("number") + 1)


class Job(models.Model):
    """What a customer follows on a phone."""

    customer = models.ForeignKey(Customer, models.CASCADE)
    name = models.CharField(max_length=60)
    progress = models.PositiveSmallIntegerField(default=0)
    running = models.BooleanField(default=True)

    def __str__(self) -> str:
        return self.name
