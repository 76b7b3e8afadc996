"""A host's tests see what accounts of its source send, inside of ``TestCase`` too."""

from __future__ import annotations

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.testing import assert_activity_ended, capture_activities, deliver

from .conftest import VENDOR

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _customer(source):
    source.put("acme", BACKEND=VENDOR, OPTIONS={"api_key": "ask_test_0123456789"})


def test_calls_are_captured_and_stay_in_memory():
    with capture_activities() as calls:
        card = services.stream_activity("k", Progress(title="x", percentage=1), account="acme")
    assert [call.target for call in calls] == ["k"]
    with capture_activities() as calls:
        services.end_activity(card)
    assert_activity_ended("k", calls=calls)


def test_what_is_due_is_delivered():
    services.stream_activity("k", Progress(title="x", percentage=1), account="acme")
    assert len(deliver()) == 1
    assert deliver() == []
