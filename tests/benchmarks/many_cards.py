"""A thousand cards or a million, three operations each, written by PostgreSQL itself.

What a list shows is alike for both: of each kind there are more than a page has rows, or the same
few. Only what there is besides differs.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass

HOUR_MS = 3_600_000
SPAN_MS = 120 * 24 * HOUR_MS
"""The age of the oldest card."""
ACCOUNTS = ("default", "eu", "us")
"""60, 25 and 15 percent of the cards."""
OLD_ACCOUNT, OLD_CARDS = "legacy", 20
"""An account that has only the oldest of all cards."""
TYPES = ("metrics", "segmented_progress", "progress", "stats", "alert", "timer", "value")
RARE_TITLES = 12
"""So many of the newest cards have a word in their title that no other has."""
CONTENT = json.dumps({"title": "Order", "type": "progress", "percentage": 40, "color": "blue"})
ANSWER = json.dumps({"success": True, "operation": "ended", "activity_id": "pLAr-Hnq9ZFW4"})
BATCH = 1
"""The number of the batch of ends."""


@dataclass(frozen=True)
class Size:
    """How many cards there are of each kind.

    Args:
        cards: all.
        live: without an end that is due, and younger than 12 hours.
        scheduled: how many of those have an end to come.
        ending: with an end that is due.
        refused: how many of those the vendor refuses.
        expired: older than 12 hours, without an end.
        marked: over, but an operator should look at them.
        failed: never shown.
        batch: ended by one batch of ends.
        young: so many of the newest are younger than 12 hours.
        power: how the ages grow, so that there are as many.
    """

    cards: int
    live: int
    scheduled: int
    ending: int
    refused: int
    expired: int
    marked: int
    failed: int
    batch: int
    young: int
    power: int
    few: int = 25
    """The cards that are pending, paused or evicted: as many of each."""


SMALL = Size(
    cards=1_000,
    live=120,
    scheduled=110,
    ending=110,
    refused=60,
    expired=110,
    marked=60,
    failed=105,
    batch=110,
    young=245,
    power=4,
)
LARGE = Size(
    cards=1_000_000,
    live=3_000,
    scheduled=1_500,
    ending=300,
    refused=100,
    expired=6_000,
    marked=1_000,
    failed=20_000,
    batch=2_000,
    young=4_100,
    power=1,
)


def fill(size: Size) -> None:
    """Write the cards and what belongs to them into the empty tables of the default database."""
    from django.db import connection

    from django_liveactivity import models

    names = {name: getattr(models, name)._meta.db_table for name in MODELS}
    values = asdict(size) | {"span": SPAN_MS, "old": OLD_CARDS, "rare": RARE_TITLES} | names
    given = {"types": list(TYPES), "content": CONTENT, "answer": ANSWER}
    with connection.cursor() as cursor:
        for statement in STATEMENTS:
            cursor.execute(statement.format(**values), given)
        cursor.execute("VACUUM ANALYZE")
    models.EndBatch.objects.create(actor="ana", created_at=0)
    models.Heartbeat.objects.create(beat_at=models.Now())


MODELS = ("LiveActivity", "Operation", "Attempt", "KnownActivityId", "Lane")

# A card's rank r counts from the newest. The young ones and the old ones are each dealt out by a
# permutation (a prime that divides neither number), so that every kind is spread over all ages.
PLAN = """
CREATE TEMPORARY TABLE planned AS
SELECT *, (now - {span} * power(r::float / {cards}, {power}))::bigint AS created_at,
  encode(sha256(('stream:' || key)::bytea), 'hex') AS digest,
  (%(types)s::text[])[1 + n %% 7] AS type,
  CASE
    WHEN n <= {old} THEN 'ended'
    WHEN r <= {young} THEN CASE
      WHEN place < {scheduled} THEN 'scheduled'
      WHEN place < {live} THEN 'live'
      WHEN place < {live} + {few} THEN 'pending'
      WHEN place < {live} + 2 * {few} THEN 'paused'
      WHEN place < {live} + 3 * {few} THEN 'evicted'
      ELSE 'ended' END
    WHEN place < {refused} THEN 'refused'
    WHEN place < {ending} THEN 'ending'
    WHEN place < {ending} + {expired} THEN 'expired'
    WHEN place < {ending} + {expired} + {failed} THEN 'failed'
    WHEN place < {ending} + {expired} + {failed} + {marked} THEN 'marked'
    WHEN place < {ending} + {expired} + {failed} + {marked} + {batch} THEN 'batch'
    ELSE 'ended' END AS kind,
  CASE WHEN n <= {old} THEN 'legacy' WHEN n * 37 %% 100 < 60 THEN 'default'
       WHEN n * 37 %% 100 < 85 THEN 'eu' ELSE 'us' END AS account
