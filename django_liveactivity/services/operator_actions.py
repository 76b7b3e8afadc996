"""Operators' decisions: rows with an actor and a reason, applied by the next drain."""

from dataclasses import dataclass

from django_liveactivity import conf, selectors
from django_liveactivity.account_source import STALE_AFTER
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    Lane,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    names_missing_migration,
    rows_of,
    with_now,
)

from .batch import can_be_decided, check_actor_given, check_reason_given, end_cards
from .writer import Writer

SETTLED_AFTER_MS = int(STALE_AFTER * 1000)
"""So long after an account began to close, every process has seen that it takes no more content."""
CLOSED_AT_ONCE = 1_000
"""Cards that one call of ``close_account`` ends."""


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
    check_reason_given(reason)
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


@names_missing_migration
def acknowledge_activity(
    activity: LiveActivity, *, actor: object, reason: str = ""
) -> OperatorAction:
    """Note that an operator has looked at a card that needs attention: it needs none any more.

    Its operations stay as they are. An end that the vendor refuses goes on waiting for an operator:
    retry it or give it up.

    Args:
        activity: the card's row.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: what was found, for the history.

    Raises:
        InvalidInputError: at ``activity`` if it is unknown or needs no attention, at ``actor`` or
            at ``reason``.
    """
    if not isinstance(activity, LiveActivity) or not isinstance(activity.pk, int):
        raise InvalidInputError.at("activity", "Give a saved LiveActivity.")
    writer = _deciding_writer(activity.account, actor, reason)
    cards = rows_of(writer.account, LiveActivity).filter(pk=activity.pk, needs_attention=True)
    if not cards.exists():
        raise InvalidInputError.at("activity", "This live activity needs no attention.")
    operations = rows_of(writer.account, Operation).filter(activity=activity.pk)
    return writer.insert_operator_action(
        OperatorAction.Kind.ACKNOWLEDGE, operations.order_by("-pk").first()
    )


@dataclass(frozen=True)
class ClosingAccount:
    """How far the removal of an account is.

    Args:
        ended: the cards that this call has ended.
        unfinished: operations that are not finished, such as ends that are not acknowledged. If
            there are none, cards whose time to live is to end them.
        in_flight: lanes of which a call is being made.
        is_done: nothing is left and nothing can follow, so you can delete the key.
    """

    ended: int
    unfinished: int
    in_flight: int
    is_done: bool


@names_missing_migration
def close_account(account: str, *, actor: object, reason: str = "") -> ClosingAccount:
    """End the cards of an account that is to be removed, and tell whether you can delete its key.

    Set ``CLOSING`` in its entry first: then no service and no ``ModelActivity`` shows anything
    more. Call this every few seconds until ``is_done``; only then remove the entry.

    Args:
        account: the alias.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Returns:
        How far it is. It is done 5 s after the first call at the earliest, when every process has
        seen that the account is closing, and a drain has looked at it since.

    Raises:
        UnknownAccountError: at ``account``, if there is no such account.
        InvalidInputError: at ``account``, if it is not closing; at ``actor`` or ``reason``.
        AccountSourceError: if the account source does not answer.
    """
    writer = _deciding_writer(account, actor, reason)
    if not writer.account.closing:
        message = f"Account {account!r} is not closing: set CLOSING in its entry first."
        raise InvalidInputError.at("account", message)
    with writer.atomic():
        has_settled = _has_settled(writer)
        ended = _end_cards(writer)
    # By the index of what is due: finished operations have no next try.
    waiting = rows_of(writer.account, Operation).filter(
        rank__in=Operation.Rank.values, next_try_at__gte=0
    )
    lanes = rows_of(writer.account, Lane)
    unfinished = (
        waiting.filter(state__in=Operation.UNFINISHED).count()
        or lanes.filter(deadline_at__isnull=False).count()
    )
    in_flight = lanes.filter(lease_until__gt=Now()).count()
    is_done = has_settled and not (ended or unfinished or in_flight)
    return ClosingAccount(ended, unfinished, in_flight, is_done)


@names_missing_migration
def _decide(
    account: str,
    kind: OperatorAction.Kind,
    operation: Operation | None,
    actor: object,
    reason: str,
) -> OperatorAction:
    writer = _deciding_writer(account, actor, reason)
    if operation is not None:
        fresh = _unfinished(operation, writer.account.database)
        if not can_be_decided(kind, fresh):
            raise InvalidInputError.at(
                "operation",
                f"This end is scheduled for {fresh.due}: end the activity now, or move the end.",
            )
    return writer.insert_operator_action(kind, operation)


def _account_of(operation: Operation) -> str:
    if not isinstance(operation, Operation) or not isinstance(operation.pk, int):
        raise InvalidInputError.at("operation", "Give a saved Operation.")
    return operation.account


def _deciding_writer(account: str, actor: object, reason: str) -> Writer:
    writer = Writer.for_account(account, actor=actor, reason=reason)
    check_actor_given(actor)
    return writer


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


def _has_settled(writer: Writer) -> bool:
    """Tell whether the account has been closing for long enough; note it, if that is new."""
    marks = rows_of(writer.account, OperatorAction).filter(kind=OperatorAction.Kind.CLOSE)
    # The newest only: an older one may be of an earlier closing.
    mark = with_now(marks).order_by("-pk").first()
    if mark is None or _was_reopened(writer, mark.created_at):
        writer.insert_operator_action(OperatorAction.Kind.CLOSE, None)
        return False
    return mark.applied_at is not None and mark.created_at <= mark.now - SETTLED_AFTER_MS


def _was_reopened(writer: Writer, closed_at: int) -> bool:
    """Tell whether a card came when none could any more: the account was open in between."""
    newest = selectors.activities(writer.account).order_by("-pk").first()
    return newest is not None and newest.created_at > closed_at + SETTLED_AFTER_MS


def _end_cards(writer: Writer) -> int:
    """End the cards that may be on phones, a thousand at most; return how many there were."""
    numbers = selectors.live_pks(writer.account, CLOSED_AT_ONCE)
    cards = selectors.by_pks(writer.account.database, numbers)
    end_cards(cards, actor=writer.actor, reason=writer.reason)
    return len(cards)
