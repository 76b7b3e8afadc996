"""The pytest fixture ``liveactivity_outbox``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from .client.call import Call


@pytest.fixture
def liveactivity_outbox() -> Iterator[list[Call]]:
    """Give the outbox of the locmem backend, empty at the beginning of the test."""
    from .backends.locmem import outbox  # noqa: PLC0415 - settings are not ready at start-up

    outbox.clear()
    yield outbox
    outbox.clear()
