"""The cards that the admin's pages read: those of one database, and at most 20,000 at a time.

The ids come first, from an index alone, so that a page costs the same beside a million cards.
"""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, QueryDict

from django_liveactivity import conf, selectors
from django_liveactivity.models import AccountState, LiveActivity, Now, Operation

M = TypeVar("M", bound=Model)
T = TypeVar("T", int, tuple[int, str])
Cards = QuerySet[LiveActivity, LiveActivity]
Status = LiveActivity.Status
ACCOUNT = "account"
ALIASES = 1_000
"""The most accounts of the account source that a page lists."""
OPEN = tuple(status for status in Status if status not in LiveActivity.OVER)
"""The statuses of cards that are not over."""


def is_id(value: str) -> bool:
    """Return whether a text can be the primary key of a card."""
    return value.isascii() and value.isdigit() and len(value) < 20 and int(value) < 2**63


def accounts_of(cards: Iterable[LiveActivity]) -> list[str]:
    """Return the aliases of the cards' accounts."""
    return sorted({card.account for card in cards})


def database_of(request: HttpRequest) -> str:
    """Return the database of the account in a request; by default the first one's."""
    came_from = QueryDict(request.GET.get("_changelist_filters", ""))
    alias = request.GET.get(ACCOUNT) or came_from.get(ACCOUNT)
    account = conf.find_stand_in(alias or "")
    return account.database if account else next(iter(conf.databases()), "default")


def has_several_databases() -> bool:
    """Return whether the accounts are in several databases; a page shows one of them."""
    return len(conf.databases()) > 1


def aliases_of(using: str) -> list[str]:
    """Return the aliases of all accounts, those of the account source by their rows.

    That is, those that were ever drained in this database, a thousand at most: the source is not
    asked, and may have many more.
    """
    named = list(conf.accounts())
    if conf.account_source() is None:
        return named
    states = AccountState.objects.using(using).exclude(account__in=named)
    return [*named, *states.order_by("account").values_list("account", flat=True)[:ALIASES]]


def cards(using: str) -> Cards:
    """Return the cards of a database, each with the first three of ``CardFacts``."""
    annotated: Cards = LiveActivity.objects.using(using).annotate(
        now=Now(), is_closed=selectors.is_closed(), last_outcome=last_outcome()
    )
    return annotated


def of_accounts(rows: Cards, accounts: Sequence[str] | None) -> Cards:
    """Return the rows of these accounts, all if they are None."""
    return rows if accounts is None else rows.filter(account__in=accounts)


def last_outcome() -> Subquery:
    """Return a card's newest outcome as a subquery; None before the first."""
    own = Operation.objects.filter(activity=OuterRef("pk")).exclude(outcome="")
    return Subquery(own.order_by("-pk").values("outcome")[:1])


LIMIT = 20_000
"""The most cards that a list has, and the number of newest cards that filters and search test."""


def capped(ids: QuerySet[M, int]) -> list[int]:
    """Return the ids that a query finds, at most 20,001: the last one means that there are more."""
    return list(ids[: LIMIT + 1])


def is_cut(ids: Sequence[int]) -> bool:
    """Return whether capped ids are not all."""
    return len(ids) > LIMIT


def cut(ids: Sequence[int]) -> list[int]:
    """Return the capped ids that a list shows."""
    return list(ids[:LIMIT])


def newest_first(ids: Iterable[int]) -> list[int]:
    """Return the distinct ids, the newest first, capped."""
    return sorted({*ids}, reverse=True)[: LIMIT + 1]


def newest_ids(rows: Cards) -> list[int]:
    """Return the ids of cards, the newest first, capped."""
    return capped(rows.order_by("-pk").values_list("pk", flat=True))


def _merged(parts: Iterable[list[T]], count: int) -> list[T]:
    """Return the largest items of several lists, each of which is in descending order."""
    return list(heapq.merge(*parts, reverse=True))[:count]


@dataclass(frozen=True)
class Window:
    """The cards that filters and search test one by one, in parts that an index has in id order.

    Several statuses are several parts: for all at once, a database may read the table from its end.
    A query lists ids only if they come from filters: 20,000 of them cost more than the rows.

    Args:
        start: the id of the oldest of the newest cards; 0 for every card, None for none.
        statuses: beside them, the older cards with one of these.
        named: the ids that filters found, the newest first, if only they are tested.
        newest: how many of the newest cards are tested if there are others; 0 if all are.
    """

    start: int | None = None
    statuses: tuple[str, ...] = ()
    named: list[int] | None = None
    newest: int = 0

    @classmethod
    def over(cls, rows: Cards, newest: int = LIMIT) -> Self:
        """Return the window with the newest cards and, of the older ones, those that are open."""
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
        """Return the ids of the newest open cards in the window."""
        rows = rows if self.named is None else rows.filter(pk__in=self.named)
        newest = rows.order_by("-pk").values_list("pk", flat=True)
        return _merged((list(newest.filter(status=status)[:count]) for status in OPEN), count)
