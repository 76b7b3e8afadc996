"""What phones show of a card now, and what they will show when it has ended, as values to draw.

Everything is read from our rows; what an end will show is decided by the rules that delivery
itself sends by.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from django.core.exceptions import ImproperlyConfigured

from django_liveactivity import selectors
from django_liveactivity.backends import get_backend
from django_liveactivity.client.call import Call
from django_liveactivity.content.encoding import JSONObject
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.content.parsing import LONGEST_DISMISSAL
from django_liveactivity.delivery.rules.bodies import end_call
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.lockscreen import CardState, SketchedCard
from django_liveactivity.models import Lane, LiveActivity, Operation

from .display import Display, after_end, dismissal_seconds
from .rows import CardRows, read_rows

__all__ = ["EndSketch", "sketch", "sketches", "sketches_at_end", "sketches_of_both"]

Status = LiveActivity.Status
STATES: Mapping[str, CardState] = {
    Status.PENDING: CardState.WAITING,
    Status.LIVE: CardState.LIVE,
    Status.ENDED: CardState.ENDED,
}
"""Any other is hidden: the user or the vendor removed the card, or it was never shown."""
STREAM_STAYS, ACTIVITY_STAYS = 120.0, 180.0
"""Seconds that the vendor lets an ended card stay by default: of a stream, and of another one."""


@dataclass(frozen=True)
class EndSketch:
    """An end to draw.

    Args:
        content: what the ended card shows, as the vendor's API has it, or as one of our classes; by
            default the newest content that the card was meant to show.
        options: its buttons: ``action``, ``secondary_action``.
        dismiss_seconds: how long the ended card stays; None for the account's default, else the
            vendor's.
    """

    content: Any = None
    options: Mapping[str, Any] | None = None
    dismiss_seconds: int | None = None

    @property
    def is_unspecified(self) -> bool:
        """Whether it says nothing about how the card ends."""
        return (self.content, self.options, self.dismiss_seconds) == (None, None, None)

    @property
    def final_content(self) -> JSONObject | None:
        """The content as JSON, or None."""
        content: JSONObject | None = _plain(self.content) or None
        return content

    @property
    def json_options(self) -> JSONObject:
        """The options as JSON."""
        return {name: _plain(value) for name, value in (self.options or {}).items()}

    def of_unknown_card(self) -> SketchedCard:
        """Return an ended card that is not known here."""
        return SketchedCard(
            content=self.final_content or {},
            action=_button(self.json_options, "action"),
            secondary_action=_button(self.json_options, "secondary_action"),
            state=CardState.ENDED,
            removed_in=self.dismiss_seconds,
        )


def sketch(card: LiveActivity) -> SketchedCard:
    """Return a card as it is on the phones now; see ``sketches``."""
    return sketches([card])[card.pk]


def sketches_of_both(card: LiveActivity) -> tuple[SketchedCard, SketchedCard]:
    """Return a card as it is on the phones now, and as it will be when it has ended."""
    rows = read_rows([card])[card.pk]
    return _now(rows), _at_end(rows, EndSketch())


def sketches(cards: Iterable[LiveActivity]) -> dict[int, SketchedCard]:
    """Return each card as it is on the phones now, by its primary key.

    That is the newest content that the vendor has acknowledged; for a card that was never shown,
    the newest content to be sent.

    Args:
        cards: of one database; at most three statements for each 500.

    Raises:
        ValueError: the cards are of several databases.
    """
    return {pk: _now(rows) for pk, rows in read_rows(cards).items()}


def sketches_at_end(
    cards: Iterable[LiveActivity], end: EndSketch = EndSketch()
) -> dict[int, SketchedCard]:
    """Return each card as it will be when it has ended, by its primary key.

    Args:
        cards: of one database; at most three statements for each 500.
        end: how they end. An unspecified one stands for the card's due or scheduled end, if there
            is one.

    Raises:
        ValueError: the cards are of several databases.
    """
    return {pk: _at_end(rows, end) for pk, rows in read_rows(cards).items()}


def _now(rows: CardRows) -> SketchedCard:
    state = _state(rows)
    if state == CardState.ENDED:
        return _ended(rows)
    return _sketched(rows, rows.display(), state, at=rows.now)


def _state(rows: CardRows) -> CardState:
    status, age = rows.card.status, rows.now - rows.card.created_at
    if status == Status.LIVE and age > selectors.EXPIRED_AFTER_MS:
        return CardState.HIDDEN  # iOS has removed it by then
    return STATES.get(status, CardState.HIDDEN)


def _ended(rows: CardRows) -> SketchedCard:
    """Return a card that has ended: its end was acknowledged, or needed no call."""
    ends = rows.answered_ends()
    if not ends:
        return _sketched(rows, rows.display(), CardState.HIDDEN, at=None)
    ended_at = next((rows.sent_at[e.pk] for e in ends if e.pk in rows.sent_at), None)
    if ended_at is None:  # it had ended before, so that this end changed nothing
        return _sketched(rows, rows.display(), CardState.ENDED, at=None)
    call = _call(rows, ends, rows.newest_intended(closed_by=ends))
    display = after_end(rows.display(), call.body)
    left = _dismissal_seconds(call) - (rows.now - ended_at) / 1000
    drawn = _sketched(rows, display, CardState.ENDED, at=ended_at)
    return replace(drawn, removed_in=max(0.0, left))


def _at_end(rows: CardRows, end: EndSketch) -> SketchedCard:
    call = _call(rows, _ends_to_come(rows, end), rows.newest_intended())
    display = after_end(rows.display(), call.body)
    if not _may_be_shown(rows):
        return _sketched(rows, display, CardState.HIDDEN, at=rows.now)
    drawn = _sketched(rows, display, CardState.ENDED, at=rows.now)
    return replace(drawn, removed_in=_dismissal_seconds(call))


def _ends_to_come(rows: CardRows, end: EndSketch) -> list[Operation]:
    """Return the ends that delivery would merge into one call."""
    standing = rows.standing_ends()
    if end.is_unspecified:
        scheduled = rows.scheduled_end()
        known = standing or ([] if scheduled is None else [scheduled])
        if known:
            return known
    content, dismiss = end.final_content, end.dismiss_seconds
    shows = content is not None or rows.newest_intended() is not None
    if dismiss is None and shows:
        dismiss = _default_dismissal(rows.card)
    asked = Operation(content=content, options=end.json_options, dismiss_seconds=dismiss)
    return [*standing, asked]


def _call(rows: CardRows, ends: list[Operation], newest: Operation | None) -> Call:
    """Return the call that ends the card, as delivery makes it."""
    shown = rows.shown
    lane = Lane(
        stream_key=rows.lane.stream_key,
        activity_id=rows.lane.activity_id,
        displayed_id=shown[-1].pk if shown else 0,
    )
    return end_call(lane, ends, newest)


def _may_be_shown(rows: CardRows) -> bool:
    """Return whether the ended card can be on a phone: not if it was hidden, or is never shown."""
    state = _state(rows)
    # A stream for which no call was made ends without one; another program's card does not.
    is_ours = bool(rows.lane.stream_key) and rows.newest_intended() is not None
    if state == CardState.WAITING and is_ours:
        return rows.lane.ever_called
    return state != CardState.HIDDEN


def _dismissal_seconds(call: Call) -> float:
    is_stream = call.endpoint == Endpoint.END_STREAM
    seconds = dismissal_seconds(call.body, STREAM_STAYS if is_stream else ACTIVITY_STAYS)
    return min(seconds, LONGEST_DISMISSAL.total_seconds())


def _default_dismissal(card: LiveActivity) -> int | None:
    try:
        return get_backend(card.account).dismiss_seconds
    except (InvalidInputError, ImproperlyConfigured):  # the account is gone
        return None


def _plain(value: Any) -> Any:
    """Return a value as JSON, also a content model."""
    return value.to_json() if hasattr(value, "to_json") else value


def _sketched(
    rows: CardRows, display: Display | None, state: CardState, *, at: int | None
) -> SketchedCard:
    """Return the card to draw; without a display, with the content to be sent."""
    if display is None or not display.content:
        display = _intended(rows)
    timer = display.timer
    return SketchedCard(
        content=display.content,
        action=_button(display.buttons, "action"),
        secondary_action=_button(display.buttons, "secondary_action"),
        state=state,
        timer_seconds=None if timer is None or at is None else timer.elapsed_by(at) / 1000,
    )


def _button(options: JSONObject, name: str) -> JSONObject | None:
    action = options.get(name)
    return action if isinstance(action, dict) else None


def _intended(rows: CardRows) -> Display:
    newest = rows.newest_intended() or rows.newest_refused()
    if newest is not None:
        return Display(newest.content or {}, newest.options)
    content: JSONObject = {"title": rows.card.title, "type": rows.card.type}
    return Display({name: value for name, value in content.items() if value}, {})