FROM (
  SELECT n, {cards} - n + 1 AS r, 'order-' || n AS key,
    (SELECT (EXTRACT(EPOCH FROM clock_timestamp()) * 1000)::bigint) AS now,
    CASE WHEN {cards} - n < {young} THEN ({cards} - n) * 7919::bigint %% {young}
         ELSE ({cards} - n - {young}) * 104729::bigint %% ({cards} - {young}) END AS place
  FROM generate_series(1, {cards}) n
) numbers
"""
CARDS = """
INSERT INTO {LiveActivity} (account, lane_digest, stream_key, activity_id, subject_scope,
  subject_model, subject_pk, tracked_by, title, type, created_at, status, generation,
  needs_attention, ended_at)
SELECT account, digest, key, 'pLAr-' || substr(md5(key), 1, 13), '', 'shop.Order', n::text, '',
  CASE WHEN r <= {rare} THEN 'Quarry ' ELSE '' END || 'Order ' || n
    || CASE n %% 8 WHEN 0 THEN ' to the Harbor' ELSE ' to the old town' END,
  type, created_at,
  CASE WHEN kind IN ('scheduled', 'refused', 'ending', 'expired') THEN 'live'
       WHEN kind IN ('marked', 'batch') THEN 'ended' ELSE kind END,
  1, kind = 'marked',
  CASE WHEN kind IN ('ended', 'marked', 'batch', 'failed')
       THEN least(created_at + 3600000, now) END
FROM planned ORDER BY planned.n
"""
# The third operation of a card is its end, if one was asked for.
OPERATIONS = """
INSERT INTO {Operation} (activity_id, account, lane_digest, kind, content, options, due_at, source,
  actor, reason, batch_id, created_at, state, outcome, rank, next_try_at, tries, failures, stripped,
  inherited_options, needs_attention, acknowledged_at, finished_at)
SELECT n, account, digest, CASE WHEN is_end THEN 'end' ELSE 'stream' END,
  CASE WHEN NOT is_end THEN %(content)s::jsonb END, '{{}}',
  CASE WHEN is_end AND kind = 'scheduled' THEN now + 36000000 ELSE asked_at END, 'service', '', '',
  CASE WHEN is_end AND kind = 'batch' THEN 1 END, asked_at, state,
  CASE WHEN state IN ('needs_operator', 'failed') THEN 'rejected'
       WHEN is_end AND kind = 'ending' THEN 'ambiguous'
       WHEN state = 'pending' THEN ''
       WHEN is_end AND n %% 3 = 0 THEN 'already_ended' ELSE 'delivered' END,
  CASE WHEN is_end THEN 0 ELSE 3 END,
  CASE WHEN state NOT IN ('pending', 'needs_operator') THEN NULL
       WHEN kind = 'scheduled' THEN now + 36000000 ELSE now + 3600000 END,
  1, 0, false, '{{}}', false, CASE WHEN is_end AND state = 'done' THEN asked_at + 200 END,
  CASE WHEN state NOT IN ('pending', 'needs_operator') THEN asked_at + 200 END
FROM (
  SELECT *, CASE
      WHEN kind = 'failed' THEN 'failed'
      WHEN is_end AND kind = 'refused' THEN 'needs_operator'
      WHEN is_end AND kind IN ('ending', 'scheduled') OR kind = 'pending' AND step = 2
        THEN 'pending'
      ELSE 'done' END AS state
  FROM (
    SELECT *, least(created_at + step * 1000, now) AS asked_at, step = 2 AND kind IN
      ('ended', 'marked', 'batch', 'refused', 'ending', 'scheduled') AS is_end
    FROM planned CROSS JOIN generate_series(0, 2) step
  ) steps
) done ORDER BY done.asked_at, n, step
"""
ATTEMPTS = """
INSERT INTO {Attempt} (operation_id, number, endpoint, started_at, status, outcome, answer, error,
  duration_ms)
SELECT id, 1, 'end_stream', created_at + 10, 200, outcome, %(answer)s, '', 180
FROM {Operation} WHERE kind = 'end' ORDER BY id
"""
LANES = """
INSERT INTO {Lane} (account, digest, stream_key, activity_id, lease_until, fence, open_attempt,
  ever_called, generation, ended_through_id, ended_through_at, newest_content_id, displayed_id,
  hidden_because, cards, ambiguous_until, stream_ambiguous_until)
SELECT account, digest, key, '', 0, 3, 0, true, 1, 0, 0, 0, 0, '', '[]', 0, 0
FROM planned ORDER BY n
"""
KNOWN = """
INSERT INTO {KnownActivityId} (activity_id, account, id_digest)
SELECT id, account, encode(sha256(('activity:' || activity_id)::bytea), 'hex')
FROM {LiveActivity} ORDER BY id
"""
STATEMENTS = (PLAN, CARDS, OPERATIONS, ATTEMPTS, LANES, KNOWN)
