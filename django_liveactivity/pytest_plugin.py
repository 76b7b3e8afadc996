"""The pytest fixtures: every account in memory, at a sandbox of its own, or on the network.

Under pytest no account reaches the network unless a test asks for it, even without a fixture: see
``backends.locmem``. The first two fixtures need pytest-django.
"""

# ruff: noqa: PLC0415 - pytest imports this before the settings are ready
from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from .backends.locmem import Outbox
    from .sandbox import Sandbox

UNLIMITED = (1_000_000, 60.0)


@pytest.fixture(autouse=True)
def _liveactivity_empty_outbox() -> None:
    """Start each test with no calls, as Django does for mail; import nothing for that."""
    locmem = sys.modules.get("django_liveactivity.backends.locmem")
    if locmem:
        locmem.outbox.clear()


@pytest.fixture
def liveactivity_outbox(settings: Any) -> Iterator[Outbox]:
    """Keep every account in memory, and return the outbox, empty before and after."""
    from .testing import locmem_accounts, outbox

    settings.LIVEACTIVITY = locmem_accounts()
    outbox.clear()
    yield outbox
    outbox.clear()


@pytest.fixture
def liveactivity_sandbox(settings: Any) -> Iterator[Sandbox]:
    """Serve the vendor's API on loopback, point every account at it, and return the sandbox.

    It has no rate limit; change ``sandbox.policy`` and set ``sandbox.faults`` as you need.
    """
    from .sandbox import Sandbox
    from .testing import sandbox_accounts

    with Sandbox(rate_limit=UNLIMITED) as sandbox:
        settings.LIVEACTIVITY = sandbox_accounts(sandbox.url)
        yield sandbox


@pytest.fixture
def liveactivity_network() -> Iterator[None]:
    """Let every account call the address in its settings: real phones will show the cards."""
    from .testing import allow_network

    with allow_network():
        yield
