"""The public calls: each validates its input, then INSERTs rows in the caller's own transaction.

Nothing here waits for the vendor or the broker. Bad input raises ``InvalidInputError`` before
anything is written. Each service has an async name, which begins with ``a``.
All names are imported on first use, so that Django starts without them. ``batch`` is not public: it
ends the thousands of cards that an operator chooses in the admin.
"""

from typing import TYPE_CHECKING

from django_liveactivity.lazy import lazy_names

if TYPE_CHECKING:
    from . import batch as batch
    from .context import (
        Card,
        aacknowledge_activity,
        aclose_account,
        aend_activities,
        aend_activity,
        agive_up_operation,
        akeep_activity,
        aprobe_account,
        aretry_operation,
        astream_activity,
        atrack_activity,
        live_activity,
    )
    from .ends import end_activities, end_activity, keep_activity
    from .operator_actions import (
        ClosingAccount,
        acknowledge_activity,
        close_account,
        give_up_operation,
        probe_account,
        retry_operation,
    )
    from .streams import stream_activity, track_activity

__all__ = [
    "Card",
    "ClosingAccount",
    "aacknowledge_activity",
    "acknowledge_activity",
    "aclose_account",
    "aend_activities",
    "aend_activity",
    "agive_up_operation",
    "akeep_activity",
    "aprobe_account",
    "aretry_operation",
    "astream_activity",
    "atrack_activity",
    "close_account",
    "end_activities",
    "end_activity",
    "give_up_operation",
    "keep_activity",
    "live_activity",
    "probe_account",
    "retry_operation",
    "stream_activity",
    "track_activity",
]

__getattr__, __dir__ = lazy_names(
    __name__, __all__, "streams", "ends", "operator_actions", "context", "batch"
)
