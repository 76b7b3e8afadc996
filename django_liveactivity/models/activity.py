"""A card on phones, the object that it represents, and every id the vendor has given it."""

from __future__ import annotations

import datetime
import hashlib
from typing import Any, NamedTuple

from django.apps import apps
from django.core.exceptions import ImproperlyConfigured, ObjectDoesNotExist, ValidationError
from django.db import DEFAULT_DB_ALIAS, models, router
from django.utils.translation import gettext_lazy as _

from django_liveactivity import conf
from django_liveactivity.conf import MAX_ALIAS, MAX_SCOPE
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.exceptions import InvalidInputError

from .base import DIGEST_LENGTH, InsertQuerySet, KeptModel
from .clock import to_datetime
from .fields import AnyCharField, AnyTextField

MAX_SUBJECT = 255
MAX_ERROR = 255
NOT_OF_FIELD = (  # what to_python raises, of Django's fields and of others
    ArithmeticError,
    AttributeError,
    LookupError,
    TypeError,
    ValueError,
    ValidationError,
)


def lane_digest(*, stream_key: str = "", activity_id: str = "") -> str:
    """Return what a lane is found by: keys that differ in one byte, or in case, differ here.

    MariaDB's default collation takes ``Order-42`` for ``order-42``; hexadecimal digits it cannot
    confuse.
    """
    name = f"stream:{stream_key}" if stream_key else f"activity:{activity_id}"
    return hashlib.sha256(name.encode()).hexdigest()


class Subject(NamedTuple):
    """The host's object that a card represents: by texts, so that neither can remove the other.

    Attributes:
        model: the label of the model that holds the primary key.
        pk: the primary key.
        scope: which of several objects of that key, by ``LIVEACTIVITY_SUBJECT_SCOPE``: the tenant.
    """

    model: str
    pk: str
    scope: str = ""

    def __str__(self) -> str:
        """Return the object's name for people."""
        return " ".join(filter(None, (self.scope, self.model, self.pk)))

    @classmethod
    def of(cls, instance: models.Model | None) -> Subject:
        """Return the subject of a saved model instance, or the empty one for None.

        Raises:
            InvalidInputError: at ``subject``, if it is no saved model instance with a single key.
        """
        if instance is None:
            return cls("", "")
        if not isinstance(instance, models.Model):
            raise InvalidInputError.at("subject", "Give a model instance.")
        # Not type(instance): request.user is a lazy object that only tells its class.
        return cls.named(instance.__class__, instance.pk)

    @classmethod
    def named(cls, model: type[models.Model], pk: object) -> Subject:
        """Return the subject of a model's primary key, in the scope that holds here and now.

        The key may be written in any way that its field takes: an instance keeps what it was given,
        such as a UUID in capitals, and a later read of its row has the field's own value.

        Raises:
            InvalidInputError: at ``subject``, if the key is composite, missing, over 255 long,
                nothing that its field takes or nothing that a column of text can hold.
            ImproperlyConfigured: ``LIVEACTIVITY_SUBJECT_SCOPE`` does not tell the scope.
        """
        if model._meta.is_composite_pk:
            raise InvalidInputError.at("subject", "Composite primary keys are not supported.")
        if pk is None:
            raise InvalidInputError.at("subject", "Save the object first: it has no primary key.")
        root = root_model(model)
        field: models.Field[object, object] = root._meta.pk
        try:
            text = str(field.to_python(pk))
            text.encode()
        except NOT_OF_FIELD:
            message = f"{pk!r} is not a primary key of {root._meta.label}."
            raise InvalidInputError.at("subject", message) from None
        if "\0" in text:
            raise InvalidInputError.at("subject", "Its primary key has a NUL; remove it.")
        if len(text) > MAX_SUBJECT:
            raise InvalidInputError.at("subject", "Its primary key is longer than 255 characters.")
        return cls(root._meta.label, text, conf.subject_scope())


