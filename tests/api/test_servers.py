"""The endpoint under real servers: chunked bodies, and bodies that are meant to exhaust it."""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from django_liveactivity.api.parsers import MAX_BYTES
from tests.faults.databases import Database

from .serving import Answer, Server, serving

MOST_GROWTH = 10 * 1024  # KiB
LARGEST_ANSWER = 32 * 1024  # of at most 50 errors
ENDS = "SELECT COUNT(*) FROM django_liveactivity_operation WHERE kind = 'end'"
MB = 1_000_000
PIECE = b" " * 65_536
NUMBERS = itertools.count()


def on(*names: str) -> pytest.MarkDecorator:
    """Run a test under servers, each of which one worker of pytest starts once."""
    groups = [pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in names]
    return pytest.mark.parametrize("server", groups, indirect=True, scope="module")


@pytest.fixture(scope="module")
def server(
    request: pytest.FixtureRequest,
    own_database: Database,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Server]:
    """The server that the test names."""
    with serving(request.param, own_database, tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture
def key() -> str:
    """The key of a card that no other test ends."""
    return f"job-{next(NUMBERS)}"


def ends(database: Database) -> int:
    return int(database.rows(ENDS)[0][0])


def body(key: str) -> bytes:
    return json.dumps({"stream_key": key}).encode()


def is_refusal(answer: Answer, status: int) -> bool:
    """Tell whether an answer is a small one in JSON."""
    is_json = answer.content_type in ("application/json", "application/problem+json")
    small = len(answer.body) <= LARGEST_ANSWER
    return answer.status == status and is_json and small and isinstance(answer.json, dict)


class TestChunks:
    @on("gunicorn", "uvicorn")
    def test_a_chunked_body_is_read(self, server: Server, own_database: Database, key: str):
        before = ends(own_database)

        answer = server.post([body(key)[:5], body(key)[5:]])

        assert answer.status == 202
        assert ends(own_database) == before + 1

    @on("gunicorn", "uvicorn")
    def test_a_chunked_body_is_read_up_to_the_limit(self, server: Server, key: str):
        assert server.post([body(key), b" " * (MAX_BYTES - len(body(key)))]).status == 202
        assert is_refusal(server.post([body(key), b" " * MAX_BYTES]), 413)

    @on("gunicorn", "uvicorn")
    def test_an_empty_chunked_body_is_none(self, server: Server):
        assert is_refusal(server.post([]), 400)

    @on("runserver")
    def test_a_server_that_does_not_read_chunks_answers_411(
        self, server: Server, own_database: Database, key: str
    ):
        before = ends(own_database)

        assert is_refusal(server.post([body(key)]), 411)
        assert ends(own_database) == before

    @on("gunicorn", "uvicorn", "runserver")
    def test_a_body_with_a_length_is_read_up_to_the_limit(self, server: Server, key: str):
        assert server.post(body(key)).status == 202
        assert is_refusal(server.post(body(key) + b" " * MAX_BYTES), 413)


@dataclass(frozen=True)
class Bomb:
    """A body that is meant to exhaust the server.

    Args:
        pieces: begins to send the body anew.
        statuses: what may be answered; 0 if the server may only close the connection.
        headers: beside the usual.
        finished: whether all that is announced is sent.
    """

    pieces: Callable[[], Iterator[bytes] | bytes]
    statuses: tuple[int, ...]
    headers: dict[str, str] = field(default_factory=dict)
    finished: bool = True


def spaces(size: int) -> Iterator[bytes]:
    return itertools.repeat(PIECE, size // len(PIECE))


BOMBS = {
    # gunicorn refuses what is announced; under ASGI Django waits for it, and the client hangs up.
    "1 GB announced, 100 MB sent": Bomb(
        lambda: spaces(100 * MB), (413, 0), {"Content-Length": "1000000000"}, finished=False
    ),
    "100 MB": Bomb(
        lambda: spaces(1600 * len(PIECE)), (413,), {"Content-Length": str(1600 * len(PIECE))}
    ),
    "chunks without an end": Bomb(lambda: spaces(100 * MB), (413, 0), finished=False),
    "20 MB in chunks": Bomb(lambda: spaces(20 * MB), (413,)),
    "20,000 chunks of one byte": Bomb(lambda: itertools.repeat(b"[", 20_000), (400,)),
    "60,000 nested lists": Bomb(lambda: b"[" * 60_000 + b"]" * 60_000, (400,)),
    "20,000 nested objects": Bomb(lambda: b'{"a":' * 20_000 + b"1" + b"}" * 20_000, (400,)),
    "a million keys": Bomb(lambda: b"{" + b'"a":1,' * MB + b'"b":1}', (413,)),
    "10,000 keys": Bomb(lambda: json.dumps(dict.fromkeys(range(10_000), 1)).encode(), (400,)),
    "one key 20,000 times": Bomb(lambda: b"{" + b'"a":1,' * 20_000 + b'"a":1}', (400,)),
    "60,000 empty lists": Bomb(lambda: b'{"tags":[' + b"[]," * 40_000 + b"[]]}", (400,)),
    "a number of 120,000 digits": Bomb(lambda: b'{"after":' + b"9" * 120_000 + b"}", (400,)),
    "a fraction of 120,000 digits": Bomb(lambda: b'{"after":0.' + b"9" * 120_000 + b"}", (400,)),
    "an exponent of 120,000 digits": Bomb(lambda: b'{"after":1e' + b"9" * 120_000 + b"}", (400,)),
    "20,000 escapes": Bomb(lambda: b'{"stream_key":"' + b"\\u0041" * 20_000 + b'"}', (400,)),
    "20,000 halves": Bomb(lambda: b'{"reason":"' + b"\\ud800" * 20_000 + b'"}', (400,)),
    "NUL": Bomb(lambda: b"\0" * MAX_BYTES, (400,)),
    "compressed": Bomb(lambda: b"\x1f\x8b" * 60_000, (400,), {"Content-Encoding": "gzip"}),
}


@pytest.mark.long
class TestBombs:
    @on("gunicorn", "uvicorn")
    @pytest.mark.parametrize("bomb", BOMBS.values(), ids=BOMBS.keys())
    def test_a_bomb_is_refused_and_costs_no_memory(
        self, server: Server, own_database: Database, bomb: Bomb
    ):
        warm_up(server)
        before, stored = server.memory("VmRSS"), ends(own_database)
        server.forget_peak()

        answer = server.post(bomb.pieces(), bomb.headers, finished=bomb.finished)

        assert answer.status in bomb.statuses
        assert not answer.status or is_refusal(answer, answer.status)
        assert server.memory("VmHWM") - before <= MOST_GROWTH
        assert ends(own_database) == stored
        assert server.end(stream_key="afterwards").status == 202

    @on("gunicorn", "uvicorn")
    def test_slow_bodies_keep_no_end_waiting(self, server: Server, key: str):
        warm_up(server)
        before = server.memory("VmRSS")
        with ThreadPoolExecutor() as pool:
            others = [pool.submit(server.post, drip()) for _ in range(4)]
            assert server.end(stream_key=key).status == 202
            answers = [other.result() for other in others]

        assert [answer.status for answer in answers] == [400] * len(answers)
        assert server.memory("VmHWM") - before <= MOST_GROWTH
        assert server.end(stream_key=key).status == 202


def drip() -> Iterator[bytes]:
    """Yield bytes, each a while after the one before."""
    for _ in range(15):
        yield b" "
        time.sleep(0.1)


def warm_up(server: Server) -> None:
    """Have the server read, store and refuse, bodies of the largest size too."""
    largest = body("before").ljust(MAX_BYTES)
    for _ in range(3):
        assert server.end(stream_key="before").status == 202
        assert server.post(largest).status == 202
        assert server.post(b"{").status == 400


def test_the_site_has_no_end_without_its_caller(own_database: Database, tmp_path: Path, key: str):
    with serving("runserver", own_database, tmp_path) as server:
        answer = server.post(body(key), {"Authorization": "Bearer another"})

    assert is_refusal(answer, 403)
