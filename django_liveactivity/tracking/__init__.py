"""Model signals become service calls: save shows, updates or ends a card, delete ends it.

``activity`` is what a host writes, ``registry`` knows it by its model, ``follow`` takes each save
and delete, ``decision`` says what a card needs, ``act`` asks the services for it. What signals
miss, ``batch`` and ``reconcile`` find.
"""

from .activity import ModelActivity
from .reconcile import reconcile
from .registry import followers, refused, register, registered, unregister
from .tally import Batch, Change, Synced

__all__ = [
    "Batch",
    "Change",
    "ModelActivity",
    "Synced",
    "followers",
    "reconcile",
    "refused",
    "register",
    "registered",
    "unregister",
]
