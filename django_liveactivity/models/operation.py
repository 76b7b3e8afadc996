"""The operations of a card, the calls made for them, and the decisions of operators."""

import datetime

from django.db import models
from django.db.models import F, OuterRef, Q, Subquery
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce, Greatest
from django.db.models.lookups import LessThan
from django.utils.translation import gettext_lazy as _

from django_liveactivity.client.answer import Outcome
from django_liveactivity.conf import MAX_ALIAS
from django_liveactivity.content.endpoints import Endpoint

from .activity import LiveActivity
from .base import DIGEST_LENGTH, FINGERPRINT_LENGTH, InsertedModel, KeptModel
from .clock import Now, to_datetime
from .fields import AnyCharField, AnyTextField

MAX_ACTOR = 255
OUTCOMES = [(each.value, each.value.replace("_", " ")) for each in Outcome]
ENDPOINTS = [(each.value, each.value.replace("_", " ")) for each in Endpoint]


class Source(models.TextChoices):
    """The origin of an operation, for the history."""

    SERVICE = "service", _("service call")
    SIGNAL = "signal", _("model signal")
    RECONCILE = "reconcile", _("reconciliation")
    ADMIN = "admin", _("admin")
    ENDPOINT = "endpoint", _("endpoint")
    COMMAND = "command", _("command")
    TIME_TO_LIVE = "time_to_live", _("time to live")


class EndBatch(InsertedModel):
    """The cards that one operator chose at once, in one row; the ends they get carry its number.

    Args:
        ranges: the ids of the cards, as pairs of the first and the last of consecutive ones: what
            the list's filters find later was not chosen.
        actor: who chose them.
        ended_at: when the choice was confirmed, which can be done once.
    """

    ranges = models.JSONField(default=list)
    actor = AnyCharField(_("actor"), max_length=MAX_ACTOR)
    created_at = models.BigIntegerField(editable=False)
    ended_at = models.BigIntegerField(null=True, editable=False)

    class Meta:
        verbose_name = _("batch of ends")
        verbose_name_plural = _("batches of ends")
        indexes = [models.Index(fields=["created_at"], name="dla_batch_created")]

    def __str__(self) -> str:
        return f"{self.pk}"

    @property
    def created(self) -> datetime.datetime:
        """When the cards were chosen, by the database's clock."""
        return to_datetime(self.created_at)

    @property
    def card_ids(self) -> list[int]:
        """The ids of the cards, in ascending order."""
        return [pk for first, last in self.ranges for pk in range(first, last + 1)]


