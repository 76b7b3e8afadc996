"""The rows: what the host INSERTs, and what delivery keeps beside it."""

from . import prepared
from .activity import (
    KnownActivityId,
    LiveActivity,
    Subject,
    has_composite_key,
    lane_digest,
    root_model,
    where_written,
)
from .bytes import SameBytes
from .clock import Now, from_datetime, to_datetime, with_now
from .fields import storable
from .operation import Act, Attempt, Operation
from .state import AccountState, Lane, Seat, Slot
from .tracking import TrackingFailure

__all__ = [
    "AccountState",
    "Act",
    "Attempt",
    "KnownActivityId",
    "Lane",
    "LiveActivity",
    "Now",
    "Operation",
    "SameBytes",
    "Seat",
    "Slot",
    "Subject",
    "TrackingFailure",
    "from_datetime",
    "has_composite_key",
    "lane_digest",
    "prepared",
    "root_model",
    "storable",
    "to_datetime",
    "where_written",
    "with_now",
]
