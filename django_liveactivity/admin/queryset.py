"""The cards as the admin reads them: of one database, with what a page tells of each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db import DEFAULT_DB_ALIAS
from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, QueryDict
from django.utils.text import Truncator

from django_liveactivity import conf, selectors
from django_liveactivity.models import LiveActivity, Now, Operation

ACCOUNT = "account"
LONGEST_NAME = 32


def short(card: LiveActivity) -> str:
    """Return a card's name, cut to 32 characters: it may have 255."""
    return Truncator(str(card)).chars(LONGEST_NAME)


def has_several_databases() -> bool:
    """Tell whether the accounts live in several databases, of which a page shows one."""
    return len({account.database for account in conf.accounts().values()}) > 1


def account_of(request: HttpRequest) -> conf.Account | None:
    """Return the account that a page is asked for, by default the first; None if there is none."""
    accounts = conf.accounts()
    came_from = QueryDict(request.GET.get("_changelist_filters", ""))
    alias = request.GET.get(ACCOUNT) or came_from.get(ACCOUNT)
    return accounts.get(alias or "") or next(iter(accounts.values()), None)


def database_of(request: HttpRequest) -> str:
    """Return the alias of the database that a page shows."""
    account = account_of(request)
    return account.database if account else DEFAULT_DB_ALIAS


def cards(request: HttpRequest) -> QuerySet[LiveActivity, LiveActivity]:
    """Return the cards in the database of the account that a page is asked for.

    Each carries ``now``, ``is_closed`` (an end is due), ``wants_operator`` and ``newest_id``, that
    of its newest operation.
    """
    rows = LiveActivity.objects.using(database_of(request))
    own = Operation.objects.filter(activity=OuterRef("pk"))
    annotated: QuerySet[LiveActivity, LiveActivity] = rows.annotate(
        now=Now(),
        is_closed=selectors.is_closed(),
        wants_operator=Q(needs_attention=True)
        | Exists(own.filter(state=Operation.State.NEEDS_OPERATOR)),
        newest_operation_id=Subquery(own.order_by("-pk").values("pk")[:1]),
    )
    return annotated


def describe(rows: Iterable[Any]) -> None:
    """Give each of the cards its ``newest`` operation and its ``about``, the object it tells of.

    One query for the operations, and one for each model: the number of cards does not matter.
    """
    rows = list(rows)
    if not rows:
        return
    operations = Operation.objects.using(rows[0]._state.db)
    newest = operations.in_bulk(
        [row.newest_operation_id for row in rows if row.newest_operation_id]
    )
    about = selectors.subjects(rows)
    for row in rows:
        row.newest = newest.get(row.newest_operation_id)
        row.about = about[row.pk]
