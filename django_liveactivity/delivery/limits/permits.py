"""At most a few drains per account at once: a wake-up without a permit costs next to nothing."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.db.models import F, Min

from django_liveactivity.conf import Account
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import AccountState, DrainPermit, Now, compiled, rows_of

PERMITS = 4
RENEW_AFTER = 0.5
"""Seconds: a drain whose calls are quick does not renew its permit for each of them."""


@dataclass
class Permit:
    """The right of one worker to drain an account, leased until its next call must have ended."""

    account: Account
    pk: int
    number: int
    fence: int
    renewed: float

    def renew(self) -> bool:
        """Lease the permit anew before a call; False if it ran out and another worker has it."""
        if time.monotonic() - self.renewed < RENEW_AFTER:
            return True
        self.renewed = time.monotonic()
        return _lease(self.account, self, self.account.timing.permit)


@contextmanager
def permit(account: Account, allowed: int = PERMITS) -> Iterator[Permit | None]:
    """Hold a drain permit for the time of the block, which gets None if all are taken.

    Args:
        account: the account.
        allowed: how many drains the account may have at once.
    """
    free = rows_of(account, DrainPermit).filter(number__lt=allowed, lease_until__lte=Now())
    taken = next(filter(None, (_take(account, row) for row in list(free.order_by("number")))), None)
    try:
        yield taken
    finally:
        if taken is not None:
            _lease(account, taken, None)  # which gives it back, unless it ran out


def allowed_drains(state: AccountState) -> int:
    """Return how many drains an account may have at once.

    One whose last call had no answer has one: a silent vendor holds one process.
    """
    return 1 if state.is_unresponsive else PERMITS


def first_free_at(account: Account, allowed: int) -> int:
    """Return when the first permit of an account will be free, in milliseconds."""
    rows = rows_of(account, DrainPermit).filter(number__lt=allowed)
    return rows.aggregate(at=Min("lease_until"))["at"] or 0


def ensure_rows(account: Account) -> None:
    """Give the account its permits."""
    rows = [DrainPermit(account=account.alias, number=n) for n in range(PERMITS)]
    DrainPermit.objects.using(account.database).bulk_create(rows, ignore_conflicts=True)


@durable_transaction
def _take(account: Account, free: DrainPermit) -> Permit | None:
    seen = {"pk": free.pk, "fence": free.fence}
    leased = {"lease_until": Now() + account.timing.permit, "fence": F("fence") + 1}
    if not compiled.update(DrainPermit, account.database, seen, leased):
        return None
    return Permit(account, free.pk, free.number, free.fence + 1, time.monotonic())


@durable_transaction
def _lease(account: Account, held: Permit, duration: int | None) -> bool:
    own = {"pk": held.pk, "fence": held.fence}
    until = {"lease_until": 0 if duration is None else Now() + duration}
    return bool(compiled.update(DrainPermit, account.database, own, until))
