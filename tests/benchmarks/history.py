"""Years of finished cards, filled in by a few statements: ten operations for each card."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

from django.db import connections
from django.db.models import Max, Model

from django_liveactivity.models import (
    Attempt,
    KnownActivityId,
    Lane,
    LiveActivity,
    Operation,
    lane_digest,
)

PER_CARD = 10
DAY = 24 * 3_600_000
BATCH = 2_000
LONG_KEY = "prod-web-1"
"""A key that lives for years: one lane, a card for each generation."""
CONTENT = json.dumps({"title": "Order", "type": "progress", "percentage": 40})
ANSWER = json.dumps({"success": True, "operation": "updated", "activity_id": "pLAr-Hnq9ZFW4"})


def fill(alias: str, operations: int, share_of_long_key: float) -> None:
    """Write so many finished operations, with their cards, lanes and attempts.

    Args:
        alias: of the database and of the account.
        operations: how many.
        share_of_long_key: the share of them that is in one lane, from 0 to 1.
    """
    count = operations // PER_CARD
    cards = list(_cards(alias, count, round(count * share_of_long_key)))
    keys = {card.stream_key: card.lane_digest for card in cards}
    lanes = [
        Lane(account=alias, digest=digest, stream_key=key, ever_called=True, fence=20, generation=2)
        for key, digest in keys.items()
    ]
    Lane.objects.using(alias).bulk_create(lanes, batch_size=BATCH)
    for start in range(0, count, BATCH):
        _finish(alias, cards[start : start + BATCH])
    _execute(alias, *_newest_ends())
    analyze(alias)


def _finish(alias: str, cards: list[LiveActivity]) -> None:
    """Write some cards and all that happened to them, in the order of their ids."""
    objects = LiveActivity.objects.using(alias)
    known = objects.aggregate(newest=Max("id"))["newest"] or 0
    objects.bulk_create(cards)
    for statement, parameters in _statements():
        _execute(alias, statement, [*parameters, known])


def _cards(alias: str, count: int, long: int) -> Iterator[LiveActivity]:
    now = round(time.time() * 1000)
    for number in range(count):
        key = LONG_KEY if number < long else f"card-{number}"
        yield LiveActivity(
            account=alias,
            lane_digest=lane_digest(stream_key=key),
            stream_key=key,
            activity_id=f"pLAr-{number}",
            subject_model="shop.Order",
            subject_pk=str(number),
            created_at=now - DAY,
            status=LiveActivity.Status.ENDED,
            generation=1,
            ended_at=now - DAY // 2,
        )


def _statements() -> Iterator[tuple[str, list[Any]]]:
    """Yield the statements: a card's content, of which some was superseded, and its end.

    The last parameter of each, not given here, is the id after which the cards are new.
    """
    numbers = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(PER_CARD))
    is_end, is_done = f"n = {PER_CARD - 1}", f"n % 3 = 0 OR n = {PER_CARD - 1}"
    operation = {
        "activity_id": "a.id",
        "account": "a.account",
        "lane_digest": "a.lane_digest",
        "kind": f"CASE WHEN {is_end} THEN 'end' ELSE 'stream' END",
        "content": "%s",
        "options": "'{}'",
        "time_to_live": "28800000",
        "due_at": "a.created_at + n * 1000",
        "source": "'service'",
        "actor": "''",
        "reason": "''",
        "created_at": "a.created_at + n * 1000",
        "state": f"CASE WHEN {is_done} THEN 'done' ELSE 'superseded' END",
        "outcome": f"CASE WHEN {is_done} THEN 'delivered' ELSE '' END",
        "rank": f"CASE WHEN {is_end} THEN 0 ELSE 2 END",
        "tries": f"CASE WHEN {is_done} THEN 1 ELSE 0 END",
        "failures": "0",
        "stripped": "false",
        "inherited_options": "'{}'",
        "needs_attention": "false",
        "acknowledged_at": f"CASE WHEN {is_end} THEN a.ended_at ELSE NULL END",
        "finished_at": "a.created_at + n * 1000 + 200",
    }
    rows = f"FROM <LiveActivity> a CROSS JOIN ({numbers}) numbers WHERE a.id > %s ORDER BY a.id, n"
    yield _insert(Operation, operation) + rows, [CONTENT]
    attempt = {
        "operation_id": "o.id",
        "number": "1",
        "endpoint": "CASE WHEN o.kind = 'end' THEN 'end_stream' ELSE 'stream' END",
        "started_at": "o.created_at + 10",
        "status": "200",
        "outcome": "'delivered'",
        "answer": "%s",
        "error": "''",
        "duration_ms": "180",
    }
    rows = "FROM <Operation> o WHERE o.state = 'done' AND o.activity_id > %s ORDER BY o.id"
    yield _insert(Attempt, attempt) + rows, [ANSWER]
    known = {"activity_id": "id", "account": "account", "id_digest": "lane_digest"}
    yield _insert(KnownActivityId, known) + "FROM <LiveActivity> WHERE id > %s", []


def _newest_ends() -> tuple[str, list[Any]]:
    """Return the statement by which each lane knows the end that closed it."""
    newest = (
        "SELECT MAX(o.id) FROM <Operation> o "
        "WHERE o.account = <Lane>.account AND o.lane_digest = <Lane>.digest AND o.kind = 'end'"
    )
    return f"UPDATE <Lane> SET ended_through_id = ({newest})", []


def _execute(alias: str, statement: str, parameters: list[Any]) -> None:
    with connections[alias].cursor() as cursor:
        cursor.execute(_written(alias, statement), parameters)


def _insert(model: type[Model], values: dict[str, str]) -> str:
    names = ", ".join(f'"{name}"' for name in values)
    return f"INSERT INTO <{model.__name__}> ({names}) SELECT {', '.join(values.values())} "


def _written(alias: str, statement: str) -> str:
    """Return the statement with the names of our tables, and with this database's quotes."""
    for model in (LiveActivity, Operation, Attempt, KnownActivityId, Lane):
        statement = statement.replace(f"<{model.__name__}>", model._meta.db_table)
    mariadb = connections[alias].vendor == "mysql"
    statement = statement.replace('"', "`") if mariadb else statement
    return statement.replace(" % ", " %% ") if "%s" in statement else statement


def analyze(alias: str) -> None:
    tables = [m._meta.db_table for m in (LiveActivity, Operation, Attempt, KnownActivityId, Lane)]
    with connections[alias].cursor() as cursor:
        if connections[alias].vendor == "mysql":
            cursor.execute(f"ANALYZE TABLE {', '.join(tables)}")
            cursor.fetchall()
        else:
            cursor.execute("ANALYZE")
