"""The rows: what the host INSERTs, and what delivery keeps beside it."""

from . import compiled
from .activity import (
    KnownActivityId,
    LiveActivity,
    Subject,
    TrackingFailure,
    lane_digest,
    root_model,
    where_written,
)
from .base import add_cure, batched, cure_of, names_missing_migration, rows_of
from .clock import Now, from_datetime, to_datetime, with_now
from .delivery import AccountState, DrainPermit, Heartbeat, Lane, MetricTotal, RateLimitSlot
from .fields import SameBytes, storable
from .operation import Attempt, EndBatch, Operation, OperatorAction, Source

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
    "add_cure",
    "batched",
    "compiled",
    "cure_of",
    "from_datetime",
    "lane_digest",
    "names_missing_migration",
    "root_model",
    "rows_of",
    "storable",
    "to_datetime",
    "where_written",
    "with_now",
]
