"""A call whose worker never came back with an answer: it may have been sent, and may arrive yet."""

from __future__ import annotations

from django.db.models import F
from django.db.models.functions import Greatest

from django_liveactivity.client.answer import Outcome
from django_liveactivity.conf import Account
from django_liveactivity.content import Endpoint
from django_liveactivity.delivery.transaction import durable_transaction
from django_liveactivity.models import Attempt, Lane, Now, Operation
from django_liveactivity.printable import get_logger

logger = get_logger("django_liveactivity.delivery")


def recover_expired_lease(account: Account, lane: Lane) -> None:
    """Take the open attempt of a lane, whose lease is over, for ambiguous."""
    attempts = Attempt.objects.using(account.database)
    _recover(account.database, account, lane, attempts.filter(pk=lane.open_attempt).first())


@durable_transaction
def _recover(using: str, account: Account, lane: Lane, attempt: Attempt | None) -> None:
    endpoint = Endpoint.STREAM if attempt is None else Endpoint(attempt.endpoint)
    rows = Lane.objects.using(using).filter(pk=lane.pk, fence=lane.fence, lease_until__lte=Now())
    changes = quarantine_changes(endpoint, account.timing.quarantine)
    if not rows.update(open_attempt=0, lease_until=0, fence=F("fence") + 1, **changes):
        return
    logger.warning("Lane %s: the answer of attempt %s is unknown.", lane, lane.open_attempt)
    if attempt is not None:
        Attempt.objects.using(using).filter(pk=attempt.pk).update(
            outcome=Outcome.AMBIGUOUS, error="The worker did not come back."
        )
        Operation.objects.using(using).filter(pk=attempt.operation_id).update(
            tries=F("tries") + 1, failures=F("failures") + 1
        )


def quarantine_changes(endpoint: Endpoint, quarantine: int) -> dict[str, Greatest]:
    """Return what an ambiguous call changes in its lane.

    A late PUT revives a card, and a late DELETE ends one; calls by activity id do neither.

    Args:
        endpoint: what was called.
        quarantine: how long the call may arrive yet, in milliseconds from now.
    """
    names = {
        Endpoint.STREAM: ("ambiguous_until", "stream_ambiguous_until"),
        Endpoint.END_STREAM: ("ambiguous_until",),
    }
    return {name: Greatest(F(name), Now() + quarantine) for name in names.get(endpoint, ())}
