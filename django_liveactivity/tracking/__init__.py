"""Model signals become service calls: save shows, updates or ends a card, delete ends it.

``activity`` is what a host writes, ``registry`` knows it by its model, ``follow`` takes each save
and delete, ``decision`` says what a card needs, ``act`` asks the services for it. What signals
miss, ``batch`` and ``reconcile`` find.
"""

from .activity import ModelActivity
from .reconcile import reconcile
from .registry import followers, register, registered, unregister, unsupported
from .results import BatchResult, Change, SyncResult

__all__ = [
    "BatchResult",
    "Change",
    "ModelActivity",
    "SyncResult",
    "followers",
    "reconcile",
    "register",
    "registered",
    "unregister",
    "unsupported",
]