def root_model(model: type[models.Model]) -> type[models.Model]:
    """Return the model that holds the primary key: one for a proxy, a child and its parent."""
    concrete = model._meta.concrete_model or model
    remote = concrete._meta.pk.remote_field if concrete._meta.pk else None
    parent = remote.model if remote is not None and getattr(remote, "parent_link", False) else None
    return concrete if parent is None else root_model(parent)


def where_written(model: type[models.Model], using: str) -> str:
    """Return the alias of the database where objects of a host's model are up to date.

    Args:
        model: the host's model.
        using: the alias of an account's database. Its objects are beside their cards, whatever a
            router says of replicas, unless their table is in another database.
    """
    beside = router.allow_migrate_model(using, model)
    return using if beside else router.db_for_write(model) or using


class LiveActivity(KeptModel):
    """One card, from its first content to its end; a reused key begins a new row."""

    class Status(models.TextChoices):
        PENDING = "pending", _("pending")
        LIVE = "live", _("live")
        PAUSED = "paused", _("paused")
        EVICTED = "evicted", _("evicted")
        FAILED = "failed", _("failed")
        ENDED = "ended", _("ended")

    OVER = (Status.ENDED, Status.FAILED)

    account = models.CharField(_("account"), max_length=MAX_ALIAS)
    lane_digest = models.CharField(max_length=DIGEST_LENGTH, editable=False)
    stream_key = models.CharField(_("stream key"), max_length=255, blank=True)
    activity_id = AnyCharField(_("activity id"), max_length=255, blank=True)
    subject_scope = models.CharField(_("subject's scope"), max_length=MAX_SCOPE, blank=True)
    subject_model = AnyCharField(_("subject's model"), max_length=255, blank=True)
    subject_pk = AnyCharField(_("subject's key"), max_length=255, blank=True)
    tracked_by = AnyCharField(_("tracked by"), max_length=255, blank=True)
    channels = models.JSONField(_("channels"), null=True)
    # What the phone shows: the INSERT fills them from the first content, delivery keeps them.
    title = AnyTextField(_("title"), blank=True)
    type = models.CharField(_("type"), max_length=20, blank=True)
    created_at = models.BigIntegerField(editable=False)

    # From here on delivery writes, and the host only reads.
    status = models.CharField(
        _("status"), max_length=16, choices=Status.choices, default=Status.PENDING
    )
    generation = models.PositiveIntegerField(_("generation"), default=0)
    needs_attention = models.BooleanField(_("needs attention"), default=False)
    evicted_by = models.BigIntegerField(null=True, editable=False)  # the operation's id
    ended_at = models.BigIntegerField(null=True, editable=False)  # of a failed card, since when

    read_at: int  # annotated by selectors.by_pks: the database's clock at that moment
    is_closed: bool  # annotated by the selectors: whether an end is due
    newest_content: JSONObject | None  # annotated by the selectors: what it was meant to show
    newest_options: JSONObject  # what traveled beside that content
    newest_content_id: int | None  # and that operation's id

    class Meta:
        verbose_name = _("live activity")
        verbose_name_plural = _("live activities")
        permissions = [
            ("end_liveactivity", _("Can end live activities")),
            ("give_content_liveactivity", _("Can give content to ended live activities over HTTP")),
            ("operate_liveactivity", _("Can retry, give up, probe and acknowledge")),
        ]
        indexes = [
            models.Index(fields=["account", "lane_digest", "id"], name="dla_lane"),
            models.Index(
                fields=["subject_model", "subject_pk", "account", "subject_scope"],
                name="dla_subject",
            ),
            models.Index(fields=["account", "id"], name="dla_account"),
            models.Index(fields=["status", "id"], name="dla_status"),
            models.Index(fields=["ended_at"], name="dla_ended"),
            models.Index(fields=["needs_attention", "account"], name="dla_attention"),
        ]

    def __str__(self) -> str:
        return self.stream_key or self.activity_id

    @property
    def created(self) -> datetime.datetime:
        """When the row was inserted, by the database's clock."""
        return to_datetime(self.created_at)

    @property
    def ended(self) -> datetime.datetime | None:
        """When the vendor acknowledged the end, or None; a failed card has no end."""
        if self.ended_at is None or self.status != self.Status.ENDED:
            return None
        return to_datetime(self.ended_at)

    @property
    def is_over(self) -> bool:
        """Whether it has ended, or was never shown."""
        return self.status in self.OVER

    @property
    def database(self) -> str:
        """The alias of its account's database; of where it was read, if the account is gone."""
        try:
            return conf.stand_in(self.account).database
        except (InvalidInputError, ImproperlyConfigured):
            return self._state.db or DEFAULT_DB_ALIAS

    @property
    def subject(self) -> models.Model | None:
        """The object this card represents, or None if there is none (any more): one query.

        An object of another scope, such as another tenant's, cannot be read here: None, too.
        """
        if not self.subject_model or self.subject_scope != conf.subject_scope():
            return None
        try:
            model: type[models.Model] = apps.get_model(self.subject_model)
            rows = model._default_manager.using(where_written(model, self.database))
            return rows.get(pk=model._meta.pk.to_python(self.subject_pk))
        except (ObjectDoesNotExist, *NOT_OF_FIELD):
            return None

    @property
    def named_subject(self) -> Subject:
        """The name of the object this card represents, whether that is there or not."""
        return Subject(self.subject_model, self.subject_pk, self.subject_scope)

    @classmethod
    def is_unacknowledged(cls) -> models.Q:
        """Return, as a condition on cards, that they live or that something is left to do."""
        operation: Any = cls._meta.get_field("operations").related_model
        unfinished = operation.objects.filter(state__in=operation.UNFINISHED)
        return ~models.Q(status__in=cls.OVER) | models.Q(pk__in=unfinished.values("activity"))


