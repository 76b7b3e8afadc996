"""What many tests of delivery share: a card, and the warnings in the log."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from django_liveactivity import services
from django_liveactivity.models import LiveActivity
from tests.settings import SERVER

from .vocabulary import deliver, progress

collect_ignore = [] if SERVER["NAME"] == ":memory:" else ["test_state_machine_rows.py"]
"""The simulation with real rows sets SQLite's clock, which no server would let it do."""


@pytest.fixture
def card(vendor: Any) -> LiveActivity:
    """A card on the phone that shows 40 %."""
    card = services.stream_activity("order-42", progress(40))
    deliver()
    return card


@pytest.fixture
def said(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """The warnings of delivery so far."""
    caplog.set_level("WARNING", "django_liveactivity.delivery")
    return lambda: [record.getMessage() for record in caplog.records]
