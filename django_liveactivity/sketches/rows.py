"""Read the operations and calls of cards, in three statements for each 500 cards."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

from django.db.models import F, Q, QuerySet, Window
from django.db.models.functions import RowNumber

from django_liveactivity.client.answer import ACKNOWLEDGED, Outcome
from django_liveactivity.delivery.rules.bodies import content_call
from django_liveactivity.delivery.rules.plan import closes, is_due
from django_liveactivity.models import Attempt, Lane, LiveActivity, Operation, batched, with_now

from .display import Display, after_content

Kind = Operation.Kind
State = Operation.State
REMEMBERED = 100
"""Operations of one state that are read of a card, the newest; a timer may have more updates."""


@dataclass
class CardRows:
    """The rows of one card.

    Args:
        card: its row.
        lane: its lane; one that is not stored, if there was no call or all is long over.
        operations: those of its generation, by id, with ``now``.
        sent_at: when the vendor accepted their calls, by operation, in milliseconds.
    """

    card: LiveActivity
    lane: Lane
    operations: list[Operation] = field(default_factory=list)
    sent_at: dict[int, int] = field(default_factory=dict)

    @property
    def now(self) -> int:
        """The database's clock when the rows were read, in milliseconds."""
        return self.operations[-1].now if self.operations else self.card.created_at

    @property
    def contents(self) -> list[Operation]:
        """Its contents, the oldest first, without those of a card that ended before it.

        Content that was committed after the end of its card begins the next one on the same row.
        """
        over = self._acknowledged_ends()
        if self.card.status == LiveActivity.Status.ENDED:
            answered = self.answered_ends()
            over = [o for o in over if o not in answered]
        contents = (o for o in self.operations if o.kind in Operation.CONTENT_KINDS)
        return [o for o in contents if not closes(over, o)]

    @property
    def shown(self) -> list[Operation]:
        """The contents that the phone has shown, the oldest first.

        A ``noop`` showed what was there already, or nothing at all.
        """
        done = (o for o in self.contents if o.state == State.DONE)
        displayed = self.lane.displayed_id
        return [o for o in done if o.outcome != Outcome.NOOP or o.pk == displayed]

    def newest_intended(self, closed_by: Sequence[Operation] | None = None) -> Operation | None:
        """Return the newest content that was not refused, only what these ends closed if given."""
        intended = [o for o in self.contents if o.state != State.FAILED]
        if closed_by is not None:
            intended = [o for o in intended if closes(closed_by, o)]
        return intended[-1] if intended else None

    def newest_refused(self) -> Operation | None:
        """Return the newest content, of a card that shows none because it was refused."""
        return self.contents[-1] if self.contents else None

    def display(self) -> Display | None:
        """Return what the phone shows by the calls that the vendor has accepted."""
        shown = self.shown
        whole = len(shown) < REMEMBERED
        display: Display | None = None
        for operation in shown:
            body = content_call(self.lane, operation, ()).body
            starts = whole and operation.kind == Kind.STREAM
            display = after_content(display, body, self.sent_at.get(operation.pk), starts=starts)
        return display

    def answered_ends(self) -> list[Operation]:
        """Return the ends that the last call which ended the card answered."""
        ends = self._acknowledged_ends()
        newest = max((o.acknowledged_at or 0 for o in ends), default=0)
        return [o for o in ends if o.acknowledged_at == newest]

    def _acknowledged_ends(self) -> list[Operation]:
        ends = (o for o in self.operations if o.kind == Kind.END)
        return [o for o in ends if o.acknowledged_at is not None]

    def standing_ends(self) -> list[Operation]:
        """Return the ends that are due and that no call has answered yet."""
        return [o for o in self._ends_in_force() if is_due(o, self.now)]

    def scheduled_end(self) -> Operation | None:
        """Return the end that will be due, if one is scheduled."""
        later = [o for o in self._ends_in_force() if not is_due(o, self.now)]
        return later[-1] if later else None

    def _ends_in_force(self) -> Iterator[Operation]:
        ends = (o for o in self.operations if o.kind == Kind.END)
        unfinished = (end for end in ends if end.state in Operation.UNFINISHED)
        return (end for end in unfinished if not (end.is_scheduled and self._is_moved(end)))

    def _is_moved(self, end: Operation) -> bool:
        return any(
            o.pk > end.pk and o.created_at < end.due_at and o.kind in (Kind.END, Kind.KEEP)
            for o in self.operations
        )