class Operation(KeptModel):
    """One intended change; the host INSERTs it and delivery moves it through its states."""

    class Kind(models.TextChoices):
        STREAM = "stream", _("stream")
        UPDATE = "update", _("update")
        END = "end", _("end")
        KEEP = "keep", _("keep")

    class State(models.TextChoices):
        PENDING = "pending", _("pending")
        DONE = "done", _("done")
        SUPERSEDED = "superseded", _("superseded")
        FAILED = "failed", _("failed")
        NEEDS_OPERATOR = "needs_operator", _("needs operator")
        GIVEN_UP = "given_up", _("given up")

    class Rank(models.IntegerChoices):
        """The order of service within an account."""

        END = 0
        RETRIED_END = 1
        UNKNOWN_END = 2
        """Of a key or id that is not known here: another program's card, or none."""
        CONTENT = 3
        WAITING_START = 4

    CONTENT_KINDS = (Kind.STREAM, Kind.UPDATE)
    END_RANKS = (Rank.END, Rank.RETRIED_END, Rank.UNKNOWN_END)
    CONTENT_RANKS = (Rank.WAITING_START, Rank.CONTENT)
    """In the order of service, as the ranks of ends: updates would leave a start no call."""
    UNFINISHED = (State.PENDING, State.NEEDS_OPERATOR)
    SCHEDULED = Q(due_at__gt=F("created_at"))
    """An end that was asked for a later time; else it was due when inserted."""

    activity = models.ForeignKey(
        LiveActivity,
        verbose_name=_("live activity"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index on activity and id serves
        related_name="operations",
    )
    account = models.CharField(_("account"), max_length=MAX_ALIAS)
    lane_digest = models.CharField(max_length=DIGEST_LENGTH, editable=False)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind.choices)
    content = models.JSONField(_("content"), null=True)
    options = models.JSONField(_("options"), default=dict, blank=True)
    dismiss_seconds = models.PositiveIntegerField(_("dismiss after (s)"), null=True)
    time_to_live = models.BigIntegerField(null=True)
    due_at = models.BigIntegerField()
    source = models.CharField(_("source"), max_length=16, choices=Source.choices, blank=True)
    actor = AnyCharField(_("actor"), max_length=MAX_ACTOR, blank=True)
    reason = AnyTextField(_("reason"), blank=True)
    batch = models.ForeignKey(
        EndBatch,
        verbose_name=_("batch of ends"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index on batch and state serves
        null=True,
        related_name="operations",
    )
    created_at = models.BigIntegerField(editable=False)

    # From here on delivery writes, and the host only reads.
    state = models.CharField(
        _("state"), max_length=16, choices=State.choices, default=State.PENDING
    )
    outcome = models.CharField(_("outcome"), max_length=16, choices=OUTCOMES, blank=True)
    rank = models.SmallIntegerField(choices=Rank.choices)
    next_try_at = models.BigIntegerField(null=True)
    tries = models.PositiveIntegerField(_("tries"), default=0)
    failures = models.PositiveIntegerField(default=0)
    first_tried_at = models.BigIntegerField(null=True)
    stripped = models.BooleanField(default=False)
    inherited_options = models.JSONField(default=dict)
    needs_attention = models.BooleanField(_("needs attention"), default=False)
    acknowledged_at = models.BigIntegerField(null=True)
    finished_at = models.BigIntegerField(null=True)

    now: int  # annotated where it is read: the database's clock at that moment
    asked: bool  # annotated where operators decide: whether one has decided the same already
    moved: bool  # annotated where a lane is planned: whether a newer end or keep replaces it

    class Meta:
        verbose_name = _("operation")
        verbose_name_plural = _("operations")
        indexes = [
            models.Index(fields=["account", "rank", "next_try_at"], name="dla_due"),
            models.Index(fields=["rank", "next_try_at", "account"], name="dla_due_accounts"),
            models.Index(fields=["account", "lane_digest", "state", "id"], name="dla_op_lane"),
            models.Index(fields=["account", "lane_digest", "kind", "id"], name="dla_op_kind"),
            models.Index(fields=["activity", "id"], name="dla_op_activity"),
            models.Index(fields=["batch", "state"], name="dla_op_batch"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.pk}"

    @property
    def created(self) -> datetime.datetime:
        """When the row was inserted, by the database's clock."""
        return to_datetime(self.created_at)

    @property
    def due(self) -> datetime.datetime:
        """When the operation becomes due; only an end can be scheduled."""
        return to_datetime(self.due_at)

    @property
    def is_scheduled(self) -> bool:
        """Tell whether the end was asked for a later time; else it was due when inserted."""
        return self.due_at > self.created_at

    @property
    def is_settled(self) -> bool:
        """Tell whether the end has been acknowledged, or needed no call."""
        return self.state == self.State.DONE or self.acknowledged_at is not None

    @classmethod
    def is_moved(cls) -> Combinable:
        """Return, as a condition on scheduled ends, that a newer end or keep replaces the end.

        It was inserted before the end was due, and may be finished: a row that commits late finds
        it so. Not an EXISTS: MariaDB would read the lane's whole history.
        """
        lane = cls.objects.filter(
            account=OuterRef("account"),
            lane_digest=OuterRef("lane_digest"),
            created_at__lt=OuterRef("due_at"),
        )
        newest = [
            Coalesce(Subquery(lane.filter(kind=kind).order_by("-pk").values("pk")[:1]), 0)
            for kind in (cls.Kind.END, cls.Kind.KEEP)
        ]
        return LessThan(F("pk"), Greatest(*newest))

    @classmethod
    def is_in_force(cls) -> Q:
        """Return, as a condition on ends, that the end is due and that nothing has moved it."""
        return ~cls.SCHEDULED | Q(due_at__lte=Now()) & Q(~cls.is_moved())

    @classmethod
    def is_unacknowledged(cls) -> Q:
        """Return, as a condition on operations, that they are ends still to be acknowledged."""
        return Q(kind=cls.Kind.END, state__in=cls.UNFINISHED)


class Attempt(KeptModel):
    """One HTTP call made for an operation; without an outcome it may or may not have been sent."""

    operation = models.ForeignKey(
        Operation,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        db_index=False,  # the index on operation and number serves
        related_name="attempts",
    )
    number = models.PositiveIntegerField(_("number"))
    endpoint = models.CharField(_("endpoint"), max_length=16, choices=ENDPOINTS)
    started_at = models.BigIntegerField()
    # Of the key that the call was made with.
    key_fingerprint = models.CharField(
        max_length=FINGERPRINT_LENGTH, blank=True, default="", db_default="", editable=False
    )
    status = models.PositiveSmallIntegerField(_("HTTP status"), null=True)
    outcome = models.CharField(_("outcome"), max_length=16, choices=OUTCOMES, blank=True)
    answer = AnyTextField(_("answer"), blank=True)
    error = AnyCharField(_("error"), max_length=255, blank=True)
    duration_ms = models.PositiveIntegerField(_("duration (ms)"), null=True)

    class Meta:
        verbose_name = _("attempt")
        verbose_name_plural = _("attempts")
        indexes = [models.Index(fields=["operation", "number"], name="dla_attempt_op")]

    def __str__(self) -> str:
        return f"{self.endpoint} {self.number}: {self.outcome or 'open'}"

    @property
    def started(self) -> datetime.datetime:
        """When the call was begun, by the database's clock."""
        return to_datetime(self.started_at)

    @classmethod
    def is_unacknowledged(cls) -> Q:
        """Return, as a condition on attempts, that they are for ends still to be acknowledged."""
        return Q(operation__in=Operation.objects.filter(Operation.is_unacknowledged()))


class OperatorAction(InsertedModel):
    """An operator's decision, INSERTed with actor and reason and applied by the next drain.

    A repeat needs nothing applied: another caller asked for an end that stood already.
    """

    class Kind(models.TextChoices):
        RETRY = "retry", _("retry")
        GIVE_UP = "give_up", _("give up")
        PROBE = "probe", _("probe now")
        ACKNOWLEDGE = "acknowledge", _("seen")
        CLOSE = "close", _("close the account")
        REPEAT = "repeat", _("asked again")

    account = models.CharField(_("account"), max_length=MAX_ALIAS)
    operation = models.ForeignKey(
        Operation,
        verbose_name=_("operation"),
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        null=True,
        related_name="operator_actions",
    )
    kind = models.CharField(_("kind"), max_length=16, choices=Kind.choices)
    actor = AnyCharField(_("actor"), max_length=MAX_ACTOR)
    reason = AnyTextField(_("reason"), blank=True)
    created_at = models.BigIntegerField(editable=False)
    applied_at = models.BigIntegerField(null=True, editable=False)

    now: int  # annotated where it is read: the database's clock at that moment

    class Meta:
        verbose_name = _("operator action")
        verbose_name_plural = _("operator actions")
        indexes = [models.Index(fields=["applied_at", "account"], name="dla_action_due")]

    def __str__(self) -> str:
        return f"{self.kind} {self.operation_id or self.account}"

    @property
    def created(self) -> datetime.datetime:
        """When the operator decided, by the database's clock."""
        return to_datetime(self.created_at)
