"""The pytest fixtures: every account in memory, at a sandbox of its own, or out on the network.

In a run of pytest no account reaches the network unless a test asks for it, with no fixture at all:
see ``backends.isolation``. The first two fixtures need pytest-django.
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
    """Begin each test with no call sent, as Django does for mails; no call, no import."""
    locmem = sys.modules.get("django_liveactivity.backends.locmem")
    if locmem:
        locmem.outbox.clear()


@pytest.fixture
def liveactivity_outbox(settings: Any) -> Iterator[Outbox]:
    """Keep every account in memory, and give the outbox, which is empty before and after."""
    from .testing import locmem_accounts, outbox

    settings.LIVEACTIVITY = locmem_accounts()
    outbox.clear()
    yield outbox
    outbox.clear()


@pytest.fixture
def liveactivity_sandbox(settings: Any) -> Iterator[Sandbox]:
    """Serve the vendor's API on loopback, point every account at it, and give the sandbox.

    It does not limit the rate; ``sandbox.policy`` may be changed, and ``sandbox.faults`` set.
    """
    from .sandbox import Sandbox
    from .testing import sandbox_accounts

    with Sandbox(rate_limit=UNLIMITED) as sandbox:
        settings.LIVEACTIVITY = sandbox_accounts(sandbox.url)
        yield sandbox


@pytest.fixture
def liveactivity_network() -> Iterator[None]:
    """Let the calls of every account out to where the settings say: phones will show them."""
    from .testing import allow_network

    with allow_network():
        yield
