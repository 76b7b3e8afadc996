"""Operators' acts: INSERTed rows with an actor and a reason, applied by the next drain."""

from __future__ import annotations

from typing import Any

from django_liveactivity import conf
from django_liveactivity.dispatch import kick_on_commit
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Act, Now, Operation

from .door import enter


def retry_operation(operation: Operation, *, actor: Any, reason: str = "") -> Act:
    """Try an unfinished operation again at once.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user or a name, for the history.
        reason: why, for the history.
    """
    return _decide(operation.account, Act.Kind.RETRY, operation, actor, reason)


def give_up_operation(operation: Operation, *, actor: Any, reason: str) -> Act:
    """Give an unfinished operation up: the card may stay on the phone.

    Args:
        operation: one that is pending or needs an operator.
        actor: a user or a name, for the history.
        reason: why, for the history; it must be given.

    Raises:
        InvalidInputError: at ``reason`` if it is empty.
    """
    if not reason:
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")
    return _decide(operation.account, Act.Kind.GIVE_UP, operation, actor, reason)


def probe_account(account: str = conf.DEFAULT_ACCOUNT, *, actor: Any, reason: str = "") -> Act:
    """Let a frozen or blocked account make its next call at once.

    Args:
        account: the alias in ``LIVEACTIVITY``.
        actor: a user or a name, for the history.
        reason: why, for the history.
    """
    return _decide(account, Act.Kind.PROBE, None, actor, reason)


def _decide(
    account: str, kind: Act.Kind, operation: Operation | None, actor: Any, reason: str
) -> Act:
    door = enter(account, None, "act", actor, reason)
    if not door.actor:
        raise InvalidInputError.at("actor", "Say who decides.")
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
