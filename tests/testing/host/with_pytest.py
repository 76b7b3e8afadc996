"""The same in pytest's own style, in order."""

from __future__ import annotations

import multiprocessing

import pytest

from django_liveactivity import Progress, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Call
from django_liveactivity.content.endpoints import Endpoint
from django_liveactivity.testing import deliver, outbox

from . import children

CALL = Call(Endpoint.END_STREAM, "order-42", {})


def test_without_a_database():
    get_backend().send(CALL)
    assert outbox == [CALL]


def test_each_test_begins_with_nothing_sent():
    assert outbox == []


def test_with_a_database(db):
    services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    assert [call.target for call in deliver()] == ["order-42"]


def test_a_fixture_may_say_otherwise(liveactivity_network):
    assert get_backend().send(CALL).outcome == "not_sent"


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_in_a_child(method):
    with multiprocessing.get_context(method).Pool(1) as pool:
        assert pool.apply(children.send) == 1
    assert outbox == []
