"""Which cards are looked at one by one, where no index names those that are wanted.

The ids come first, from an index alone, so that a page costs the same beside a million cards.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from django.db.models import Model, QuerySet

from .cards import OPEN, Cards
from .wording import number_text

M = TypeVar("M", bound=Model)

LIMIT = 20_000
"""So many cards does a list have at most, and so many of the newest are looked at one by one."""


def limit_text() -> str:
    """Return the limit as a page says it."""
    return number_text(LIMIT)


def capped(ids: QuerySet[M, int]) -> list[int]:
    """Return the ids that a query finds, and no more than one above 20,000: there are more then."""
    return list(ids[: LIMIT + 1])


def is_cut(ids: Sequence[int]) -> bool:
    """Tell whether there are more than these ids, which were capped."""
    return len(ids) > LIMIT


def cut(ids: Sequence[int]) -> list[int]:
    """Return no more of capped ids than a list shows."""
    return list(ids[:LIMIT])


def newest_ids(rows: Cards) -> list[int]:
    """Return the ids of cards, the newest first, capped."""
    return capped(rows.order_by("-pk").values_list("pk", flat=True))


def ids_by_status(rows: Cards, statuses: Iterable[str]) -> list[int]:
    """Return what ``newest_ids`` does of the cards with these statuses.

    A statement for each: the index on status and id has one in the order of its ids; for several,
    a database may read the table from its end.
    """
    found = [newest_ids(rows.filter(status=status)) for status in statuses]
    return list(heapq.merge(*found, reverse=True))[: LIMIT + 1]


@dataclass(frozen=True)
class Window:
    """The cards that are looked at: all from an id on, and beside them some that are named.

    Args:
        start: the id of the oldest of the newest cards; 0 for every card, None for none but those
            that are named.
        named: the ids of the others, the newest first.
        is_partial: whether there are others that are not looked at.
    """

    start: int | None = None
    named: list[int] = field(default_factory=list)
    is_partial: bool = False

    @classmethod
    def over(cls, rows: Cards) -> Window:
        """Return the newest 20,000 of some cards and, of the older ones, those that are open."""
        oldest = rows.order_by("-pk").values_list("pk", flat=True)[LIMIT - 1 : LIMIT]
        start = next(iter(oldest), 0)
        older = rows.filter(pk__lt=start)
        return cls(start, ids_by_status(older, OPEN) if start else [], bool(start))

    def parts(self, rows: Cards) -> Iterator[Cards]:
        """Yield the rows within the window, in at most two parts, the newer ones first."""
        if self.start is not None:
            yield rows.filter(pk__gte=self.start) if self.start else rows
        if self.named:
            yield rows.filter(pk__in=self.named)

    def ids(self, rows: Cards) -> list[int]:
        """Return the ids of the rows within the window; capped."""
        return [pk for part in self.parts(rows) for pk in newest_ids(part)][: LIMIT + 1]

    def open_ids(self, rows: Cards) -> list[int]:
        """Return the ids of the open ones of the rows within the window; capped."""
        return self.ids(rows.filter(status__in=OPEN))
