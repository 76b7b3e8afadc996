"""Remove an account in order: its cards end, and nothing is left when its key is forgotten."""

from __future__ import annotations

from dataclasses import dataclass

from django_liveactivity import selectors
from django_liveactivity.account_source import STALE_AFTER
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    Lane,
    Now,
    Operation,
    OperatorAction,
    names_missing_migration,
    rows_of,
)

from .batch import end_cards
from .writer import Writer

SETTLED_AFTER_MS = int(STALE_AFTER * 1000)
"""So long after an account began to close, every process has seen that it takes no more content."""
AT_ONCE = 1_000
"""Cards that one call ends."""
Kind = OperatorAction.Kind


@dataclass(frozen=True)
class ClosingAccount:
    """How far an account is that is about to be removed.

    Args:
        ended: the cards that this call has ended.
        unfinished: operations that are not finished, such as ends that are not acknowledged.
        in_flight: lanes of which a call is being made.
        is_done: nothing is left, and nothing more can come: its key can be forgotten.
    """

    ended: int
    unfinished: int
    in_flight: int
    is_done: bool


@names_missing_migration
def close_account(account: str, *, actor: object, reason: str = "") -> ClosingAccount:
    """End the cards of an account that is to be removed, and tell whether its key can go.

    Set ``CLOSING`` in its entry first: then no service and no ``ModelActivity`` shows anything
    more. Call this every few seconds until ``is_done``; only then take the entry away.

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
    writer = Writer.for_account(account, actor=actor, reason=reason)
    if not writer.actor:
        raise InvalidInputError.at("actor", "Say who decides.")
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
    unfinished = waiting.filter(state__in=Operation.UNFINISHED).count()
    in_flight = rows_of(writer.account, Lane).filter(lease_until__gt=Now()).count()
    is_done = has_settled and not (ended or unfinished or in_flight)
    return ClosingAccount(ended, unfinished, in_flight, is_done)


def _has_settled(writer: Writer) -> bool:
    """Tell whether the account has been closing for long enough; note it, if that is new."""
    marks = rows_of(writer.account, OperatorAction).filter(kind=Kind.CLOSE)
    begun = marks.order_by("-pk").values("created_at", "applied_at").first()
    if begun is None or _was_reopened(writer, begun["created_at"]):
        writer.insert_operator_action(Kind.CLOSE, None)
        return False
    old = marks.filter(created_at__lte=Now() - SETTLED_AFTER_MS)
    return begun["applied_at"] is not None and old.exists()


def _was_reopened(writer: Writer, closed_at: int) -> bool:
    """Tell whether a card came when none could any more: the account was open in between."""
    newest = selectors.activities(writer.account).order_by("-pk").first()
    return newest is not None and newest.created_at > closed_at + SETTLED_AFTER_MS


def _end_cards(writer: Writer) -> int:
    """End the cards that may be on phones, a thousand at most; return how many there were."""
    numbers = selectors.live_pks(writer.account, AT_ONCE)
    cards = selectors.by_pks(writer.account.database, numbers)
    end_cards(cards, actor=writer.actor, reason=writer.reason)
    return len(cards)
