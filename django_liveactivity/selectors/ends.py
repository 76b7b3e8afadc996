"""Which end of a card is in force, and what the card was last meant to show."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from django.db import DEFAULT_DB_ALIAS
from django.db.models import (
    BooleanField,
    Case,
    ExpressionWrapper,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.db.models.expressions import Combinable
from django.db.models.functions import Coalesce
from django.db.models.lookups import GreaterThanOrEqual, LessThan

from django_liveactivity.models import LiveActivity, Operation, batched, compiled

Operations = QuerySet[Operation, Operation]
Kind = Operation.Kind
State = Operation.State


def is_closed() -> Combinable:
    """Return, as a condition on LiveActivity, that a due end in force closes the card.

    It is the planner's rule: an end closes content that was inserted before it, and a scheduled
    one content from before its due time. Content that a late end took from the phone is shown
    again, and its card is open. Two hosts may have shown one key at once: an end of either card
    closes both, so what counts is the newest such end of the lane. Not an EXISTS of such ends:
    MariaDB would read every end the lane ever had.
    """
    lane = _of_lane()
    own = Operation.objects.filter(activity=OuterRef("pk")).order_by("pk")
    ends, shown = in_force(lane).order_by("-pk"), contents()
    scheduled = Case(When(Operation.SCHEDULED, then=F("due_at")), default=0)

    end = Subquery(ends.values("pk")[:1])
    until = Subquery(ends.values(until=scheduled)[:1])
    # A card without content is closed by what came after its first operation.
    content = Coalesce(Subquery(shown.values("pk")[:1]), Subquery(own.values("pk")[:1]))
    since = Subquery(shown.values("created_at")[:1])  # without content: neither true nor false
    closed = Q(GreaterThanOrEqual(end, content)) | Q(LessThan(since, until))
    return Coalesce(ExpressionWrapper(closed, BooleanField()), Value(False))


def due_end(activity: LiveActivity) -> Operation | None:
    """Return the first due end in force after the newest content of a card, with its own card."""
    newest_content_id = activity.newest_content_id
    rows = compiled.run(
        _due_end,
        activity.database,
        newest_content_id is None,
        account=activity.account,
        digest=activity.lane_digest,
        number=activity.pk if newest_content_id is None else newest_content_id,
    )
    end = next(iter(rows), None)
    if end is not None and end.activity_id == activity.pk:
        end.activity = activity
    return end


def _due_end(using: str, of_the_card: bool) -> Operations:
    """Return the due ends of a card's own, or those after an operation of its lane."""
    lane = Operation.objects.using(using).filter(
        account=compiled.Param("account"), lane_digest=compiled.Param("digest")
    )
    number = compiled.integer_param("number")
    mine = Q(activity=number) if of_the_card else Q(pk__gt=number)
    return in_force(lane.filter(mine)).order_by("pk")[:1]


def due_ends(cards: Sequence[LiveActivity]) -> dict[int, Operation]:
    """Return what ``due_end`` does for closed cards of a database, by their ids.

    It costs two queries for each 500 cards.
    """
    found: dict[int, Operation] = {}
    for some in batched(cards):
        found |= _due_ends(some[0]._state.db or "", some)
    return found


def _due_ends(using: str, cards: Sequence[LiveActivity]) -> dict[int, Operation]:
    lane = _of_lane()
    ends = in_force(lane).order_by("pk").values("pk")
    own = Subquery(ends.filter(activity=OuterRef("pk"))[:1])
    after_content = Subquery(ends.filter(pk__gt=OuterRef("content"))[:1])
    rows = LiveActivity.objects.using(using).filter(pk__in=[card.pk for card in cards])
    found = rows.annotate(content=Subquery(contents().values("pk")[:1])).annotate(
        end=Case(When(content=None, then=own), default=after_content)
    )
    ids = dict(found.order_by().values_list("pk", "end"))
    read = {end.pk: end for end in operations(using, ids.values())}
    return {card: read[end] for card, end in ids.items() if end in read}


class Newest(NamedTuple):
    """What counts of a card's operations.

    Args:
        end: the one in force: due, acknowledged or not, or else to come. If there is none, the
            newest that was given up.
        content: the newest, in any state.
    """

    end: Operation | None = None
    content: Operation | None = None

    @property
    def pending_end(self) -> Operation | None:
        """The end that is not acknowledged, or waits for an operator."""
        return self.end if self.end is not None and self.end.state in Operation.UNFINISHED else None


def newest_operations(cards: Sequence[LiveActivity]) -> dict[int, Newest]:
    """Return which end and which content of each card count, by its id.

    It costs two statements for each 500 cards, and another for each 500 operations beyond.

    An end may be of another row that was shown by the same key at the same time. Of several due
    ends of a card, which one call answers, the newest counts; a scheduled one counts unless a newer
    end or keep has replaced it.

    Args:
        cards: of one database, read with ``is_closed``.
    """
    found: dict[int, Newest] = {}
    for some in batched(cards):
        found |= _newest_operations(some[0]._state.db or "", some)
    return found


