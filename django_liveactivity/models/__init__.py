"""The rows: what the host INSERTs, and what delivery keeps beside it."""

from . import compiled
from .activity import (
    KnownActivityId,
    LiveActivity,
    Subject,
    lane_digest,
    root_model,
    where_written,
)
from .base import rows_of
from .clock import Now, from_datetime, to_datetime, with_now
from .delivery import AccountState, DrainPermit, Heartbeat, Lane, MetricTotal, RateLimitSlot
from .fields import SameBytes, storable
from .operation import Attempt, EndBatch, Operation, OperatorAction, Source
from .tracking import TrackingFailure

__all__ = [
    "AccountState",
    "Attempt",
    "DrainPermit",
    "EndBatch",
    "Heartbeat",
    "KnownActivityId",
    "Lane",
    "LiveActivity",
    "MetricTotal",
    "Now",
    "Operation",
    "OperatorAction",
    "RateLimitSlot",
    "SameBytes",
    "Source",
    "Subject",
    "TrackingFailure",
    "compiled",
    "from_datetime",
    "lane_digest",
    "root_model",
    "rows_of",
    "storable",
    "to_datetime",
    "where_written",
    "with_now",
]
