"""Many callers at once, over real HTTP: repeats of one end are one end, and none fails."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.faults.databases import Database
from tests.faults.processes import ask

from .serving import Answer, Server, serving

ENDS = """
    SELECT a.id FROM django_liveactivity_operation o
    JOIN django_liveactivity_liveactivity a ON a.id = o.activity_id
    WHERE o.kind = 'end' AND (a.stream_key LIKE %s OR a.activity_id LIKE %s)
"""
SHOW = """
import django
django.setup()
from django_liveactivity import Progress, services
from tests.faults.host.models import Customer
content = Progress(title="Job", percentage=40)
services.stream_activity("shown", content)
for number in range(3):
    services.stream_activity(f"of-42-{number}", content, subject=Customer(pk=42))
print(services.stream_activity("by-id", content).pk)
"""


@pytest.fixture(scope="module")
def server(own_database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two processes, each with threads."""
    options = ("--workers", "2", "--threads", "16")
    with serving("gunicorn", own_database, tmp_path_factory.mktemp("many"), *options) as running:
        yield running


@pytest.fixture(scope="module")
def by_id(own_database: Database) -> int:
    """The primary key of a card that is shown, beside others."""
    return int(ask({"database": own_database.settings}, SHOW))


def at_once(server: Server, bodies: list[dict[str, object]]) -> list[Answer]:
    """Post bodies at the same moment, each by a thread and a connection of its own."""
    ready = threading.Barrier(len(bodies))

    def call(body: dict[str, object]) -> Answer:
        ready.wait()
        return server.end(**body)

    with ThreadPoolExecutor(len(bodies)) as pool:
        return list(pool.map(call, bodies))


pytestmark = [pytest.mark.long, pytest.mark.xdist_group("many callers")]


@pytest.mark.parametrize(
    ("name", "callers", "ended"),
    [
        ({"stream_key": "unknown"}, 200, 1),
        ({"stream_key": "shown", "content": {"title": "Done", "percentage": 100}}, 50, 1),
        ({"activity_id": "elsewhere", "content": {"title": "Done"}}, 50, 1),
        ({"id": "by-id"}, 50, 1),
        ({"subject": {"model": "host.Customer", "pk": "42"}}, 50, 3),
    ],
    ids=["unknown", "shown", "elsewhere", "by-id", "of-42"],
)
def test_repeats_of_one_end_at_once_are_one_end(
    server: Server,
    own_database: Database,
    by_id: int,
    request: pytest.FixtureRequest,
    name: dict[str, object],
    callers: int,
    ended: int,
):
    body = {"id": by_id} if "id" in name else name

    answers = at_once(server, [body] * callers)

    assert Counter(answer.status // 100 for answer in answers) == {2: callers}
    called = f"{request.node.callspec.id}%"
    assert len(own_database.rows(ENDS, called, called)) == ended


def test_ends_of_many_cards_at_once_do_not_fail(server: Server, own_database: Database):
    bodies: list[dict[str, object]] = [{"stream_key": f"many-{n % 50}"} for n in range(100)]

    answers = at_once(server, bodies)

    assert Counter(answer.status // 100 for answer in answers) == {2: len(bodies)}
    assert len(own_database.rows(ENDS, "many-%", "many-%")) == 50