def is_allowed(principal: Any, verb: str, card: LiveActivity | None = None) -> bool:
    """Tell whether a principal has a permission: for every card, or for the one in hand.

    Django's own backend knows no permission on one object; others do, such as django-guardian's.

    Args:
        principal: a user, or another object with ``has_perm``.
        verb: ``view``, ``end``, ``give_content`` or ``operate``.
        card: the one in hand; an unsaved one stands for a card that is not known here.
    """
    name = f"django_liveactivity.{verb}_liveactivity"
    return bool(principal.has_perm(name) or (card is not None and principal.has_perm(name, card)))


class KnownActivityId(models.Model):
    """An activity id that the vendor has named for a stream: each leads to the stream's row."""

    activity = models.ForeignKey(
        LiveActivity,
        on_delete=models.DO_NOTHING,
        db_constraint=False,
        related_name="known_ids",
    )
    account = models.CharField(max_length=MAX_ALIAS)
    id_digest = models.CharField(max_length=DIGEST_LENGTH)

    class Meta:
        indexes = [models.Index(fields=["account", "id_digest"], name="dla_known_id")]

    def __str__(self) -> str:
        return f"{self.account}: {self.id_digest[:12]}"


class TrackingFailure(models.Model):
    """A hook of a ``ModelActivity`` raised, INSERTed with the save that it did not break."""

    account = models.CharField(_("account"), max_length=MAX_ALIAS)
    tracked_by = AnyCharField(_("tracked by"), max_length=MAX_SUBJECT)
    subject_model = AnyCharField(_("subject's model"), max_length=MAX_SUBJECT)
    subject_pk = AnyCharField(_("subject's key"), max_length=MAX_SUBJECT)
    subject_scope = models.CharField(_("subject's scope"), max_length=MAX_SCOPE, blank=True)
    error = AnyCharField(_("error"), max_length=MAX_ERROR)
    created_at = models.BigIntegerField(editable=False)

    objects = InsertQuerySet.as_manager()

    class Meta:
        verbose_name = _("tracking failure")
        verbose_name_plural = _("tracking failures")
        indexes = [models.Index(fields=["created_at", "account"], name="dla_failure")]

    def __str__(self) -> str:
        return f"{self.tracked_by}: {self.error}"
