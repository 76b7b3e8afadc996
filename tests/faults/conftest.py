"""The fixtures of a run, and the refusal to collect while a cell of the table is missing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from .brokers import Rabbitmq
from .databases import CREATE, REMOVE, Database
from .harness import System
from .matrix import missing
from .own_servers import own_server
from .vendor import FakeVendor


def pytest_collection_modifyitems(session: pytest.Session) -> None:
    """Refuse a table with holes, whatever was selected."""
    if lost := missing():
        raise pytest.UsageError(f"tests/faults lacks {', '.join(lost)}")


@pytest.fixture(scope="session", autouse=True)
def _templates() -> Iterator[None]:
    yield
    for template in REMOVE:
        template.drop()


@pytest.fixture(scope="session")
def rabbitmq() -> Iterator[Rabbitmq]:
    """A RabbitMQ node of the session's own: it takes seconds to start."""
    with own_server(Rabbitmq) as node:
        yield node


@pytest.fixture
def database(database_name: str) -> Iterator[Database]:
    """A fresh database of the cell's kind."""
    fresh = CREATE[database_name]()
    yield fresh
    fresh.drop()


@pytest.fixture
def vendor() -> Iterator[FakeVendor]:
    """A vendor with the limit of the contract, 20 times as fast, and room for many cards."""
    with FakeVendor(rate_limit=(60, 3.0), concurrent=10_000) as fake:
        yield fake


@pytest.fixture
def system(database: Database, vendor: FakeVendor, tmp_path: Path) -> Iterator[System]:
    """A run on them; its processes end with it."""
    run = System(database, vendor, tmp_path)
    yield run
    run.close()
