"""What the admin's pages read of a long history, as the databases count it themselves: no clock.

A list looks at 20,000 cards at most and at those that are open. So twice as many cards that are
over may not make a page read more; a count of all, or a scan, would read twice as much.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

import pytest
from django.db.models import F
from django.urls import reverse

from django_liveactivity import services
from django_liveactivity.admin.window import LIMIT
from django_liveactivity.models import EndBatch, LiveActivity, Operation, lane_digest
from tests.benchmarks.history import analyze
from tests.delivery.vocabulary import progress
from tests.reads import reads

from .conftest import CHANGE, CHANGELIST

OVER = LIMIT + 1_000
"""So many cards are over, and as many again at the second look."""
OPEN = 30
"""The oldest cards are open; some have an end that is due, some one to come."""
BATCH = 2_000
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
    batch = EndBatch.objects.create(highest_id=OPEN, size=OPEN, actor="ana", created_at=0)
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


def end_many(count: int) -> None:
    """Write so many cards that are over, each with its end."""
    now = round(time.time() * 1000)
    begin = LiveActivity.objects.count()
    for start in range(begin, begin + count, BATCH):
        keys = [f"card-{number}" for number in range(start, start + BATCH)]
        cards = [
            LiveActivity(
                account="default",
                lane_digest=lane_digest(stream_key=key),
                stream_key=key,
                title=f"Order {key}",
                type="progress",
                created_at=now - HOUR_MS,
                status=LiveActivity.Status.ENDED,
                ended_at=now - HOUR_MS // 2,
            )
            for key in keys
        ]
        LiveActivity.objects.bulk_create(cards)
        written = LiveActivity.objects.order_by("-pk").values_list("pk", "lane_digest")[:BATCH]
        Operation.objects.bulk_create(_end(pk, digest, now) for pk, digest in reversed(written))
    analyze("default")


def _end(pk: int, digest: str, now: int) -> Operation:
    return Operation(
        activity_id=pk,
        account="default",
        lane_digest=digest,
        kind=Operation.Kind.END,
        state=Operation.State.DONE,
        outcome="delivered",
        rank=Operation.Rank.END,
        due_at=now - HOUR_MS,
        created_at=now - HOUR_MS,
    )


def pages(cards) -> dict[str, str]:
    """Return the addresses of what is looked at."""
    batch = EndBatch.objects.get().pk
    lists = LISTS | {"batch": {"batch": batch}}
    found = {name: reverse(CHANGELIST, query=query) for name, query in lists.items()}
    return found | {"card": reverse(CHANGE, args=[cards[0].pk])}


def test_no_page_reads_more_of_a_history_that_is_twice_as_long(open_cards, operator):
    def reads_of(url: str) -> int:
        return reads(lambda: shown.append(operator.get(url).status_code))

    shown: list[int] = []
    urls = pages(open_cards)
    for url in urls.values():  # what a process reads once
        shown.append(operator.get(url).status_code)
    end_many(OVER)
    young = {name: reads_of(url) for name, url in urls.items()}
    end_many(OVER)
    old = {name: reads_of(url) for name, url in urls.items()}
    assert {*shown} == {200}
    assert all(young.values())
    more = {name: (young[name], old[name]) for name in urls if old[name] > MARGIN * young[name]}
    assert more == {}
