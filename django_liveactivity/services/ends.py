"""End cards: now or later, by row, by key, by id or by subject; and keep them after all."""

from __future__ import annotations

import datetime
from collections.abc import Iterable, Mapping
from typing import Any, Unpack

from django.conf import settings
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from django_liveactivity import conf, selectors
from django_liveactivity.content import (
    Content,
    check_activity_id,
    check_stream_key,
)
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import (
    LiveActivity,
    Now,
    Operation,
    Subject,
    from_datetime,
    where_written,
)
from django_liveactivity.models.schema import names_missing_migration

from .intent import CardState, EndRequest, checked, satisfies
from .writer import UNSET, OptionFields, Unset, Writer, enter, milliseconds

Kind = Operation.Kind
State = Operation.State
EARLIEST_YEAR, LATEST_YEAR = 1970, 9998


@names_missing_migration
def end_activity(
    activity: LiveActivity | None = None,
    content: Content | Mapping[str, Any] | None = None,
    *,
    stream_key: str | None = None,
    activity_id: str | None = None,
    dismiss_after: datetime.timedelta | Unset | None = UNSET,
    at: datetime.datetime | None = None,
    after: datetime.timedelta | None = None,
    account: str | None = None,
    actor: Any = "",
    reason: str = "",
    **options: Unpack[OptionFields],
) -> Operation:
    """End a card, whoever showed it.

    Args:
        activity: the card's row; or give one of
        stream_key: the key of a stream, shown by us or elsewhere,
        activity_id: the vendor's id of a card, started by us or elsewhere.
        content: what the ended card shows; by default the newest content it was meant to show. A
            card that is known by its ``activity_id`` alone needs content with a title. A dict may
            have the vendor's ``auto_dismiss_seconds`` or ``auto_dismiss_minutes``, which become
            *dismiss_after*.
        dismiss_after: how long the ended card stays, 0 s to 4 h; by default the account's option,
            else the vendor's 2 or 3 minutes. It needs content, or a card whose content is known.
        at: end it then, not now; aware if ``USE_TZ``. A later call moves it.
        after: end it after so long, by the database's clock.
        account: the alias in ``LIVEACTIVITY``; by default the row's.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: ``action``, ``secondary_action``, ``alert``, ``tags``, ``metadata``.

    Returns:
        The end. A pending one is returned again, unless this call asks for something else; an
        acknowledged one too, unless the card is named by its key: somebody else may have shown it
        again, so the vendor is told again.

    Raises:
        InvalidInputError: names the field; nothing was written. Also if *dismiss_after* and the
            dismissal in *content* contradict each other.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    door = enter(_account_of(activity, account), actor=actor, reason=reason)
    path, name = _check_names(activity, stream_key, activity_id)
    wanted = EndRequest(content, options, dismiss_after, _due_at(at, after))
    card = _find(door, activity, path, name)
    if activity is None:
        return end_card(door, card, wanted, **{path: name})
    if card is None:  # pruned long ago, or soon
        path, name = _name_of(activity)
        return end_card(door, None, wanted, **{path: name})
    return end_card(door, card, wanted)


@names_missing_migration
def end_activities(
    *,
    subject: Model | Subject | Iterable[Model | Subject],
    exclude: LiveActivity | None = None,
    content: Content | Mapping[str, Any] | None = None,
    dismiss_after: datetime.timedelta | Unset | None = UNSET,
    at: datetime.datetime | None = None,
    after: datetime.timedelta | None = None,
    account: str = conf.DEFAULT_ACCOUNT,
    actor: Any = "",
    reason: str = "",
    **options: Unpack[OptionFields],
) -> list[Operation]:
    """End every live card of an object, or of each object of a queryset, in three queries.

    Args:
        subject: the object, as it was given to ``stream_activity``, or a queryset or another
            iterable of such objects; they may be deleted by now, as long as each has its primary
            key. Without an instance: ``Subject.named(model, pk)``.
        exclude: a card that stays, to end the others of its object.
        content: what each ended card shows; as for ``end_activity``.
        dismiss_after: as for ``end_activity``.
        at: as for ``end_activity``.
        after: as for ``end_activity``.
        account: the alias in ``LIVEACTIVITY``.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
        **options: as for ``end_activity``.

    Returns:
        The end of each card, in the order of the cards.

    Raises:
        InvalidInputError: names the field; nothing was written.
    """
    door = enter(account, actor=actor, reason=reason)
    wanted = EndRequest(content, options, dismiss_after, _due_at(at, after))
    spared = _lane_of(exclude)
    found = selectors.open_cards(door.account, _subjects(door, subject))
    cards = [card for card in found if card.lane_digest != spared]
    values = [checked(door, CardState.of(card), wanted) for card in cards]
    return door.insert_operations(Kind.END, list(zip(cards, values, strict=True)))


@names_missing_migration
def keep_activity(
    activity: LiveActivity | None = None,
    *,
    stream_key: str | None = None,
    activity_id: str | None = None,
    account: str | None = None,
    actor: Any = "",
    reason: str = "",
) -> Operation:
    """Cancel the scheduled end of a card; an end that is due already stays.

    Args:
        activity: the card's row; or give one of
        stream_key: the key of a stream,
        activity_id: the vendor's id of a card.
        account: the alias in ``LIVEACTIVITY``; by default the row's.
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.

    Returns:
        The row that keeps the card.

    Raises:
        InvalidInputError: names the field, if no such card is known; nothing was written.
    """
    door = enter(_account_of(activity, account), actor=actor, reason=reason)
    path, name = _check_names(activity, stream_key, activity_id)
    card = _find(door, activity, path, name)
    if card is None:
        raise InvalidInputError.at(path, "No such live activity is known.")
    return door.insert_operation(card, Kind.KEEP)


def _subjects(door: Writer, given: Model | Subject | Iterable[Model | Subject]) -> set[Subject]:
    """Return the objects that were named; of a queryset only the keys are read."""
    if isinstance(given, QuerySet):
        rows = given.using(where_written(given.model, door.account.database))
        return {Subject.named(given.model, pk) for pk in rows.values_list("pk", flat=True)}
    several: Iterable[Model | Subject] = [given]  # type: ignore[list-item] # checked by of()
    if isinstance(given, Iterable) and not isinstance(given, Model | Subject):
        several = given
    subjects = {each if isinstance(each, Subject) else Subject.of(each) for each in several}
    if Subject.of(None) in subjects:
        raise InvalidInputError.at("subject", "Give a model instance, or a queryset.")
    return subjects


def _lane_of(exclude: LiveActivity | None) -> str:
    if exclude is not None and not isinstance(exclude, LiveActivity):
        raise InvalidInputError.at("exclude", "Give a LiveActivity.")
    return "" if exclude is None else exclude.lane_digest


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
) -> tuple[str, str]:
    given = [name for name in (activity, stream_key, activity_id) if name is not None]
    if len(given) != 1:
        raise InvalidInputError.at(
            "activity", "Give exactly one of activity, stream_key and activity_id."
        )
    if stream_key is not None:
        return "stream_key", check_stream_key(stream_key)
    if activity_id is not None:
        return "activity_id", check_activity_id(activity_id)
    return "activity", ""


def _name_of(activity: LiveActivity) -> tuple[str, str]:
    if activity.stream_key:
        return "stream_key", check_stream_key(activity.stream_key)
    return "activity_id", check_activity_id(activity.activity_id)


def _find(door: Writer, activity: LiveActivity | None, path: str, name: str) -> LiveActivity | None:
    if activity is not None:
        return selectors.by_pk(door.account, activity.pk)
    if path == "stream_key":
        return selectors.newest_by_stream_key(door.account, name)
    return selectors.newest_by_activity_id(door.account, name)


def end_card(door: Writer, card: LiveActivity | None, wanted: EndRequest, **name: Any) -> Operation:
    """End a card that was read as ``described``, or adopt one of that name and end it."""
    if card is None:
        values = checked(door, CardState(by_key="stream_key" in name), wanted)
        with door.atomic():
            return door.insert_operation(door.insert_activity(**name), Kind.END, **values)
    standing = selectors.due_end(card) if card.is_closed else None
    if standing is not None and standing.state == State.DONE and "stream_key" in name:
        return end_card(door, None, wanted, **name)  # somebody else may have shown it again
    values = checked(door, CardState.of(card), wanted)
    if standing is not None and satisfies(standing, values, wanted):
        return standing
    return door.insert_operation(card, Kind.END, **values)


def _due_at(
    at: datetime.datetime | None, after: datetime.timedelta | None
) -> int | Combinable | None:
    if at is not None and after is not None:
        raise InvalidInputError.at("at", "Give either at or after.")
    if after is not None:
        return Now() + milliseconds("after", after)
    if at is None:
        return None
    if not isinstance(at, datetime.datetime):
        raise InvalidInputError.at("at", "Give a datetime.")
    if settings.USE_TZ and timezone.is_naive(at):
        raise InvalidInputError.at("at", "Give an aware datetime, because USE_TZ is on.")
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise InvalidInputError.at("at", f"Give a year from {EARLIEST_YEAR} to {LATEST_YEAR}.")
    return from_datetime(at)
