"""What an end is asked to be, held against what is known of the card."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models.expressions import Combinable

from django_liveactivity.content import (
    Endpoint,
    check_content,
    check_dismiss_after,
    check_options,
    take_dismissal,
)
from django_liveactivity.exceptions import ContentRequiredError
from django_liveactivity.models import LiveActivity, Operation

from .writer import UNSET, Unset, Writer, as_content, as_options

State = Operation.State


@dataclass(frozen=True)
class EndRequest:
    """How a card shall end; checked against the card as far as it is known.

    A dismissal within content in the vendor's shape becomes ``dismiss_after``.

    Raises:
        InvalidInputError: at a dismissal in the content that is wrong or contradicts another.
    """

    content: Any = None
    options: Mapping[str, Any] | None = None
    dismiss_after: datetime.timedelta | Unset | None = UNSET
    due_at: int | Combinable | None = None

    def __post_init__(self) -> None:
        content, stays = take_dismissal(self.content, self.dismiss_after, unset=UNSET)
        object.__setattr__(self, "content", content)
        object.__setattr__(self, "dismiss_after", stays)


@dataclass(frozen=True)
class CardState:
    """What is known of a card before it ends."""

    by_key: bool
    type: str | None = None
    has_content: bool = False

    @classmethod
    def of(cls, card: LiveActivity) -> CardState:
        """Return what the newest content of a card tells."""
        content = card.newest_content
        own_type = content.get("type") if content else None
        return cls(bool(card.stream_key), own_type, content is not None)


def checked(door: Writer, known: CardState, wanted: EndRequest) -> dict[str, Any]:
    """Return the values of the end's row.

    Raises:
        InvalidInputError: names the field.
        ContentRequiredError: nothing is known that the ended card could show.
    """
    endpoint = Endpoint.END_STREAM if known.by_key else Endpoint.END
    options = as_options(wanted.options or {})
    content, wire = None, None
    if wanted.content is not None:
        content = as_content(wanted.content, known.type)
        wire = check_content(endpoint, content)
    check_options(endpoint, content.type if content else known.type, options)
    shows = wire is not None or known.has_content
    if not shows and not known.by_key:
        raise ContentRequiredError.at("content", "Nothing is known of this card: give a title.")
    return {
        "content": wire,
        "options": options.to_json(),
        "dismiss_seconds": _dismiss_seconds(door, wanted.dismiss_after, shows),
        "due_at": wanted.due_at,
    }


def _dismiss_seconds(
    door: Writer, value: datetime.timedelta | Unset | None, shows: bool
) -> int | None:
    if isinstance(value, Unset):
        return door.backend.dismiss_seconds if shows else None
    if value is None:
        return None
    seconds = check_dismiss_after(value)
    if not shows:
        raise ContentRequiredError.at("content", "dismiss_after needs content with a title.")
    return seconds


def satisfies(standing: Operation, values: dict[str, Any], wanted: EndRequest) -> bool:
    """Tell whether an end that stands already is all that is asked for."""
    if standing.state == State.DONE or wanted.due_at is not None:
        return True  # a due end can be neither moved nor changed once it is acknowledged
    return _adds_nothing(standing, values, wanted)


def _adds_nothing(standing: Operation, values: dict[str, Any], wanted: EndRequest) -> bool:
    if not isinstance(wanted.dismiss_after, Unset) and (
        values["dismiss_seconds"] != standing.dismiss_seconds
    ):
        return False
    same_content = values["content"] in (None, standing.content)
    same_options = all(standing.options.get(k) == v for k, v in values["options"].items())
    return same_content and same_options
