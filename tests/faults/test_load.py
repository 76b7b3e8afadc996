"""A great backlog: ends do not wait behind it."""

from __future__ import annotations

import time

from .generator import end, many, show
from .harness import OPERATIONS, System
from .matrix import row

CARDS, UPDATES = 50, 10_000
COLUMNS = (
    "activity_id, account, lane_digest, kind, content, options, dismiss_seconds, time_to_live, "
    "due_at, source, actor, reason, created_at, state, outcome, rank, next_try_at, tries, "
    "failures, first_tried_at, stripped, inherited_options, needs_attention, "
    "acknowledged_at, finished_at"
)


@row(34)
def test_row_34_10000_updates_then_5_ends(system: System, database_name: str):
    columns = COLUMNS.replace("rank", "`rank`") if database_name == "mariadb" else COLUMNS
    host = system.host()
    keys = [f"card-{n}" for n in range(CARDS)]
    host.must(many([show(key) for key in keys]))
    copy = f"INSERT INTO {OPERATIONS} ({columns}) SELECT {columns} FROM {OPERATIONS}"
    while (count := system.unfinished()) < UPDATES:
        system.database.execute(f"{copy} ORDER BY id LIMIT %s", min(count, UPDATES - count))
    assert count == UPDATES
    workers = 3
    system.workers(workers)
    system.until_called("PUT", count=5)
    host.must(many([end(key) for key in keys[:5]]))
    committed = time.monotonic()
    system.until_called("DELETE", count=1)
    done = f"SELECT COUNT(*) FROM {OPERATIONS} WHERE kind = 'end' AND state = 'done'"
    system.until(lambda: system.database.rows(done) == [(5,)], "the five ends")
    last = max(e.arrived for e in system.vendor.calls("DELETE"))
    between = [e for e in system.vendor.calls("PUT") if committed < e.arrived < last]
    print(f"{len(between)} updates came between, {workers} calls may be in flight")
    assert len(between) <= workers + 1
    system.judge()
