"""Move time by shifting rows: the database's clock cannot be moved, so the past is."""

from __future__ import annotations

from django.db.models import Case, F, Value, When

from django_liveactivity.models import (
    AccountState,
    Attempt,
    DrainPermit,
    EndBatch,
    Heartbeat,
    Lane,
    LiveActivity,
    Operation,
    OperatorAction,
    RateLimitSlot,
    TrackingFailure,
)

TIMES = {
    LiveActivity: ("created_at", "ended_at"),
    Operation: (
        "created_at",
        "due_at",
        "next_try_at",
        "first_tried_at",
        "acknowledged_at",
        "finished_at",
    ),
    Attempt: ("started_at",),
    OperatorAction: ("created_at", "applied_at"),
    Lane: (
        "lease_until",
        "ended_through_at",
        "ambiguous_until",
        "stream_ambiguous_until",
        "deadline_at",
    ),
    RateLimitSlot: ("free_at",),
    DrainPermit: ("lease_until",),
    AccountState: (
        "next_update_at",
        "alarm_at",
        "frozen_until",
        "blocked_since",
        "probe_at",
        "billing_since",
        "billing_probe_at",
        "limit_since",
        "limit_probe_at",
        "alerted_at",
    ),
    Heartbeat: ("beat_at", "scheduled_until"),
    TrackingFailure: ("created_at",),
    EndBatch: ("created_at", "ended_at"),
}


def advance(seconds: float) -> None:
    """Let so much time pass for every row; a zero means "never" and stays."""
    shift = round(seconds * 1000)
    for model, names in TIMES.items():
        model.objects.update(
            **{
                name: Case(When(**{name: 0}, then=Value(0)), default=F(name) - shift)
                for name in names
            }
        )
