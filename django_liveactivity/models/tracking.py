"""A mistake in a host's own hook, which did not break the host's save."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from django_liveactivity.conf import MAX_ALIAS, MAX_SCOPE

from .activity import MAX_SUBJECT
from .base import InsertQuerySet
from .fields import AnyCharField

MAX_ERROR = 255


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
