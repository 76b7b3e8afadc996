"""The public signals, sent robustly after the row is stored, outside any transaction of ours.

Every receiver gets ``sender`` (the model class) and the keyword arguments named here. A receiver
that raises is logged by Django and disturbs nothing.
"""

from __future__ import annotations

from django.dispatch import Signal

operation_delivered = Signal()
"""The vendor acknowledged an operation: ``operation`` (Operation), ``outcome`` (str)."""

operation_failed = Signal()
"""The vendor refused an operation for good: ``operation`` (Operation), ``outcome`` (str)."""

activity_started = Signal()
"""The vendor accepted the first content of a card: ``activity`` (LiveActivity)."""

activity_ended = Signal()
"""The vendor acknowledged the end of a card: ``activity`` (LiveActivity), ``outcome`` (str)."""
