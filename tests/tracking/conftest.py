"""Orders are followed by themselves."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.conf import settings

from tests.shop.models import Order

from .orders import OrderActivity, followed


@pytest.fixture
def orders(db: None, liveactivity_outbox: object) -> Iterator[None]:
    """Follow orders with ``OrderActivity``; what is delivered is kept in the outbox."""
    with followed(Order, OrderActivity):
        yield


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Leave the races to the databases that have row locks: SQLite has one writer at a time."""
    on_sqlite = settings.DATABASES["default"]["ENGINE"].endswith("sqlite3")
    return True if on_sqlite and collection_path.name == "test_races.py" else None
