"""At most a few drains per account at once: a wake-up that finds no seat goes home."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db.models import F

from django_liveactivity.conf import Account
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import DrainPermit, Now

PERMITS = 4


@contextmanager
def permit(account: Account) -> Iterator[int | None]:
    """Take a seat for the time of the block, which gets its number, or None if all are taken."""
    permits = DrainPermit.objects.using(account.database).filter(account=account.alias)
    free = permits.filter(lease_until__lte=Now()).order_by("number")
    taken = next((s for s in list(free) if _take(account.database, s, account)), None)
    try:
        yield None if taken is None else taken.number
    finally:
        if taken is not None:
            _leave(account.database, taken)


@durable_transaction
def _take(using: str, free: DrainPermit, account: Account) -> bool:
    rows = DrainPermit.objects.using(using).filter(pk=free.pk, fence=free.fence)
    until = Now() + account.timing.permit
    return bool(rows.update(lease_until=until, fence=F("fence") + 1))


@durable_transaction
def _leave(using: str, taken: DrainPermit) -> None:
    rows = DrainPermit.objects.using(using).filter(pk=taken.pk, fence=taken.fence + 1)
    rows.update(lease_until=0)


def ensure_rows(account: Account) -> None:
    """Give the account its seats, once."""
    permits = DrainPermit.objects.using(account.database)
    if not permits.filter(account=account.alias).exists():
        rows = [DrainPermit(account=account.alias, number=n) for n in range(PERMITS)]
        permits.bulk_create(rows, ignore_conflicts=True)
