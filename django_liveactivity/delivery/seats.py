"""At most a few drains per account at once: a wake-up that finds no seat goes home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F

from ..conf import Account
from ..models import Now, Seat
from .step import step

SEATS = 4


@contextmanager
def seat(account: Account) -> Iterator[bool]:
    """Take a seat for the time of the block; the block learns whether it got one."""
    taken = _take(account.database, account)
    try:
        yield taken is not None
    finally:
        if taken is not None:
            _leave(account.database, taken)


@step
def _take(using: str, account: Account) -> Seat | None:
    seats = Seat.objects.using(using).filter(account=account.alias)
    until = Now() + account.timing.seat
    for candidate in seats.filter(lease_until__lte=Now()).order_by("number"):
        rows = seats.filter(pk=candidate.pk, fence=candidate.fence)
        if rows.update(lease_until=until, fence=F("fence") + 1):
            candidate.fence += 1
            return candidate
    return None


@step
def _leave(using: str, taken: Seat) -> None:
    rows = Seat.objects.using(using).filter(pk=taken.pk, fence=taken.fence)
    rows.update(lease_until=0)


def furnish(account: Account) -> None:
    """Give the account its seats, once."""
    seats = Seat.objects.using(account.database)
    if not seats.filter(account=account.alias).exists():
        rows = [Seat(account=account.alias, number=n) for n in range(SEATS)]
        seats.bulk_create(rows, ignore_conflicts=True)
