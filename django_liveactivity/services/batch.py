"""End thousands of cards: a choice in one row, confirmed once, and ends by the thousand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from django.db.models import BigIntegerField

from django_liveactivity import selectors
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.parsing import ContentInput, OptionFields
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    EndBatch,
    LiveActivity,
    Now,
    Operation,
    names_missing_migration,
)

from .ends import EndRequest, decide_end
from .operator_actions import CardDecision, give_up_cards, retry_cards
from .writer import (
    EndOptions,
    OperationFields,
    Writer,
    actor_text,
    insert_batch,
    insert_operations,
    writers_for,
)

__all__ = [
    "CardDecision",
    "CardEnd",
    "choose_cards",
    "confirm_batch",
    "end_cards",
    "find_choice",
    "give_up_cards",
    "retry_cards",
    "sketch_of",
]


@dataclass(frozen=True)
class CardEnd:
    """What became of a card that was to end.

    Args:
        card: the card.
        standing: the end that stood already and is all that was asked for.
        error: why the card cannot end as was asked for.
    """

    card: LiveActivity
    standing: Operation | None = None
    error: InvalidInputError | None = None

    @property
    def is_new(self) -> bool:
        """Tell whether an end was inserted."""
        return self.standing is None and self.error is None


@names_missing_migration
def choose_cards(ids: Iterable[int], *, using: str, filters: str = "", actor: object) -> EndBatch:
    """Store which cards an operator has chosen, before the choice is confirmed.

    Args:
        ids: the primary keys of the cards, at least one.
        using: their database.
        filters: the query string of the list that they were chosen from.
        actor: a user, another principal, or a name of at most 255 characters.

    Raises:
        InvalidInputError: at ``actor``.
    """
    ranges = list(_ranges(sorted(ids)))
    return insert_batch(
        using,
        actor=actor,
        filters=filters,
        highest_id=ranges[-1][1],
        ranges=ranges,
        size=sum(last - first + 1 for first, last in ranges),
    )


@names_missing_migration
def find_choice(number: int, *, using: str, actor: object) -> EndBatch | None:
    """Return the choice of this number, None if it is gone or another operator's."""
    if number > BigIntegerField.MAX_BIGINT:
        return None
    found: EndBatch | None = EndBatch.objects.using(using).filter(pk=number).first()
    return found if found is not None and found.actor == actor_text(actor) else None


def _ranges(ids: Sequence[int]) -> Iterator[tuple[int, int]]:
    """Yield the first and the last of each run of consecutive ids, which are in ascending order."""
    first = ids[0]
    for one, following in zip(ids, [*ids[1:], None], strict=True):
        if following != one + 1:
            yield first, one
            first = following or 0


def confirm_batch(batch: EndBatch) -> bool:
    """Note that a choice of cards is confirmed; False if it was before.

    A second request waits here until the transaction of the first is over: call it first in the
    transaction that ends the cards. It is the one UPDATE of a service, of a row that nothing else
    changes.
    """
    rows = EndBatch.objects.using(batch._state.db).filter(pk=batch.pk, ended_at=None)
    return bool(rows.update(ended_at=Now()))


@names_missing_migration
def end_cards(
    cards: Sequence[LiveActivity],
    *,
    changes: JSONObject | None = None,
    batch: EndBatch | None = None,
    actor: object,
    reason: str = "",
    **options: Unpack[EndOptions],
) -> list[CardEnd]:
    """End cards, each as ``end_activity`` does, in at most four statements for each 500.

    One that is over and soon to be pruned is refused: no phone has shown it for a month.

    Args:
        cards: of one database, as ``selectors.by_pks`` reads them.
        changes: fields of content that every type has, in which the ended cards differ from what
            they were last meant to show.
        batch: the choice that the ends belong to.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: as for ``end_activity``.

    Returns:
        What became of each card, in the order of the cards.

    Raises:
        InvalidInputError: at ``actor``, ``reason``, ``at`` or ``after``; nothing was written. What
            else is wrong is told of each card.
    """
    if not cards:
        return []
    using, now = cards[0]._state.db or "", cards[0].read_at
    request = EndRequest.of(None, options, changes, now)
    writers = writers_for((card.account for card in cards), using, actor=actor, reason=reason)
    standing = selectors.due_ends([card for card in cards if card.is_closed])
    ends: list[CardEnd] = []
    new: list[tuple[Writer, LiveActivity, OperationFields]] = []
    for card in cards:
        try:
            writer = _writer_of(card, writers)
            decided = decide_end(writer, card, request, standing.get(card.pk))
        except InvalidInputError as error:
            ends.append(CardEnd(card, error=error))
            continue
        if isinstance(decided, Operation):
            ends.append(CardEnd(card, decided))
        else:
            ends.append(CardEnd(card))
            new.append((writer, card, {**decided, "batch": batch}))
    insert_operations(Operation.Kind.END, new, now)
    return ends


def _writer_of(card: LiveActivity, writers: Mapping[str, Writer | InvalidInputError]) -> Writer:
    writer = writers[card.account]
    if isinstance(writer, InvalidInputError):
        raise writer
    if not selectors.is_lasting(card, writer.account):
        raise InvalidInputError.at("activity", "It was over long ago, and is soon forgotten.")
    return writer


def sketch_of(
    card: LiveActivity, changes: JSONObject | None, options: OptionFields
) -> tuple[ContentInput | None, OptionFields]:
    """Return the content and the options that ``end_cards`` gives the end of a card.

    Raises:
        ContentRequiredError: no content is known, and the changes have no title.
    """
    request = EndRequest(options=options, changes=changes).for_card(card)
    return request.content, request.options or {}
