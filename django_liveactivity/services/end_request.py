"""How a card shall end: content, dismissal and moment, checked; and when an end already does so."""

import datetime
from dataclasses import dataclass, replace
from typing import Self, cast

from django.conf import settings
from django.db.models.expressions import Combinable
from django.utils import timezone

from django_liveactivity.content import endpoints, parsing
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.parsing import ContentInput, OptionFields, parse_content
from django_liveactivity.exceptions import ContentRequiredError, InvalidInputError
from django_liveactivity.models import LiveActivity, Operation, from_datetime

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

Rank = Operation.Rank
State = Operation.State
EARLIEST_YEAR, LATEST_YEAR = 1970, 9998
UNKNOWN_CONTENT = "The content of this card is unknown: give content with a title."


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
        self.content, self.dismiss_after = parsing.take_dismissal(
            self.content, self.dismiss_after, unset=UNSET
        )

    @classmethod
    def of(
        cls,
        content: ContentInput | None,
        options: EndOptions,
        changes: JSONObject | None = None,
        now: int | Combinable = NOW,
    ) -> Self:
        """Return the request of a call.

        Raises:
            InvalidInputError: at ``at`` or ``after``, too.
        """
        due_at = _due_at(options.pop("at", None), options.pop("after", None), now)
        dismiss_after = options.pop("dismiss_after", UNSET)
        return cls(content, options, dismiss_after, due_at, changes)

    def for_card(self, card: LiveActivity) -> Self:
        """Return the request with the content that ``changes`` make of a card's newest.

        What the newest content had beside it goes along, as with an end without content.

        Raises:
            ContentRequiredError: no content is known, and the changes have no title.
        """
        if not self.changes:
            return self
        known, beside = card.newest_content, card.newest_options or {}
        if known is None and "title" not in self.changes:
            raise ContentRequiredError.at("content", UNKNOWN_CONTENT)
        kept = {name: value for name, value in beside.items() if name in endpoints.CARD_OPTIONS}
        options = cast("OptionFields", {**kept, **(self.options or {})})
        return replace(
            self, content={**(known or {}), **self.changes}, options=options, changes=None
        )


def validate_end(
    writer: Writer, request: EndRequest, card: LiveActivity | None = None, *, by_key: bool = False
) -> OperationFields:
    """Return the columns of the row of an end.

    An end of a card for which no content of ours is known goes behind the others: its name may be
    wrong, and many such ends must not delay one that a card on a phone waits for.

    Args:
        writer: of the card's account.
        request: how the card shall end.
        card: the card, read as ``described``; None if it is to be adopted.
        by_key: whether a card that is to be adopted is named by its stream key.

    Raises:
        InvalidInputError: names the field.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    known = None
    if card is not None:
        request, by_key, known = request.for_card(card), bool(card.stream_key), card.newest_content
    endpoint = endpoints.Endpoint.END_STREAM if by_key else endpoints.Endpoint.END
    options = checked_options(request.options or {})
    final_json = None
    known_type = known.get("type") if known else None
    content_type = known_type if isinstance(known_type, str) else None
    if request.content is not None:
        final = parse_content(request.content, own_type=content_type)
        final_json, content_type = endpoints.check_content(endpoint, final), final.type
    endpoints.check_options(endpoint, content_type, options)
    shows = final_json is not None or known is not None
    if not shows and not by_key:
        raise ContentRequiredError.at("content", UNKNOWN_CONTENT)
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
    seconds = parsing.check_dismiss_after(value)
    if not shows:
        raise ContentRequiredError.at("content", "dismiss_after needs content with a title.")
    return seconds


def satisfies(standing: Operation, fields: OperationFields, request: EndRequest) -> bool:
    """Tell whether a standing end, due and in force, already does what is requested."""
    if standing.state == State.DONE or request.due_at is not None:
        return True  # a due end can be neither moved nor changed once it is acknowledged
    if not isinstance(request.dismiss_after, Unset) and (
        fields["dismiss_seconds"] != standing.dismiss_seconds
    ):
        return False
    same_content = fields["content"] in (None, standing.content)
    return same_content and fields["options"].items() <= standing.options.items()


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
