"""Note that a host's hook raised: a row in the host's own transaction, seen in the status."""

from __future__ import annotations

from django_liveactivity import conf
from django_liveactivity.models import Now, Subject, TrackingFailure
from django_liveactivity.models.activity import MAX_SUBJECT
from django_liveactivity.models.tracking import MAX_ERROR


def note_tracking_failure(
    account: conf.Account, tracked_by: str, subject: Subject, error: BaseException
) -> None:
    """INSERT what a hook of a ``ModelActivity`` raised.

    Args:
        account: the account of the cards.
        tracked_by: which ``ModelActivity``.
        subject: the object that the hook was asked about.
        error: what it raised; its type and the beginning of its message are kept.
    """
    told = f"{type(error).__name__}: {error}".replace("\0", "")
    TrackingFailure.objects.using(account.database).insert(
        account=account.alias,
        tracked_by=tracked_by,
        subject_model=subject.model,
        subject_pk=subject.pk[:MAX_SUBJECT],
        error=told.encode(errors="replace").decode()[:MAX_ERROR],
        created_at=Now(),
    )
