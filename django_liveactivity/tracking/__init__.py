"""Model signals become service calls: save shows, updates or ends a card, delete ends it.

``activity`` is what your code subclasses, ``decision`` says what a card needs and writes it,
``follow`` takes one save or delete, ``registry`` knows which class follows which model, and
``sync`` compares many objects with their cards, to find what signals missed.
"""

from .activity import BatchResult, Change, ModelActivity, SyncResult
from .registry import followers, register, registered, unregister, unregistered, unsupported
from .sync import reconcile

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
    "unregistered",
    "unsupported",
]
