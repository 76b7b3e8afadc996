"""Operators' decisions: rows with an actor and a reason, applied by the next drain."""

from __future__ import annotations

from django_liveactivity import conf
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Operation, OperatorAction, with_now
from django_liveactivity.models.missing_migration import names_missing_migration

from .writer import Writer, checked_text


def retry_operation(operation: Operation, *, actor: object, reason: str = "") -> OperatorAction:
    """Try an unfinished operation again at once.

    Args:
        operation: one that is due, and pending or in need of an operator.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``operation`` if it is finished or scheduled for later, at ``actor``
            or at ``reason``.
    """
    return _decide(_account_of(operation), OperatorAction.Kind.RETRY, operation, actor, reason)


def give_up_operation(operation: Operation, *, actor: object, reason: str) -> OperatorAction:
    """Give an unfinished operation up: it is never sent again.

    The card of an end that is given up may stay on the phone; it is marked as needing attention.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history; it must be given.

    Raises:
        InvalidInputError: at ``operation`` if it is finished, at ``actor`` or at ``reason``.
    """
    if not checked_text("reason", reason).strip():
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")
    return _decide(_account_of(operation), OperatorAction.Kind.GIVE_UP, operation, actor, reason)


def probe_account(
    account: str = conf.DEFAULT_ACCOUNT, *, actor: object, reason: str = ""
) -> OperatorAction:
    """Let an account that is frozen, blocked or waiting for payment make its next call at once.

    Args:
        account: the alias in ``LIVEACTIVITY``.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``account``, ``actor`` or ``reason``.
    """
    return _decide(account, OperatorAction.Kind.PROBE, None, actor, reason)


def _account_of(operation: Operation) -> str:
    if not isinstance(operation, Operation) or not isinstance(operation.pk, int):
        raise InvalidInputError.at("operation", "Give a saved Operation.")
    return operation.account


@names_missing_migration
def _decide(
    account: str,
    kind: OperatorAction.Kind,
    operation: Operation | None,
    actor: object,
    reason: str,
) -> OperatorAction:
    writer = Writer.for_account(account, actor=actor, reason=reason)
    if not writer.actor:
        raise InvalidInputError.at("actor", "Say who decides.")
    if operation is not None:
        fresh = _unfinished(operation, writer.account.database)
        if kind == OperatorAction.Kind.RETRY and fresh.due_at > fresh.now:
            raise InvalidInputError.at(
                "operation",
                f"This end is scheduled for {fresh.due}: end the activity now, or move the end.",
            )
    return writer.insert_operator_action(kind, operation)


def _unfinished(operation: Operation, using: str) -> Operation:
    """Return the row as it is now, if it can still be decided on."""
    rows = Operation.objects.using(using).filter(pk=operation.pk, account=operation.account)
    fresh: Operation | None = with_now(rows).first()
    if fresh is None:
        raise InvalidInputError.at("operation", f"Operation {operation.pk} no longer exists.")
    if fresh.state not in Operation.UNFINISHED:
        raise InvalidInputError.at(
            "operation",
            f"It is finished ({fresh.get_state_display()}): only a pending operation, or one that "
            "needs an operator, can be retried or given up.",
        )
    return fresh
