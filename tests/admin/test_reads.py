"""What the admin's pages read of a long history, as the databases count it themselves: no clock.

A list looks at 20,000 cards at most and at those that are open. So twice as many cards that are
over may not make a page read more; a count of all, or a scan, would read twice as much.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.db import connection
from django.db.models import F, Model
from django.urls import reverse

from django_liveactivity import services
from django_liveactivity.admin.queryset import LIMIT
from django_liveactivity.models import EndBatch, LiveActivity, Operation, lane_digest
from tests.benchmarks.history import analyze
from tests.delivery.vocabulary import progress
from tests.reads import reads

from .conftest import CHANGE, CHANGELIST

THOUSANDS = LIMIT // 1_000
"""So many cards are over, and as many again at the second look."""
MARK = "#"
"""How the digests of the thousand cards begin that are copied: a digit stands there in copies."""
OPEN = 30
"""The oldest cards are open; some have an end that is due, some one to come."""
SOON = dt.timedelta(hours=1)
HOUR_MS = 3_600_000
MARGIN = 1.15
"""A page of the second look has other rows, and its indexes may be a level deeper."""
LISTS: dict[str, dict[str, Any]] = {
    "first": {},
    "last": {"p": LIMIT // 100},
    "oldest first": {"o": 4},
    "whole key": {"q": "open-1"},
    "part of a key": {"q": "open"},
    "no such word": {"q": "lighthouse"},
    "needs attention": {"attention": "1"},
    "needs none": {"attention": "0"},
    "type": {"type": "progress"},
    "other account": {"account": "other"},
    "account": {"account": "default"},
    "live": {"state": "live"},
    "ending": {"state": "ending"},
    "scheduled": {"state": "scheduled"},
    "expired": {"state": "expired"},
    "ended": {"state": "ended"},
    "outcome": {"outcome": "delivered"},
    "no such outcome": {"outcome": "forced"},
    "created": {"created": "today"},
    "created long ago": {"created": "older"},
}


@pytest.fixture
def open_cards(transactional_db, settings):
    """The oldest cards: they are open, some are ending, some will be, and some are expired."""
    near = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"default": near, "other": near}
    batch = EndBatch.objects.create(actor="ana", created_at=0)
    for number in range(OPEN):
        key, account = f"open-{number}", "other" if number % 2 else "default"
        services.stream_activity(key, progress(10), account=account)
        if number % 3 == 0:
            services.end_activity(stream_key=key, account=account)
        elif number % 3 == 1:
            services.end_activity(stream_key=key, account=account, after=SOON)
    cards = LiveActivity.objects.order_by("pk")
    cards.update(status=LiveActivity.Status.LIVE, created_at=F("created_at") - HOUR_MS)
    old = cards.values_list("pk", flat=True)[OPEN // 2 : OPEN]
    cards.filter(pk__in=[*old]).update(created_at=F("created_at") - 13 * HOUR_MS)
    Operation.objects.filter(kind=Operation.Kind.END).update(batch=batch)
    return cards


def add_finished(times: int, first: int = 1) -> None:
    """Write so many times a thousand cards that are over, each with its end."""
    if first == 1:
        _write_models()
    numbers = " UNION ALL ".join(f"SELECT '{n}' AS n" for n in range(first, first + times))
    digest = f"REPLACE(o.lane_digest, '{MARK}', numbers.n)"
    cards = LiveActivity._meta.db_table
    same = f"c.account = o.account AND c.lane_digest = {digest}"
    own = f"(SELECT c.id FROM {cards} c WHERE {same})"
    joins = f"CROSS JOIN ({numbers}) numbers"
    _copy(LiveActivity, joins, lane_digest=digest)
    analyze("default")  # else MariaDB may look for each card in the whole table
    _copy(Operation, joins, lane_digest=digest, activity_id=own)
    analyze("default")


def _write_models() -> None:
    """Write a thousand cards that are copied."""
    hour_ago = round(time.time() * 1000) - HOUR_MS
    cards = [
        LiveActivity(
            account="default",
            lane_digest=MARK + lane_digest(stream_key=f"card-{number}")[:60],
            stream_key=f"card-{number}",
            title=f"Order {number}",
            type="progress",
            created_at=hour_ago,
            status=LiveActivity.Status.ENDED,
            ended_at=hour_ago,
        )
        for number in range(1_000)
    ]
    LiveActivity.objects.bulk_create(cards)
    Operation.objects.bulk_create(
        Operation(
            activity_id=pk,
            account="default",
            lane_digest=digest,
            kind=Operation.Kind.END,
            state=Operation.State.DONE,
            outcome="delivered",
            rank=Operation.Rank.END,
            due_at=hour_ago,
            created_at=hour_ago,
        )
        for pk, digest in LiveActivity.objects.filter(lane_digest__startswith=MARK).values_list(
            "pk", "lane_digest"
        )
    )


def _copy(model: type[Model], joins: str, **changed: str) -> None:
    """Insert the rows of the thousand cards again, with some columns changed."""
    names = [field.column for field in model._meta.concrete_fields if not field.primary_key]
    quoted = map(connection.ops.quote_name, names)
    values = ", ".join(changed.get(name, f"o.{connection.ops.quote_name(name)}") for name in names)
    table = model._meta.db_table
    with connection.cursor() as cursor:
        cursor.execute(
            f"INSERT INTO {table} ({', '.join(quoted)}) SELECT {values} FROM {table} o {joins} "
            f"WHERE o.lane_digest LIKE '{MARK}%'"
        )


def pages(cards) -> dict[str, str]:
    """Return the addresses of what is looked at."""
    batch = EndBatch.objects.get().pk
    lists = LISTS | {"batch": {"batch": batch}}
    found = {name: reverse(CHANGELIST, query=query) for name, query in lists.items()}
    return found | {"card": reverse(CHANGE, args=[cards[0].pk])}


def test_no_page_reads_more_of_a_history_that_is_twice_as_long(open_cards, operator):
    shown: list[int] = []

    def reads_of(url: str) -> int:
        return reads(lambda: shown.append(operator.get(url).status_code))

    urls = pages(open_cards)
    for name in ("first", "card"):  # what a process reads once
        operator.get(urls[name])
    add_finished(THOUSANDS)
    young = {name: reads_of(url) for name, url in urls.items()}
    add_finished(THOUSANDS, first=THOUSANDS + 1)
    old = {name: reads_of(url) for name, url in urls.items()}
    assert {*shown} == {200}
    assert all(young.values())
    more = {name: (young[name], old[name]) for name in urls if old[name] > MARGIN * young[name]}
    assert more == {}
