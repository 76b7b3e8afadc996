"""Thousands of cards at once: chosen and confirmed as one, then ended, retried or given up."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Unpack

from django.db.models import BigIntegerField, Exists, OuterRef

from django_liveactivity import conf, selectors
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.parsing import ContentInput, OptionFields
from django_liveactivity.exceptions import AccountSourceError, InvalidInputError
from django_liveactivity.models import (
    EndBatch,
    LiveActivity,
    Now,
    Operation,
    OperatorAction,
    names_missing_migration,
    with_now,
)

from .end_request import EndRequest
from .ends import decide_end
from .writer import (
    EndOptions,
    OperationFields,
    Writer,
    actor_text,
    checked_text,
    insert_batch,
    insert_operations,
    insert_operator_actions,
)

AT_ONCE = 1_000
"""Decisions in one statement."""


@names_missing_migration
def choose_cards(ids: Iterable[int], *, using: str, actor: object) -> EndBatch:
    """Store which cards an operator has chosen, before the choice is confirmed.

    Args:
        ids: the primary keys of the cards, at least one.
        using: their database.
        actor: a user, another principal, or a name of at most 255 characters.

    Raises:
        InvalidInputError: at ``actor``.
    """
    return insert_batch(using, actor=actor, ranges=[*_ranges(sorted(ids))])


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


@dataclass(frozen=True)
class CardEnd:
    """The result of ending one card of a batch.

    Args:
        card: the card.
        standing: the end that was in force already and satisfies the request.
        error: why the card cannot end as requested.
    """

    card: LiveActivity
    standing: Operation | None = None
    error: InvalidInputError | None = None

    @property
    def is_new(self) -> bool:
        """Tell whether an end was inserted."""
        return self.standing is None and self.error is None


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

    A card that is about to be pruned is refused: no phone has shown it for a month.

    Args:
        cards: of one database, as ``selectors.by_pks`` reads them.
        changes: fields of content that every type has, in which the ended cards differ from what
            they were last meant to show.
        batch: the choice that the ends belong to.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: as for ``end_activity``.

    Returns:
        The result for each card, in the order of the cards.

    Raises:
        InvalidInputError: at ``actor``, ``reason``, ``at`` or ``after``; nothing was written. Any
            other error is in the result for its card.
    """
    if not cards:
        return []
    using, now = cards[0]._state.db or "", cards[0].read_at
    request = EndRequest.of(None, options, changes, now)
    writers = _writers_for((card.account for card in cards), using, actor=actor, reason=reason)
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
        raise InvalidInputError.at("activity", "It ended long ago, and is about to be pruned.")
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
    check_reason_given(reason)
    return _decide_on_cards(OperatorAction.Kind.GIVE_UP, cards, actor, reason)


@names_missing_migration
def _decide_on_cards(
    kind: OperatorAction.Kind, cards: Sequence[LiveActivity], actor: object, reason: str
) -> list[CardDecision]:
    """Decide on each unfinished operation of the cards that can be decided on in this way."""
    if not cards:
        return []
    using = cards[0]._state.db or ""
    writers = _writers_for((card.account for card in cards), using, actor=actor, reason=reason)
    check_actor_given(actor)
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
        due = [operation for operation in own[card.pk] if can_be_decided(kind, operation)]
        new = [operation for operation in due if not operation.asked]
        wanted += [(writer, operation) for operation in new]
        counts = (len(new), len(own[card.pk]) - len(due), len(due) - len(new))
        decisions.append(CardDecision(card, *counts))
    for start in range(0, len(wanted), AT_ONCE):
        insert_operator_actions(kind, wanted[start : start + AT_ONCE], wanted[0][1].now)
    return decisions


def can_be_decided(kind: OperatorAction.Kind, operation: Operation) -> bool:
    """Tell whether an unfinished operation, read with ``now``, can be decided on in this way."""
    return kind != OperatorAction.Kind.RETRY or operation.due_at <= operation.now


def check_reason_given(reason: str) -> None:
    if not checked_text("reason", reason).strip():
        raise InvalidInputError.at("reason", "Say why: the card may stay on the phone.")


def check_actor_given(actor: object) -> None:
    """Refuse a decision without the name of the operator.

    Raises:
        InvalidInputError: at ``actor``.
    """
    if not actor_text(actor):
        raise InvalidInputError.at("actor", "Say who decides.")


def _writers_for(
    aliases: Iterable[str], using: str, *, actor: object, reason: str
) -> dict[str, Writer | InvalidInputError]:
    """Return the writer of each account, or the error that keeps its rows from being written.

    Args:
        aliases: the accounts of cards.
        using: the database of the cards.
        actor: who asks, as for ``Writer.for_account``.
        reason: why, for the history.

    Raises:
        InvalidInputError: at ``actor`` or ``reason``.
    """
    found: dict[str, Writer | InvalidInputError] = {}
    for alias in set(aliases):
        try:
            account = conf.account(alias)
        except InvalidInputError as error:
            found[alias] = error
            continue
        except AccountSourceError as error:
            found[alias] = InvalidInputError.at("account", str(error))
            continue
        message = f"The rows of {alias!r} are in another database by now."
        is_here = account.database == using
        writer = Writer.for_account(alias, actor=actor, reason=reason)
        found[alias] = writer if is_here else InvalidInputError.at("account", message)
    return found
