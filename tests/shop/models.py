"""A small shop, whose orders and parcels are on their way."""

from __future__ import annotations

import uuid
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.db import models


class Customer(AbstractBaseUser):
    """A user model of the shop's own: the address logs in, and the key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"

    objects = BaseUserManager()


class Order(models.Model):
    status = models.CharField(max_length=20, default="new")
    progress = models.PositiveIntegerField(default=0)
    note = models.CharField(max_length=100, blank=True)
    customer = models.ForeignKey(Customer, models.CASCADE, null=True)

    def __str__(self) -> str:
        return f"Order {self.pk}"


class Deployment(models.Model):
    """What the documents show cards of."""

    version = models.CharField(max_length=20)
    status = models.CharField(max_length=20, default="running")
    progress = models.PositiveIntegerField(default=0)
    owner = models.ForeignKey(Customer, models.CASCADE, null=True)

    def __str__(self) -> str:
        return f"checkout {self.version}"


class ExpressOrder(Order):
    """A child with a table of its own, and its parent's key."""

    courier = models.CharField(max_length=50)


class UrgentOrder(Order):
    """A proxy: the same rows under another class."""

    class Meta:
        proxy = True

    @property
    def title(self) -> str:
        return f"Urgent {self.pk}"


class Parcel(models.Model):
    """Its key is a UUID."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    is_moving = models.BooleanField(default=True)

    def __str__(self) -> str:
        return f"Parcel {self.pk}"


class ColdParcel(Parcel):
    """A child with a table of its own, and its parent's UUID."""

    degrees = models.IntegerField(default=4)


class CountingManager(models.Manager[Any]):
    """Groups the rows, because it counts."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().annotate(couriers=models.Count("courier"))


class Delivery(models.Model):
    """Its key is its parcel's, and it is listed by its courier, if it has one."""

    parcel = models.OneToOneField(Parcel, models.CASCADE, primary_key=True)
    courier = models.ForeignKey(Customer, models.CASCADE, null=True)
    is_done = models.BooleanField(default=False)

    objects = CountingManager()

    class Meta:
        ordering = ("courier__email",)
        base_manager_name = "objects"

    def __str__(self) -> str:
        return f"Delivery of {self.parcel_id}"


class Machine(models.Model):
    """Its key is a text that a person chose."""

    hostname = models.CharField(max_length=300, primary_key=True)
    load = models.PositiveIntegerField(default=0)

    def __str__(self) -> str:
        return self.hostname


class ShownManager(models.Manager[Any]):
    """Leaves out what is marked as deleted, as packages for soft deletes do."""

    def get_queryset(self) -> models.QuerySet[Any]:
        return super().get_queryset().filter(is_deleted=False)


class Booking(models.Model):
    """Its delete() only marks it."""

    is_open = models.BooleanField(default=True)
    is_deleted = models.BooleanField(default=False)

    objects = ShownManager()
    all_objects = models.Manager()

    def __str__(self) -> str:
        return f"Booking {self.pk}"

    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        self.is_deleted = True
        self.save(update_fields=["is_deleted"])
        return 1, {}


class Line(models.Model):
    """Its key is made of two fields."""

    pk = models.CompositePrimaryKey("order", "number")
    order = models.ForeignKey(Order, models.CASCADE)
    number = models.PositiveIntegerField()

    def __str__(self) -> str:
        return f"{self.order} #{self.number}"


class SealedOrder(Order):
    """A proxy whose key cannot be assigned as ``pk``."""

    class Meta:
        proxy = True

    @property
    def pk(self) -> Any:
        return self.id


class Receipt(models.Model):
    """An object that reads its order as soon as it is made."""

    order = models.ForeignKey(Order, models.CASCADE)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.old_status = self.order.status

    def __str__(self) -> str:
        return f"Receipt {self.pk}"


class Shift(models.Model):
    """Its key is a duration."""

    length = models.DurationField(primary_key=True)

    def __str__(self) -> str:
        return f"Shift of {self.length}"
