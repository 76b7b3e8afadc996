"""Delivery's own rows: lanes, rate-limit slots, drain permits, account states and totals."""

from django.db import models

from django_liveactivity.conf import MAX_ALIAS

from .base import DIGEST_LENGTH, FINGERPRINT_LENGTH
from .fields import AnyCharField


class Lane(models.Model):
    """The unit of order, lease, fence and quarantine: one stream key or one activity id."""

    class HiddenBecause(models.TextChoices):
        """Why the phone does not show the card although it has not ended."""

        PAUSED = "paused"
        EVICTED = "evicted"

    account = models.CharField(max_length=MAX_ALIAS)
    digest = models.CharField(max_length=DIGEST_LENGTH)
    stream_key = models.CharField(max_length=255, blank=True)
    activity_id = AnyCharField(max_length=255, blank=True)

    # One worker has the lane until then; the fence makes an overtaken one powerless. An open
    # attempt (its id) may have been sent.
    lease_until = models.BigIntegerField(default=0)
    fence = models.BigIntegerField(default=0)
    open_attempt = models.BigIntegerField(default=0)

    # Whether a call was ever made, or another program's card may have this name.
    ever_called = models.BooleanField(default=False)
    # A generation is one card of a reused name. Operations up to this id, and content from before
    # this moment, belong to generations that have ended.
    generation = models.PositiveIntegerField(default=1)
    ended_through_id = models.BigIntegerField(default=0)
    ended_through_at = models.BigIntegerField(default=0)
    # Of the open generation: the newest content that was asked for, and the one that the vendor has
    # acknowledged last (ids of operations); and the ids of its LiveActivity rows.
    newest_content_id = models.BigIntegerField(default=0)
    displayed_id = models.BigIntegerField(default=0)
    hidden_because = models.CharField(max_length=8, choices=HiddenBecause.choices, blank=True)
    cards = models.JSONField(default=list)
    # Until then an ambiguous call of any kind, or a PUT, may still be applied.
    ambiguous_until = models.BigIntegerField(default=0)
    stream_ambiguous_until = models.BigIntegerField(default=0)
    # When the card's time to live is over.
    deadline_at = models.BigIntegerField(null=True)

    now: int  # annotated where it is read: the database's clock at that moment

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "digest"], name="dla_one_lane")]
        indexes = [
            models.Index(fields=["account", "deadline_at"], name="dla_lane_deadline"),
            models.Index(fields=["deadline_at", "account"], name="dla_deadline"),
        ]

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
        constraints = [models.UniqueConstraint(fields=["account", "number"], name="dla_one_permit")]

    def __str__(self) -> str:
        return f"{self.account} {self.number}"


class AccountState(models.Model):
    """The health of an account: open, frozen after a 429, or blocked until a probe succeeds."""

    account = models.CharField(max_length=MAX_ALIAS, unique=True)
    # The next moment on the grid of content, and the one at which a wake-up is pending.
    next_update_at = models.BigIntegerField(default=0)
    alarm_at = models.BigIntegerField(default=0)
    # Whether the last call had no answer: then one drain at a time.
    is_unresponsive = models.BooleanField(default=False)

    frozen_until = models.BigIntegerField(default=0)
    freezes = models.PositiveIntegerField(default=0)

    blocked_since = models.BigIntegerField(null=True)
    blocked_reason = AnyCharField(max_length=255, blank=True)
    # The fingerprint of the key that was refused: another one opens the account.
    refused_key = models.CharField(
        max_length=FINGERPRINT_LENGTH, blank=True, default="", db_default=""
    )
    # What the vendor said when the account was blocked last, or asked to pay.
    vendor_words = AnyCharField(max_length=255, blank=True, default="", db_default="")
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

    alerted_at = models.BigIntegerField(null=True)

    now: int  # annotated where it is read: the database's clock at that moment
    free_slot: int | None  # annotated where a call is to be made: a slot that is free
    slot_free_at: int | None  # and when the first one will be
    due: frozenset[int]  # which ranks of operations have something due
    first_deadline: int | None  # and when the first time to live was over, if one is
    has_actions: bool  # annotated where a drain begins: whether an operator has decided something
    permits: bool  # whether the account has its permits
    slots: int  # how many slots it has
    swept_at: int | None  # and when the last sweep of the database was

    def __str__(self) -> str:
        return self.account


class Heartbeat(models.Model):
    """The one row of a database: when the last sweep ran, which are scheduled, what is counted."""

    beat_at = models.BigIntegerField(null=True)
    # Where each sweep schedules a later one: the time of the last, which is its number, too.
    scheduled_until = models.BigIntegerField(default=0, db_default=0)
    # The last attempt that is counted for good; the fence lets one sweep at a time count.
    counted_through = models.BigIntegerField(default=0, db_default=0)
    count_fence = models.BigIntegerField(default=0, db_default=0)

    now: int  # annotated where it is read: the database's clock at that moment

    def __str__(self) -> str:
        return str(self.beat_at)


class MetricTotal(models.Model):
    """How many calls, or ends, took how long, in all processes; no value ever falls.

    Sweeps count them, and so the totals outlive the attempts that they were counted from.
    """

    class Metric(models.TextChoices):
        CALL = "call"
        """A call: how long the vendor took to answer."""
        END = "end"
        """An end: the time from when it was due until the vendor acknowledged it."""

    UNKNOWN = -1
    """The bound of calls without an answer, whose duration is unknown."""
    ABOVE = models.BigIntegerField.MAX_BIGINT
    """The bound of what took longer than any other bound."""
    BOUNDS = {
        Metric.CALL: (25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 15_000),
        Metric.END: (250, 500, 1_000, 2_500, 5_000, 15_000, 60_000, 300_000, 1_800_000, 7_200_000),
    }
    """The others, in milliseconds: an end that has waited for longer than 300,000 is overdue."""

    metric = models.CharField(max_length=8, choices=Metric.choices)
    operation = models.CharField(max_length=8)
    outcome = models.CharField(max_length=16, blank=True)
    # The longest of the durations that are counted here, in milliseconds.
    bound = models.BigIntegerField()
    # The values that are exported: how many, and how many milliseconds they took together.
    count = models.BigIntegerField(default=0)
    duration = models.BigIntegerField(default=0)
    # The part of it that is settled: of attempts up to the heartbeat's ``counted_through``.
    settled_count = models.BigIntegerField(default=0)
    settled_duration = models.BigIntegerField(default=0)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["metric", "operation", "outcome", "bound"], name="dla_one_total"
            )
        ]

    def __str__(self) -> str:
        return f"{self.metric} {self.operation} {self.outcome} {self.bound}: {self.count}"
