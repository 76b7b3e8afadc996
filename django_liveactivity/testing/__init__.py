"""For your project's tests: deliver now, look at what was sent, assert what should have been."""

from django_liveactivity.backends.locmem import Outbox, allow_network, outbox

from .assertions import (
    LiveActivityTestMixin,
    assert_activity_end_scheduled,
    assert_activity_ended,
    assert_activity_streamed,
    assert_no_activities,
)
from .capture import capture_activities, deliver, locmem_accounts, sandbox_accounts

__all__ = [
    "LiveActivityTestMixin",
    "Outbox",
    "allow_network",
    "assert_activity_end_scheduled",
    "assert_activity_ended",
    "assert_activity_streamed",
    "assert_no_activities",
    "capture_activities",
    "deliver",
    "locmem_accounts",
    "outbox",
    "sandbox_accounts",
]
