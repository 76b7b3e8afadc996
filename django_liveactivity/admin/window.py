"""Which cards are looked at one by one, where no index names those that are wanted.

The ids come first, from an index alone, so that a page costs the same beside a million cards.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Model, QuerySet

from .cards import OPEN, Cards

M = TypeVar("M", bound=Model)
T = TypeVar("T", int, tuple[int, str])

LIMIT = 20_000
"""So many cards does a list have at most, and so many of the newest are looked at one by one."""


def capped(ids: QuerySet[M, int]) -> list[int]:
    """Return the ids that a query finds, and no more than one above 20,000: there are more then."""
    return list(ids[: LIMIT + 1])


def is_cut(ids: Sequence[int]) -> bool:
    """Tell whether there are more than these ids, which were capped."""
    return len(ids) > LIMIT


def cut(ids: Sequence[int]) -> list[int]:
    """Return no more of capped ids than a list shows."""
    return list(ids[:LIMIT])


def newest_first(ids: Iterable[int]) -> list[int]:
    """Return ids that were found in several ways, each once, the newest first, capped."""
    return sorted({*ids}, reverse=True)[: LIMIT + 1]


def newest_ids(rows: Cards) -> list[int]:
    """Return the ids of cards, the newest first, capped."""
    return capped(rows.order_by("-pk").values_list("pk", flat=True))


def _merged(parts: Iterable[list[T]], count: int) -> list[T]:
    """Return the first so many of several lists together, each of which has its largest first."""
    return list(heapq.merge(*parts, reverse=True))[:count]


@dataclass(frozen=True)
class Window:
    """The cards that are looked at, in parts that an index has in the order of their ids.

    Several statuses are several parts: for all at once, a database may read the table from its end.
    Ids are named to a database only if they come from filters: 20,000 of them cost more than the
    rows.

    Args:
        start: the id of the oldest of the newest cards; 0 for every card, None for none.
        statuses: beside them, the older cards with one of these.
        named: the ids of those that filters name, the newest first, if only they are looked at.
        newest: how many of the newest cards are looked at if there are others; 0 if all are.
    """

    start: int | None = None
    statuses: tuple[str, ...] = ()
    named: list[int] | None = None
    newest: int = 0

    @classmethod
    def over(cls, rows: Cards, newest: int = LIMIT) -> Window:
        """Return so many of the newest cards and, of the older ones, those that are open."""
        oldest = rows.order_by("-pk").values_list("pk", flat=True)[newest - 1 : newest]
        start = next(iter(oldest), 0)
        return cls(start, OPEN, newest=newest) if start else cls(0)

    def parts(self, rows: Cards) -> Iterator[Cards]:
        """Yield the rows within the window, each in one part."""
        if self.named is not None:
            yield rows.filter(pk__in=self.named)
            return
        if self.start is not None:
            yield rows.filter(pk__gte=self.start) if self.start else rows
        older = rows.filter(pk__lt=self.start) if self.start else rows
        for status in self.statuses:
            yield older.filter(status=status)

    def ids(self, rows: Cards) -> list[int]:
        """Return the ids of the rows within the window, the newest first; capped."""
        return _merged(map(newest_ids, self.parts(rows)), LIMIT + 1)

    def read(self, rows: Cards) -> list[tuple[int, str]]:
        """Return what ``ids`` does, each with the card's status."""
        newest = [part.order_by("-pk").values_list("pk", "status") for part in self.parts(rows)]
        return _merged((list(part[: LIMIT + 1]) for part in newest), LIMIT + 1)

    def open_ids(self, rows: Cards, count: int) -> list[int]:
        """Return the ids of so many open cards of the window, the newest ones."""
        rows = rows if self.named is None else rows.filter(pk__in=self.named)
        newest = rows.order_by("-pk").values_list("pk", flat=True)
        return _merged((list(newest.filter(status=status)[:count]) for status in OPEN), count)