def read_rows(cards: Iterable[LiveActivity]) -> dict[int, CardRows]:
    """Return the rows of each card, by its primary key, in three statements for each 500.

    Two hosts may have shown one key at once: the rows of its generation count as one card.

    Raises:
        ValueError: the cards are of several databases, where one primary key may be of two cards.
    """
    every = list(cards)
    using = sorted({card.database for card in every})
    if len(using) > 1:
        raise ValueError(f"Give the cards of one database at a time, not of {', '.join(using)}.")
    return {rows.card.pk: rows for page in batched(every) for rows in _read(using[0], page)}


def _read(using: str, cards: Sequence[LiveActivity]) -> list[CardRows]:
    lanes = {(lane.account, lane.digest): lane for lane in _lanes(using, cards)}
    every = [CardRows(card, lanes.get(_name(card)) or _new_lane(card)) for card in cards]
    by_card: dict[tuple[object, ...], list[Operation]] = defaultdict(list)
    current: dict[int, LiveActivity] = {}
    for operation in _operations(using, every):
        current[operation.activity_id] = operation.activity
        by_card[_generation(operation.activity)].append(operation)
    for rows in every:
        rows.card = current.get(rows.card.pk, rows.card)  # the caller's may be older
        rows.operations = by_card[_generation(rows.card)]
    sent_at = _sent_at(using, every)
    for rows in every:
        rows.sent_at = sent_at
    return every


def _name(card: LiveActivity) -> tuple[str, str]:
    return card.account, card.lane_digest


def _generation(card: LiveActivity) -> tuple[object, ...]:
    """Return what the rows of one card have in common; a row that was never sent is by itself."""
    return (*_name(card), card.generation) if card.generation else (card.pk,)


def _new_lane(card: LiveActivity) -> Lane:
    activity_id = "" if card.stream_key else card.activity_id
    return Lane(stream_key=card.stream_key, activity_id=activity_id)


def _lanes(using: str, cards: Sequence[LiveActivity]) -> QuerySet[Lane, Lane]:
    accounts, digests = {c.account for c in cards}, {c.lane_digest for c in cards}
    return Lane.objects.using(using).filter(account__in=accounts, digest__in=digests)


def _operations(using: str, every: list[CardRows]) -> QuerySet[Operation, Operation]:
    cards = [rows.card for rows in every]
    activities = LiveActivity.objects.using(using)
    generations = activities.filter(pk__in=[card.pk for card in cards]).values("generation")
    of_lanes = activities.filter(
        account__in={card.account for card in cards},
        lane_digest__in={card.lane_digest for card in cards},
        generation__in=generations,
    )
    displayed = [rows.lane.displayed_id for rows in every]
    told = ~Q(outcome=Outcome.NOOP) | Q(pk__in=displayed)
    place = Window(RowNumber(), partition_by=[F("activity"), F("state")], order_by=F("pk").desc())
    rows = Operation.objects.using(using).filter(told, activity__in=of_lanes.values("pk"))
    newest = rows.annotate(place=place).filter(place__lte=REMEMBERED)
    return with_now(newest).select_related("activity").order_by("pk")


def _sent_at(using: str, every: list[CardRows]) -> dict[int, int]:
    """Return when the contents of timers, and the ends, were accepted: one statement for each 500.

    What was sent again counts from its newest call, but not from one that found the card ended.
    """
    contents = {o.pk for rows in every if _is_timer(rows) for o in rows.shown}
    ends = {o.pk for rows in every for o in rows.answered_ends()}
    accepted = ACKNOWLEDGED - {Outcome.ALREADY_ENDED}
    attempts = Attempt.objects.using(using).filter(outcome__in=accepted).order_by("number")
    found: dict[int, int] = {}
    for some in batched([*contents | ends]):
        sent = attempts.filter(operation__in=some)
        found |= dict(sent.values_list("operation", "started_at"))
    return found


def _is_timer(rows: CardRows) -> bool:
    return any((o.content or {}).get("type", rows.card.type) == "timer" for o in rows.shown)
