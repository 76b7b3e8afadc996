"""Orders are followed by themselves."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.shop.models import Order

from .following import OrderActivity, followed


@pytest.fixture
def orders(db: None, liveactivity_outbox: object) -> Iterator[None]:
    """Follow orders with ``OrderActivity``; what is delivered is kept in the outbox."""
    with followed(Order, OrderActivity):
        yield
