"""Operators' acts: INSERTed rows with an actor and a reason, applied by the next drain."""

from __future__ import annotations

from typing import Any

from django_liveactivity import conf
from django_liveactivity.dispatch import kick_on_commit
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Act, Now, Operation
from django_liveactivity.models.schema import names_missing_migration

from .door import enter


def retry_operation(operation: Operation, *, actor: Any, reason: str = "") -> Act:
    """Try an unfinished operation again at once.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user or a name, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``operation`` if it is finished, at ``actor`` or at ``reason``.
    """
    return _decide(operation.account, Act.Kind.RETRY, operation, actor, reason)


def give_up_operation(operation: Operation, *, actor: Any, reason: str) -> Act:
    """Give an unfinished operation up: it is never sent again.

    Of an end that is given up the card may stay on the phone; it is marked as needing attention.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user or a name, for the history.
        reason: why, for the history; it must be given.

    Raises:
        InvalidInputError: at ``operation`` if it is finished, at ``actor`` or at ``reason``.
    """
    if isinstance(reason, str) and not reason.strip():
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")
    return _decide(operation.account, Act.Kind.GIVE_UP, operation, actor, reason)


def probe_account(account: str = conf.DEFAULT_ACCOUNT, *, actor: Any, reason: str = "") -> Act:
    """Let an account that is frozen, blocked or waits for payment make its next call at once.

    Args:
        account: the alias in ``LIVEACTIVITY``.
        actor: a user or a name, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``account``, ``actor`` or ``reason``.
    """
    return _decide(account, Act.Kind.PROBE, None, actor, reason)


@names_missing_migration
def _decide(
    account: str, kind: Act.Kind, operation: Operation | None, actor: Any, reason: str
) -> Act:
    door = enter(account, None, "act", actor, reason)
    if not door.actor:
        raise InvalidInputError.at("actor", "Say who decides.")
    if operation is not None:
        _refuse_finished(operation, door.account.database)
    act: Act = Act.objects.using(door.account.database).insert(
        account=account,
        kind=kind,
        operation=operation,
        actor=door.actor,
        reason=reason,
        created_at=Now(),
    )
    kick_on_commit(door.account)
    return act


def _refuse_finished(operation: Operation, using: str) -> None:
    """Refuse what can no longer be decided on: read now, as the row in hand may be old."""
    fresh = (
        Operation.objects.using(using).filter(pk=operation.pk, account=operation.account).first()
    )
    if fresh is None:
        raise InvalidInputError.at("operation", f"There is no operation {operation.pk} any more.")
    if fresh.state not in Operation.UNFINISHED:
        raise InvalidInputError.at(
            "operation",
            f"It is finished ({fresh.get_state_display()}): only a pending operation, or one that "
            "needs an operator, can be retried or given up.",
        )
