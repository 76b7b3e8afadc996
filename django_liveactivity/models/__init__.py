"""The rows: what the host INSERTs, and what delivery keeps beside it."""

from .activity import KnownActivityId, LiveActivity, Subject, lane_digest
from .clock import Now, from_datetime, to_datetime, with_now
from .operation import Act, Attempt, Operation
from .state import AccountState, Lane, Seat, Slot

__all__ = [
    "AccountState",
    "Act",
    "Attempt",
    "KnownActivityId",
    "Lane",
    "LiveActivity",
    "Now",
    "Operation",
    "Seat",
    "Slot",
    "Subject",
    "from_datetime",
    "lane_digest",
    "to_datetime",
    "with_now",
]
