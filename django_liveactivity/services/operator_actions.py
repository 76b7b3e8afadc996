"""Operators' decisions: rows with an actor and a reason, applied by the next drain."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, OuterRef

from django_liveactivity import conf
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    LiveActivity,
    Operation,
    OperatorAction,
    names_missing_migration,
    rows_of,
    with_now,
)

from .writer import Writer, checked_text, insert_operator_actions, writers_for

AT_ONCE = 1_000
"""Rows in one statement."""


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
    _check_is_given(reason)
    return _decide(_account_of(operation), OperatorAction.Kind.GIVE_UP, operation, actor, reason)


@dataclass(frozen=True)
class CardDecision:
    """What was decided on the unfinished operations of a card.

    Args:
        card: the card.
        decided: on how many of them.
        scheduled: how many are ends that are scheduled for later, on which nothing was decided.
        asked: how many were decided on in this way before, by what the next drain carries out.
        error: why nothing can be decided on the card.
    """

    card: LiveActivity
    decided: int = 0
    scheduled: int = 0
    asked: int = 0
    error: InvalidInputError | None = None


def retry_cards(
    cards: Sequence[LiveActivity], *, actor: object, reason: str = ""
) -> list[CardDecision]:
    """Try what is due and unfinished of cards again at once, in two statements.

    Args:
        cards: of one database, at most 1,000.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``actor`` or at ``reason``.
    """
    return _decide_on_cards(OperatorAction.Kind.RETRY, cards, actor, reason)


def give_up_cards(
    cards: Sequence[LiveActivity], *, actor: object, reason: str
) -> list[CardDecision]:
    """Give up what is unfinished of cards, in two statements; as ``give_up_operation`` does.

    Args:
        cards: of one database, at most 1,000.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history; it must be given.

    Raises:
        InvalidInputError: at ``actor`` or at ``reason``.
    """
    _check_is_given(reason)
    return _decide_on_cards(OperatorAction.Kind.GIVE_UP, cards, actor, reason)


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
    writer = _deciding_writer(account, actor, reason)
    if operation is not None:
        fresh = _unfinished(operation, writer.account.database)
        if not _can_be(kind, fresh):
            raise InvalidInputError.at(
                "operation",
                f"This end is scheduled for {fresh.due}: end the activity now, or move the end.",
            )
    return writer.insert_operator_action(kind, operation)


@names_missing_migration
def _decide_on_cards(
    kind: OperatorAction.Kind, cards: Sequence[LiveActivity], actor: object, reason: str
) -> list[CardDecision]:
    """Decide on each unfinished operation of the cards that can be decided on in this way."""
    if not cards:
        return []
    using = cards[0]._state.db or ""
    writers = writers_for((card.account for card in cards), using, actor=actor, reason=reason)
    _check_says_who(*writers.values())
    rows = Operation.objects.using(using).filter(activity__in=[card.pk for card in cards])
    before = OperatorAction.objects.filter(operation=OuterRef("pk"), kind=kind, applied_at=None)
    unfinished = with_now(rows.filter(state__in=Operation.UNFINISHED).order_by("pk"))
    own: dict[int, list[Operation]] = defaultdict(list)
    read = unfinished.only("pk", "activity", "account", "due_at").annotate(asked=Exists(before))
    for operation in read:
        own[operation.activity_id].append(operation)
    wanted: list[tuple[Writer, Operation]] = []
    decisions = []
    for card in cards:
        writer = writers[card.account]
        if isinstance(writer, InvalidInputError):
            decisions.append(CardDecision(card, error=writer))
            continue
        due = [operation for operation in own[card.pk] if _can_be(kind, operation)]
        new = [operation for operation in due if not operation.asked]
        wanted += [(writer, operation) for operation in new]
        counts = (len(new), len(own[card.pk]) - len(due), len(due) - len(new))
        decisions.append(CardDecision(card, *counts))
    for start in range(0, len(wanted), AT_ONCE):
        insert_operator_actions(kind, wanted[start : start + AT_ONCE], wanted[0][1].now)
    return decisions


def _can_be(kind: OperatorAction.Kind, operation: Operation) -> bool:
    """Tell whether an unfinished operation, read with ``now``, can be decided on in this way."""
    return kind != OperatorAction.Kind.RETRY or operation.due_at <= operation.now


def _check_is_given(reason: str) -> None:
    if not checked_text("reason", reason).strip():
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")


def _deciding_writer(account: str, actor: object, reason: str) -> Writer:
    writer = Writer.for_account(account, actor=actor, reason=reason)
    _check_says_who(writer)
    return writer


def _check_says_who(*writers: Writer | InvalidInputError) -> None:
    if any(isinstance(writer, Writer) and not writer.actor for writer in writers):
        raise InvalidInputError.at("actor", "Say who decides.")


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
