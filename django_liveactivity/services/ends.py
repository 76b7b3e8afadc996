"""End cards: now or later, by row, by key, by id or by subject; and cancel scheduled ends."""

from __future__ import annotations

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import TypedDict, Unpack, cast

from django.conf import settings
from django.db.models import BigIntegerField, Model, QuerySet
from django.db.models.expressions import Combinable
from django.utils import timezone

from django_liveactivity import conf, selectors
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import (
    CARD_OPTIONS,
    Endpoint,
    check_content,
    check_options,
)
from django_liveactivity.content.parsing import (
    ContentInput,
    OptionFields,
    check_activity_id,
    check_dismiss_after,
    check_stream_key,
    parse_content,
    take_dismissal,
)
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import (
    LiveActivity,
    Operation,
    Subject,
    from_datetime,
    names_missing_migration,
    where_written,
)

from .writer import (
    NOW,
    UNSET,
    EndOptions,
    OperationFields,
    Unset,
    Writer,
    checked_options,
    milliseconds,
)

Kind = Operation.Kind
Rank = Operation.Rank
State = Operation.State
EARLIEST_YEAR, LATEST_YEAR = 1970, 9998


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
            program may have shown it since. A stream that we never showed is always told again.
        **options: what ``EndOptions`` lists:

            - ``dismiss_after``: how long the ended card stays, 0 s to 4 h; by default the account's
              option, else the vendor's 2 or 3 minutes. It needs content, or a card whose content is
              known.
            - ``at``: end it then, not now; aware if ``USE_TZ``. A later call moves it.
            - ``after``: end it after so long, by the database's clock.
            - ``action``, ``secondary_action``, ``alert``, ``tags``, ``metadata``.

    Returns:
        The end. A pending one is returned again, unless this call asks for something else; an
        acknowledged one too, unless the vendor is to be told again. The history keeps that a
        caller who gives *actor* has asked for an end that stands.

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
        actor: a user, another principal, or a name of at most 255 characters, for the history.
        reason: why, for the history.
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
        (card, _fields(writer, card, request))
        for card in selectors.open_cards(writer.account, _subjects(writer, subject))
        if exclude is None or card.lane_digest != exclude.lane_digest
    ]
    return writer.insert_operations(Kind.END, ends)


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


@dataclass
class EndRequest:
    """How a card shall end; checked against the card as far as it is known.

    A dismissal within content in the vendor's shape becomes ``dismiss_after``. Without content,
    ``changes`` are fields that replace those of the newest content, whatever its type.

    Raises:
        InvalidInputError: at a dismissal in the content that is wrong or contradicts another.
    """

    content: ContentInput | None = None
    options: OptionFields | None = None
    dismiss_after: datetime.timedelta | Unset | None = UNSET
    due_at: int | Combinable | None = None
    changes: JSONObject | None = None

    def __post_init__(self) -> None:
        self.content, self.dismiss_after = take_dismissal(
            self.content, self.dismiss_after, unset=UNSET
        )

    @classmethod
    def of(
        cls,
        content: ContentInput | None,
        options: EndOptions,
        changes: JSONObject | None = None,
        now: int | Combinable = NOW,
    ) -> EndRequest:
        """Return the request of a call.

        Raises:
            InvalidInputError: at ``at`` or ``after``, too.
        """
        due_at = _due_at(options.pop("at", None), options.pop("after", None), now)
        dismiss_after = options.pop("dismiss_after", UNSET)
        return cls(content, options, dismiss_after, due_at, changes)

    def for_card(self, card: LiveActivity) -> EndRequest:
        """Return the request with the content that ``changes`` make of a card's newest.

        What the newest content had beside it goes along, as with an end without content.

        Raises:
            ContentRequiredError: no content is known, and the changes have no title.
        """
        if not self.changes:
            return self
        known, beside = card.newest_content, card.newest_options or {}
        if known is None and "title" not in self.changes:
            raise ContentRequiredError.at("content", "Nothing is known of this card: give a title.")
        kept = {name: value for name, value in beside.items() if name in CARD_OPTIONS}
        options = cast("OptionFields", {**kept, **(self.options or {})})
        return replace(
            self, content={**(known or {}), **self.changes}, options=options, changes=None
        )


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
    """Return the end that stands, if it is all that is asked for, else the columns of a new one.

    Args:
        writer: of the card's account.
        card: was read as ``described``.
        request: how it shall end.
        standing: the due end of a closed card.

    Raises:
        InvalidInputError: names the field.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    fields = _fields(writer, card, request)
    if standing is not None and satisfies(standing, fields, request):
        return standing
    return fields


def _adopt(writer: Writer, request: EndRequest, name: CardName) -> Operation:
    fields = validate_end(writer, request, by_key="stream_key" in name)
    with writer.atomic():
        card = writer.insert_activity(**name, content=fields["content"])
        return writer.insert_operation(card, Kind.END, **fields)


def _fields(writer: Writer, card: LiveActivity, request: EndRequest) -> OperationFields:
    asked = request.for_card(card)
    by_key = bool(card.stream_key)
    return validate_end(writer, asked, by_key=by_key, known=card.newest_content)


def validate_end(
    writer: Writer, request: EndRequest, *, by_key: bool, known: JSONObject | None = None
) -> OperationFields:
    """Return the columns of the row of an end; *known* is the newest content of its card.

    An end of a card for which no content of ours is known goes behind the others: its name may be
    wrong, and many such ends must not delay one that a card on a phone waits for.

    Raises:
        InvalidInputError: names the field.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    endpoint = Endpoint.END_STREAM if by_key else Endpoint.END
    options = checked_options(request.options or {})
    final_json = None
    told = known.get("type") if known else None
    content_type = told if isinstance(told, str) else None
    if request.content is not None:
        final = parse_content(request.content, own_type=content_type)
        final_json, content_type = check_content(endpoint, final), final.type
    check_options(endpoint, content_type, options)
    shows = final_json is not None or known is not None
    if not shows and not by_key:
        raise ContentRequiredError.at("content", "Nothing is known of this card: give a title.")
    return {
        "content": final_json,
        "options": options.to_json(),
        "dismiss_seconds": _dismiss_seconds(writer, request.dismiss_after, shows),
        "due_at": request.due_at,
        "rank": Rank.UNKNOWN_END if known is None else Rank.END,
    }