def _newest_operations(using: str, cards: Sequence[LiveActivity]) -> dict[int, Newest]:
    lane = _of_lane()
    own = lane.filter(activity=OuterRef("pk"))
    closing, own_closing = (in_force(each).values("pk") for each in (lane, own))

    def newest(rows: Operations, *kinds: Kind) -> Subquery:
        return Subquery(rows.filter(kind__in=kinds).order_by("-pk").values("pk")[:1])

    rows = LiveActivity.objects.using(using).filter(pk__in=[card.pk for card in cards])
    after = {"intended": Subquery(contents().values("pk")[:1])}
    ids = {
        "due": Coalesce(
            Subquery(own_closing.filter(pk__gt=OuterRef("intended")).order_by("-pk")[:1]),
            Subquery(closing.filter(pk__gt=OuterRef("intended")).order_by("pk")[:1]),
            Subquery(own_closing.order_by("-pk")[:1]),
        ),
        "end": newest(lane, Kind.END),
        "keep": newest(lane, Kind.KEEP),
        "own_end": newest(own, Kind.END),
        "content": newest(own, *Operation.CONTENT_KINDS),
    }
    found = {row["pk"]: row for row in rows.annotate(**after).annotate(**ids).values("pk", *ids)}
    wanted = {row[name] for row in found.values() for name in ids}
    read: dict[int | None, Operation] = {each.pk: each for each in operations(using, wanted)}
    return {
        card.pk: Newest(_end_in_force(card, row, read), read.get(row["content"]))
        for card in cards
        if (row := found.get(card.pk))
    }


def _end_in_force(
    card: LiveActivity, ids: Mapping[str, int | None], read: Mapping[int | None, Operation]
) -> Operation | None:
    if card.is_closed:
        return read.get(ids["due"])
    end = read.get(ids["end"])
    may_come = not card.is_over and (ids["keep"] or 0) < (ids["end"] or 0)
    if end is not None and may_come and end.is_scheduled and end.state in Operation.UNFINISHED:
        return end
    own = read.get(ids["own_end"])
    return own if own is not None and own.state == State.GIVEN_UP else None


def operations(
    using: str, numbers: Iterable[int | None], *, with_cards: bool = False
) -> list[Operation]:
    """Return the operations of a database with these primary keys, the oldest first.

    Args:
        using: the database.
        numbers: their primary keys: one query for each 500. None is left out.
        with_cards: whether each is read with its card.
    """
    rows = Operation.objects.using(using).order_by("pk")
    rows = rows.select_related("activity") if with_cards else rows
    named = sorted({number for number in numbers if number is not None})
    return [each for some in batched(named) for each in rows.filter(pk__in=some)]


def as_stored(ends: Sequence[Operation]) -> list[Operation]:
    """Return the ends that a service has just returned, with every column read, and their cards.

    What the database has set, such as ``due_at``, would else be read in a statement of its own.

    Args:
        ends: of one account, in any order.
    """
    if not ends:
        return []
    using = ends[0]._state.db or DEFAULT_DB_ALIAS
    if len(ends) > 1:
        return operations(using, [end.pk for end in ends], with_cards=True)
    found = compiled.run(_operation, using, number=ends[0].pk)
    for end in found:
        end.activity = ends[0].activity
    return found


def _operation(using: str) -> Operations:
    return Operation.objects.using(using).filter(pk=compiled.integer_param("number"))


def has_content(end: Operation) -> bool:
    """Tell whether content was ever stored for the lane of an end: else its name may be wrong."""
    lane = Operation.objects.using(end._state.db).filter(
        account=end.account, lane_digest=end.lane_digest, kind__in=Operation.CONTENT_KINDS
    )
    return lane.exists()


def _of_lane() -> Operations:
    """Return, for a subquery on LiveActivity, the operations of the card's lane."""
    return Operation.objects.filter(
        account=OuterRef("account"), lane_digest=OuterRef("lane_digest")
    )


def in_force(rows: Operations) -> Operations:
    """Return the ends that are due, and neither moved, superseded nor given up."""
    ends = rows.filter(Operation.is_in_force(), kind=Kind.END)
    return ends.exclude(state__in=(State.SUPERSEDED, State.GIVEN_UP))


def contents() -> Operations:
    """Return, for a subquery on LiveActivity, the contents not refused, the newest first."""
    own = Operation.objects.filter(activity=OuterRef("pk"), kind__in=Operation.CONTENT_KINDS)
    return own.exclude(state=State.FAILED).order_by("-pk")
