"""Delivery's own rows: the order of a lane, the pace and the health of an account."""

from __future__ import annotations

from django.db import models

from django_liveactivity.conf import MAX_ALIAS

from .base import DIGEST_LENGTH
from .fields import AnyCharField


class Lane(models.Model):
    """The unit of order, lease, fence and quarantine: one stream key or one activity id."""

    class HiddenBecause(models.TextChoices):
        """Why the phone does not show the card although nobody ended it."""

        PAUSED = "paused"
        EVICTED = "evicted"

    account = models.CharField(max_length=MAX_ALIAS)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    stream_key = models.CharField(max_length=255, blank=True)
    activity_id = AnyCharField(max_length=255, blank=True)

    lease_until = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    open_attempt = models.BigIntegerField(default=0)

    ever_called = models.BooleanField(default=False)
    generation = models.PositiveIntegerField(default=1)
    ended_through_id = models.BigIntegerField(default=0)
    ended_through_at = models.BigIntegerField(default=0)
    newest_content_id = models.BigIntegerField(default=0)
    displayed_id = models.BigIntegerField(default=0)
    hidden_because = models.CharField(max_length=8, choices=HiddenBecause.choices, blank=True)
    cards = models.JSONField(default=list)
    ambiguous_until = models.BigIntegerField(default=0)
    stream_ambiguous_until = models.BigIntegerField(default=0)
    deadline_at = models.BigIntegerField(null=True)

    now: int  # annotated where it is read: the database's clock at that moment

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="dla_one_lane")]
        indexes = [models.Index(fields=["account", "deadline_at"], name="dla_lane_wake")]

    def __str__(self) -> str:
        return self.stream_key or self.activity_id


class RateLimitSlot(models.Model):
    """The right to make one call within the account's rate limit; its fence names the attempt."""

    account = models.CharField(max_length=MAX_ALIAS)
    number = models.PositiveIntegerField()
    free_at = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="dla_one_slot")]
        indexes = [models.Index(fields=["account", "free_at"], name="dla_slot_free")]

    def __str__(self) -> str:
        return f"{self.account} {self.number}"


class DrainPermit(models.Model):
    """The right to drain an account: a few at most, so that doubled wake-ups cost nothing."""

    account = models.CharField(max_length=MAX_ALIAS)
    number = models.PositiveSmallIntegerField()
    lease_until = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="dla_one_seat")]

    def __str__(self) -> str:
        return f"{self.account} {self.number}"


class AccountState(models.Model):
    """The health of an account: open, frozen after a 429, or blocked until a probe succeeds."""

    account = models.CharField(max_length=MAX_ALIAS, unique=True)
    next_update_at = models.BigIntegerField(default=0)

    frozen_until = models.BigIntegerField(default=0)
    freezes = models.PositiveIntegerField(default=0)

    blocked_since = models.BigIntegerField(null=True)
    blocked_reason = AnyCharField(max_length=255, blank=True)
    probe_at = models.BigIntegerField(default=0)
    probes = models.PositiveIntegerField(default=0)
    failures = models.PositiveIntegerField(default=0)
    failed_lanes = models.JSONField(default=list)

    billing_since = models.BigIntegerField(null=True)
    billing_probe_at = models.BigIntegerField(default=0)
    billing_probes = models.PositiveIntegerField(default=0)

    limit_since = models.BigIntegerField(null=True)
    limit_probe_at = models.BigIntegerField(default=0)
    limit_probes = models.PositiveIntegerField(default=0)

    # A digest of the base URL that has answered well, so that its 404s are the vendor's.
    known_address = models.CharField(
        max_length=DIGEST_LENGTH, blank=True, default="", db_default=""
    )

    heartbeat_at = models.BigIntegerField(null=True)
    alerted_at = models.BigIntegerField(null=True)

    now: int  # annotated where it is read: the database's clock at that moment
    free_slot: int | None  # annotated where a call is to be made: a slot that is free
    slot_free_at: int | None  # and when the first one will be

    def __str__(self) -> str:
        return self.account
