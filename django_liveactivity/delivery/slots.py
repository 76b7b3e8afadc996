"""The account's pace: as many slots as calls per window, each taken for one call."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import F, Max, Min

from django_liveactivity.conf import Account
from django_liveactivity.models import Now, Slot

SPACING_SHARE = 0.95
RETRY_SHARE = 4


@dataclass(frozen=True)
class Pace:
    """A rate limit of ``calls`` per ``window`` milliseconds; no calls means no limit."""

    calls: int
    window: int

    @classmethod
    def of(cls, rate_limit: tuple[int, float] | None) -> Pace:
        """Return the pace of a backend's ``rate_limit``: (calls, seconds), or None."""
        if rate_limit is None:
            return cls(0, 0)
        calls, seconds = rate_limit
        return cls(calls, round(seconds * 1000))

    @property
    def spacing(self) -> int:
        """Milliseconds between two calls for content: a little less than an even share."""
        return int(SPACING_SHARE * self.window / self.calls) if self.calls else 0

    @property
    def retry_slots(self) -> int:
        """How many slots the ends on their third try or later may use: a quarter."""
        return max(1, self.calls // RETRY_SHARE)


def furnish(account: Account, pace: Pace) -> None:
    """Give the account its slots; those that a raised limit adds are free in a window's time.

    A lowered limit leaves slots unused: the other version of a deploy may still count on them.
    """
    slots = Slot.objects.using(account.database).filter(account=account.alias)
    known = slots.aggregate(count=Max("number"))["count"]
    if pace.calls and (known is None or known < pace.calls - 1):
        added = range(0 if known is None else known + 1, pace.calls)
        free_at = 0 if known is None else Now() + pace.window
        rows = [Slot(account=account.alias, number=n, free_at=free_at) for n in added]
        slots.bulk_create(rows, ignore_conflicts=True)


def find_free(account: Account, pace: Pace, *, retried: bool) -> tuple[Slot | None, int]:
    """Return a free slot, if any, and the time (milliseconds) when one will be free.

    Slots that retried ends may use come last for everything else.
    """
    usable = pace.retry_slots if retried else pace.calls
    slots = Slot.objects.using(account.database).filter(account=account.alias, number__lt=usable)
    slot = slots.filter(free_at__lt=Now()).order_by("-number").first()
    if slot is not None:
        return slot, 0
    return None, slots.aggregate(at=Min("free_at"))["at"] or 0


def take(account: Account, slot: Slot, pace: Pace) -> bool:
    """Take the slot unless somebody was faster; a worker that dies holds it for a window."""
    hold = account.timing.lease + pace.window
    return bool(
        Slot.objects.using(account.database)
        .filter(pk=slot.pk, fence=slot.fence, free_at__lt=Now())
        .update(free_at=Now() + hold, fence=F("fence") + 1)
    )


def give_back(account: Account, slot: Slot, pace: Pace, *, latency: int | None) -> None:
    """Free the slot a window after the call; at once if nothing was sent (latency None)."""
    rows = Slot.objects.using(account.database).filter(pk=slot.pk, fence=slot.fence + 1)
    if latency is None:
        rows.update(free_at=Now())
    else:
        # The vendor counts the call somewhere between sending and answer. The window begins at
        # the latest of the plausible moments, so that a slow call never brings the next too early.
        spent = max(0, latency - account.timing.latency_allowance)
        rows.update(free_at=Now() + pace.window - spent)
