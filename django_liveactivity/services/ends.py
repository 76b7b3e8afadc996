"""End cards: now or later, by row, by key, by id or by subject; and cancel scheduled ends."""

from collections.abc import Iterable
from typing import TypedDict, Unpack

from django.db.models import BigIntegerField, Model, QuerySet

from django_liveactivity import conf, selectors
from django_liveactivity.content import parsing
from django_liveactivity.content.parsing import ContentInput
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    LiveActivity,
    Operation,
    Subject,
    names_missing_migration,
    where_written,
)

from .end_request import EndRequest, satisfies, validate_end
from .writer import EndOptions, OperationFields, Writer, insert_operations

Kind = Operation.Kind
State = Operation.State


class CardName(TypedDict, total=False):
    """The one name of a card of which there is no row."""

    stream_key: str
    activity_id: str


@names_missing_migration
def end_activity(
    activity: LiveActivity | None = None,
    content: ContentInput | None = None,
    *,
    stream_key: str | None = None,
    activity_id: str | None = None,
    account: str | None = None,
    actor: object = "",
    reason: str = "",
    again: bool = True,
    **options: Unpack[EndOptions],
) -> Operation:
    """End a card, shown by us or elsewhere.

    Args:
        activity: the card's row; without it, give one of the two names.
        stream_key: the key of a stream, shown by us or elsewhere.
        activity_id: the vendor's id of a card, started by us or elsewhere.
        content: what the ended card shows; by default the newest content it was meant to show. A
            card that is known by its ``activity_id`` alone needs content with a title. A dict may
            have the vendor's ``auto_dismiss_seconds`` or ``auto_dismiss_minutes``, which become
            ``dismiss_after``.
        account: the alias in ``LIVEACTIVITY``; by default the row's.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        again: whether to tell the vendor again of a stream that we have shown and ended, as another
            program may have shown it since. The vendor is always told again of a stream that
            we never showed.
        **options: what ``EndOptions`` lists:

            - ``dismiss_after``: how long the ended card stays, 0 s to 4 h; by default the account's
              option, else the vendor's 2 or 3 minutes. It needs content, or a card whose content is
              known.
            - ``at``: end it then, not now; aware if ``USE_TZ``. A later call moves it.
            - ``after``: end it after so long, by the database's clock.
            - ``action``, ``secondary_action``, ``alert``, ``tags``, ``metadata``.

    Returns:
        The end. A pending one is returned again, unless this call asks for something else; an
        acknowledged one too, unless the vendor is to be told again. If the
        caller gives *actor*, the history records the repeated request.

    Raises:
        InvalidInputError: names the field; nothing was written. Also if ``dismiss_after`` and the
            dismissal in *content* contradict each other.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    writer = Writer.for_account(_account_of(activity, account), actor=actor, reason=reason)
    name = _check_names(activity, stream_key, activity_id)
    request = EndRequest.of(content, options)
    card = _find(writer, activity, name)
    if activity is not None and card is None:  # pruned long ago, or soon
        name = _name_of(activity.stream_key or None, activity.activity_id)
    return end_card(writer, card, request, name, again=again)


@names_missing_migration
def end_activities(
    *,
    subject: Model | Subject | Iterable[Model | Subject],
    exclude: LiveActivity | None = None,
    content: ContentInput | None = None,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: object = "",
    reason: str = "",
    **options: Unpack[EndOptions],
) -> list[Operation]:
    """End every live card of an object, or of each object of a queryset, in three queries.

    Args:
        subject: the object, as it was given to ``stream_activity``, or a queryset or another
            iterable of such objects; they may be deleted by now, as long as each has its primary
            key. Without an instance: ``Subject.named(model, pk)``.
        exclude: a card that stays, to end the others of its object.
        content: what each ended card shows; as for ``end_activity``.
        account: the alias in ``LIVEACTIVITY``.
        actor: as for ``end_activity``.
        reason: as for ``end_activity``.
        **options: as for ``end_activity``.

    Returns:
        The end of each card, in the order of the cards.

    Raises:
        InvalidInputError: names the field; nothing was written.
    """
    writer = Writer.for_account(account, actor=actor, reason=reason)
    request = EndRequest.of(content, options)
    if exclude is not None and not isinstance(exclude, LiveActivity):
        raise InvalidInputError.at("exclude", "Give a LiveActivity.")
    ends = [
        (writer, card, validate_end(writer, request, card))
        for card in selectors.open_cards(writer.account, _subjects(writer, subject))
        if exclude is None or card.lane_digest != exclude.lane_digest
    ]
    return insert_operations(Kind.END, ends)


@names_missing_migration
def keep_activity(
    activity: LiveActivity | None = None,
    *,
    stream_key: str | None = None,
    activity_id: str | None = None,
    account: str | None = None,
    actor: object = "",
    reason: str = "",
) -> Operation:
    """Cancel the scheduled end of a card; an end that is already due stays.

    Args:
        activity: the card's row; without it, give one of the two names.
        stream_key: the key of a stream.
        activity_id: the vendor's id of a card.
        account: the alias in ``LIVEACTIVITY``; by default the row's.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Returns:
        The row that keeps the card.

    Raises:
        InvalidInputError: names the field, if no such card is known; nothing was written.
    """
    writer = Writer.for_account(_account_of(activity, account), actor=actor, reason=reason)
    name = _check_names(activity, stream_key, activity_id)
    card = _find(writer, activity, name)
    if card is None:
        path = next(iter(name), "activity")
        raise InvalidInputError.at(path, "No such live activity is known.")
    return writer.insert_operation(card, Kind.KEEP)


def end_card(
    writer: Writer,
    card: LiveActivity | None,
    request: EndRequest,
    name: CardName | None = None,
    *,
    again: bool = True,
) -> Operation:
    """End a card that was read as ``described``, or adopt one of that name and end it."""
    if card is None:
        return _adopt(writer, request, name or {})
    standing = selectors.due_end(card) if card.is_closed else None
    if name and standing is not None and _may_be_shown_again(card, standing, name, again=again):
        return _adopt(writer, request, name)
    decided = decide_end(writer, card, request, standing)
    if isinstance(decided, Operation):
        writer.keep_repeat(decided)
        return decided
    return writer.insert_operation(card, Kind.END, **decided)


def _may_be_shown_again(
    card: LiveActivity, standing: Operation, name: CardName, *, again: bool
) -> bool:
    """Tell whether another program may have shown a stream since its end was acknowledged."""
    is_done = "stream_key" in name and standing.state == State.DONE
    return is_done and (again or card.newest_content is None)


def decide_end(
    writer: Writer, card: LiveActivity, request: EndRequest, standing: Operation | None
) -> Operation | OperationFields:
    """Return the standing end if it satisfies the request, else the columns of a new one.

    Args:
        writer: of the card's account.
        card: was read as ``described``.
        request: how it shall end.
        standing: the due end of a closed card.

    Raises:
        InvalidInputError: as ``validate_end`` does.
    """
    fields = validate_end(writer, request, card)
    if standing is not None and satisfies(standing, fields, request):
        return standing
    return fields


def _adopt(writer: Writer, request: EndRequest, name: CardName) -> Operation:
    fields = validate_end(writer, request, by_key="stream_key" in name)
    with writer.atomic():
        card = writer.insert_activity(**name, content=fields["content"])
        return writer.insert_operation(card, Kind.END, **fields)


def _subjects(writer: Writer, given: Model | Subject | Iterable[Model | Subject]) -> set[Subject]:
    """Return the objects that were named; of a queryset only the keys are read."""
    if isinstance(given, QuerySet):
        rows = given.using(where_written(given.model, writer.account.database))
        return {Subject.named(given.model, pk) for pk in rows.values_list("pk", flat=True)}
    several: Iterable[Model | Subject] = [given]  # type: ignore[list-item] # checked by of()
    if isinstance(given, Iterable) and not isinstance(given, Model | Subject):
        several = given
    subjects = {each if isinstance(each, Subject) else Subject.of(each) for each in several}
    if Subject.of(None) in subjects:
        raise InvalidInputError.at("subject", "Give a model instance, or a queryset.")
    return subjects


def _account_of(activity: LiveActivity | None, account: str | None) -> str:
    if activity is None:
        return account or conf.DEFAULT_ACCOUNT
    if not isinstance(activity, LiveActivity) or not _is_pk(activity.pk):
        raise InvalidInputError.at(
            "activity", "Give a saved LiveActivity, or name it by stream_key or activity_id."
        )
    if account is not None and account != activity.account:
        raise InvalidInputError.at("account", f"This card belongs to {activity.account!r}.")
    return activity.account


def _is_pk(value: object) -> bool:
    return isinstance(value, int) and 0 < value <= BigIntegerField.MAX_BIGINT


def _check_names(
    activity: LiveActivity | None, stream_key: str | None, activity_id: str | None
) -> CardName:
    """Return the checked name of the card, which is empty for a row."""
    given = [name for name in (activity, stream_key, activity_id) if name is not None]
    if len(given) != 1:
        raise InvalidInputError.at(
            "activity", "Give exactly one of activity, stream_key and activity_id."
        )
    return _name_of(stream_key, activity_id)


def _name_of(stream_key: str | None, activity_id: str | None) -> CardName:
    if stream_key is not None:
        return {"stream_key": parsing.check_stream_key(stream_key)}
    return {} if activity_id is None else {"activity_id": parsing.check_activity_id(activity_id)}


def _find(writer: Writer, activity: LiveActivity | None, name: CardName) -> LiveActivity | None:
    if activity is not None:
        return selectors.by_pk(writer.account, activity.pk)
    if "stream_key" in name:
        return selectors.newest_by_stream_key(writer.account, name["stream_key"])
    return selectors.newest_by_activity_id(writer.account, name["activity_id"])
