"""Operators' acts: INSERTed rows with an actor and a reason, applied by the next drain."""

from __future__ import annotations

from typing import Any

from django_liveactivity import conf
from django_liveactivity.dispatch import kick_on_commit
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Act, Now, Operation, with_now
from django_liveactivity.models.schema import names_missing_migration

from .door import as_text, enter


def retry_operation(operation: Operation, *, actor: Any, reason: str = "") -> Act:
    """Try an unfinished operation again at once.

    Args:
        operation: one that is due, and pending or in need of an operator.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``operation`` if it is finished or scheduled for later, at ``actor``
            or at ``reason``.
    """
    return _decide(_account_of(operation), Act.Kind.RETRY, operation, actor, reason)


def give_up_operation(operation: Operation, *, actor: Any, reason: str) -> Act:
    """Give an unfinished operation up: it is never sent again.

    Of an end that is given up the card may stay on the phone; it is marked as needing attention.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history; it must be given.

    Raises:
        InvalidInputError: at ``operation`` if it is finished, at ``actor`` or at ``reason``.
    """
    if not as_text("reason", reason).strip():
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")
    return _decide(_account_of(operation), Act.Kind.GIVE_UP, operation, actor, reason)


def probe_account(account: str = conf.DEFAULT_ACCOUNT, *, actor: Any, reason: str = "") -> Act:
    """Let an account that is frozen, blocked or waits for payment make its next call at once.

    Args:
        account: the alias in ``LIVEACTIVITY``.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``account``, ``actor`` or ``reason``.
    """
    return _decide(account, Act.Kind.PROBE, None, actor, reason)


def _account_of(operation: Operation) -> str:
    if not isinstance(operation, Operation) or not isinstance(operation.pk, int):
        raise InvalidInputError.at("operation", "Give a saved Operation.")
    return operation.account


@names_missing_migration
def _decide(
    account: str, kind: Act.Kind, operation: Operation | None, actor: Any, reason: str
) -> Act:
    door = enter(account, actor=actor, reason=reason)
    if not door.actor:
        raise InvalidInputError.at("actor", "Say who decides.")
    if operation is not None:
        fresh = _unfinished(operation, door.account.database)
        if kind == Act.Kind.RETRY and fresh.due_at > fresh.now:
            raise InvalidInputError.at(
                "operation",
                f"This end is scheduled for {fresh.due}: end the activity now, or move the end.",
            )
    act: Act = Act.objects.using(door.account.database).insert(
        account=account,
        kind=kind,
        operation=operation,
        actor=door.actor,
        reason=door.reason,
        created_at=Now(),
    )
    kick_on_commit(door.account)
    return act


def _unfinished(operation: Operation, using: str) -> Operation:
    """Return the row as it is now, if it can still be decided on."""
    rows = Operation.objects.using(using).filter(pk=operation.pk, account=operation.account)
    fresh: Operation | None = with_now(rows).first()
    if fresh is None:
        raise InvalidInputError.at("operation", f"There is no operation {operation.pk} any more.")
    if fresh.state not in Operation.UNFINISHED:
        raise InvalidInputError.at(
            "operation",
            f"It is finished ({fresh.get_state_display()}): only a pending operation, or one that "
            "needs an operator, can be retried or given up.",
        )
    return fresh
