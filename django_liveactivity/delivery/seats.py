"""At most a few drains per account at once: a wake-up that finds no seat goes home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F

from django_liveactivity.conf import Account
from django_liveactivity.models import Now, Seat

from .step import step

SEATS = 4


@contextmanager
def seat(account: Account) -> Iterator[int | None]:
    """Take a seat for the time of the block, which gets its number, or None if all are taken."""
    seats = Seat.objects.using(account.database).filter(account=account.alias)
    free = seats.filter(lease_until__lte=Now()).order_by("number")
    taken = next((s for s in list(free) if _take(account.database, s, account)), None)
    try:
        yield None if taken is None else taken.number
    finally:
        if taken is not None:
            _leave(account.database, taken)


@step
def _take(using: str, free: Seat, account: Account) -> bool:
    rows = Seat.objects.using(using).filter(pk=free.pk, fence=free.fence)
    until = Now() + account.timing.seat
    return bool(rows.update(lease_until=until, fence=F("fence") + 1))


@step
def _leave(using: str, taken: Seat) -> None:
    rows = Seat.objects.using(using).filter(pk=taken.pk, fence=taken.fence + 1)
    rows.update(lease_until=0)


def furnish(account: Account) -> None:
    """Give the account its seats, once."""
    seats = Seat.objects.using(account.database)
    if not seats.filter(account=account.alias).exists():
        rows = [Seat(account=account.alias, number=n) for n in range(SEATS)]
        seats.bulk_create(rows, ignore_conflicts=True)
