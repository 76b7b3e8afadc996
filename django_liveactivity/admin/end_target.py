"""The card that a page ends: by row or by name, with its current end and what it would show."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import Enum, auto

from django_liveactivity import conf, selectors
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import CARD_OPTIONS
from django_liveactivity.models import LiveActivity, Operation, lane_digest

from .content_form import NOTHING_SHOWN, Shown
from .display import newest_of

Kind = Operation.Kind
State = Operation.State


class EndPhase(Enum):
    """How far the current end of a card is."""

    NONE = auto()
    SCHEDULED = auto()
    ENDING = auto()
    NEEDS_OPERATOR = auto()
    ENDED = auto()


@dataclass(frozen=True)
class EndState:
    """The current end of a card, and what the card would show.

    Args:
        phase: how far its end is.
        end: that end, or None.
        shown: what the ended card would show.
        sources: the operations that ``shown`` comes from.
    """

    phase: EndPhase = EndPhase.NONE
    end: Operation | None = None
    shown: Shown = NOTHING_SHOWN
    sources: tuple[int, ...] = ()


NOTHING_KNOWN = EndState()


@dataclass(frozen=True)
class EndTarget:
    """The card to end: its row, or its name if it is not known here.

    Args:
        account: the alias of its account.
        card: its row, read as ``described``.
        stream_key: its key.
        activity_id: its ID at the vendor.
        state: its current end.
    """

    account: str
    card: LiveActivity | None = None
    stream_key: str | None = None
    activity_id: str | None = None
    state: EndState = NOTHING_KNOWN

    @classmethod
    def of(cls, card: LiveActivity) -> EndTarget:
        """Return the target for a row; see ``end_state``."""
        return cls(card.account, card, state=end_state(card))

    @property
    def by_key(self) -> bool:
        """Whether the card has a stream key, so that it can end without content."""
        return bool(self.card.stream_key) if self.card else self.activity_id is None

    @property
    def digest(self) -> str:
        """The digest of its lane."""
        if self.card is not None:
            return self.card.lane_digest
        return lane_digest(stream_key=self.stream_key or "", activity_id=self.activity_id or "")

    @property
    def database(self) -> str:
        """The alias of its account's database."""
        return self.card.database if self.card else conf.stand_in(self.account).database

    def __str__(self) -> str:
        return str(self.card or self.stream_key or self.activity_id)


def end_state(card: LiveActivity) -> EndState:
    """Return the end state of a card that was read as ``described``, in at most two queries."""
    newest = newest_of([card]).get(card.pk, selectors.Newest())
    end = newest.end if card.is_closed else newest.pending_end
    content, options = card.newest_content, card.newest_options
    return EndState(
        phase=_phase(end, is_due=card.is_closed),
        end=end,
        shown=_shown(content, options or {}, end),
        sources=tuple(pk for pk in (card.newest_content_id, end and end.pk) if pk),
    )


def shown_by(target: EndTarget, sources: Iterable[int]) -> Shown:
    """Return what a card would show if these were its newest operations, in one query."""
    if tuple(sources) == target.state.sources:
        return target.state.shown
    lane = Operation.objects.using(target.database).filter(
        account=target.account, lane_digest=target.digest
    )
    operations = list(lane.filter(pk__in=sources).order_by("pk"))
    contents = [each for each in operations if each.kind in Operation.CONTENT_KINDS]
    end = next((each for each in operations if each.kind == Kind.END), None)
    content, options = (contents[-1].content, contents[-1].options) if contents else (None, {})
    return _shown(content, options, end)


def ends_since(target: EndTarget, newest: int) -> list[Operation]:
    """Return the newest 5 ends and keeps that were inserted after an operation, oldest first."""
    rows = Operation.objects.using(target.database).filter(
        account=target.account,
        lane_digest=target.digest,
        kind__in=(Kind.END, Kind.KEEP),
        pk__gt=newest,
    )
    return list(rows.order_by("-pk")[:5])[::-1]


def _phase(end: Operation | None, *, is_due: bool) -> EndPhase:
    if end is None:
        return EndPhase.NONE
    if end.is_settled:
        return EndPhase.ENDED
    if end.state == State.NEEDS_OPERATOR:
        return EndPhase.NEEDS_OPERATOR
    return EndPhase.ENDING if is_due else EndPhase.SCHEDULED


def _shown(content: JSONObject | None, options: JSONObject, end: Operation | None) -> Shown:
    """Return what a card shows at its end; the end's own content takes precedence."""
    beside = {name: value for name, value in options.items() if name in CARD_OPTIONS}
    if end is None:
        return Shown(content, beside)
    if end.content is not None:
        content, beside = end.content, {}
    said = frozenset(end.options) | ({"content"} if end.content is not None else set())
    replaced = said if end.is_scheduled else frozenset()
    return Shown(content, {**beside, **end.options}, replaced)