def _dismiss_seconds(
    writer: Writer, value: datetime.timedelta | Unset | None, shows: bool
) -> int | None:
    if isinstance(value, Unset):
        return writer.backend.dismiss_seconds if shows else None
    if value is None:
        return None
    seconds = check_dismiss_after(value)
    if not shows:
        raise ContentRequiredError.at("content", "dismiss_after needs content with a title.")
    return seconds


def satisfies(standing: Operation, fields: OperationFields, request: EndRequest) -> bool:
    """Tell whether an end that stands already is all that is asked for."""
    if standing.state == State.DONE or request.due_at is not None:
        return True  # a due end can be neither moved nor changed once it is acknowledged
    if not isinstance(request.dismiss_after, Unset) and (
        fields["dismiss_seconds"] != standing.dismiss_seconds
    ):
        return False
    same_content = fields["content"] in (None, standing.content)
    return same_content and fields["options"].items() <= standing.options.items()


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
        return {"stream_key": check_stream_key(stream_key)}
    return {} if activity_id is None else {"activity_id": check_activity_id(activity_id)}


def _find(writer: Writer, activity: LiveActivity | None, name: CardName) -> LiveActivity | None:
    if activity is not None:
        return selectors.by_pk(writer.account, activity.pk)
    if "stream_key" in name:
        return selectors.newest_by_stream_key(writer.account, name["stream_key"])
    return selectors.newest_by_activity_id(writer.account, name["activity_id"])


def _due_at(
    at: datetime.datetime | None, after: datetime.timedelta | None, now: int | Combinable
) -> int | Combinable | None:
    if at is not None and after is not None:
        raise InvalidInputError.at("at", "Give either at or after.")
    if after is not None:
        return now + milliseconds("after", after)
    if at is None:
        return None
    if not isinstance(at, datetime.datetime):
        raise InvalidInputError.at("at", "Give a datetime.")
    if settings.USE_TZ and timezone.is_naive(at):
        raise InvalidInputError.at("at", "Give an aware datetime, because USE_TZ is on.")
    if not EARLIEST_YEAR <= at.year <= LATEST_YEAR:
        raise InvalidInputError.at("at", f"Give a year from {EARLIEST_YEAR} to {LATEST_YEAR}.")
    return from_datetime(at)
