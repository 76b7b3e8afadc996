"""The client's reading of the contract against the sandbox's, which shares no code with it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from itertools import count

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from django_liveactivity.client import Client, Outcome
from django_liveactivity.content import SegmentedProgress, Timer
from django_liveactivity.content.endpoints import Endpoint, check_content
from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.sandbox import Sandbox
from tests.content.strategies import contents, options

KEYS = count()
OURS_TO_CHOOSE = {
    Endpoint.UPDATE: ("alert", "channels"),
    Endpoint.END: ("alert", "channels"),
    Endpoint.END_STREAM: ("channels",),
}


@pytest.fixture(scope="module")
def phone() -> Iterator[Client]:
    with (
        Sandbox(rate_limit=(1_000_000, 60.0), concurrent=1_000_000) as sandbox,
        Client("ask_test", base_url=sandbox.url) as client,
    ):
        yield client


def taken(endpoint: Endpoint, content, fields: dict) -> dict:
    refused = OURS_TO_CHOOSE.get(endpoint, ())
    if content.type in {"metrics", "stats", "timer"}:
        refused = (*refused, "secondary_action")
    return {name: value for name, value in fields.items() if name not in refused}


def startable(content) -> bool:
    try:
        check_content(Endpoint.START, content)
    except InvalidInputError:
        return False
    return True


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents().filter(startable), options, st.integers(0, 14_400))
def test_what_we_send_is_what_the_sandbox_takes(phone, content, fields, seconds) -> None:
    key, dismiss = f"key-{next(KEYS)}", timedelta(seconds=seconds)
    started = phone.start(content, **taken(Endpoint.START, content, fields))
    answers = [
        started,
        phone.update(started.activity_id, content, **taken(Endpoint.UPDATE, content, fields)),
        phone.end(
            started.activity_id,
            content,
            dismiss_after=dismiss,
            **taken(Endpoint.END, content, fields),
        ),
        phone.stream(key, content, **taken(Endpoint.STREAM, content, fields)),
        phone.end_stream(
            key,
            content,
            dismiss_after=dismiss,
            **taken(Endpoint.END_STREAM, content, fields),
        ),
    ]
    assert [reply.outcome for reply in answers] == [Outcome.DELIVERED] * 5


def test_a_card_goes_through_its_life(phone) -> None:
    card = SegmentedProgress(title="Deploy", current_step=1, number_of_steps=3)
    assert phone.end_stream("deploy").outcome is Outcome.NOT_FOUND
    started = phone.stream("deploy", card)
    assert (started.operation, started.outcome) == ("started", Outcome.DELIVERED)
    assert phone.stream("deploy", card).outcome is Outcome.NOOP
    final = SegmentedProgress(title="Deploy", current_step=5, number_of_steps=5, type=None)
    ended = phone.end_stream("deploy", final)
    assert (ended.outcome, ended.activity_id) == (Outcome.DELIVERED, started.activity_id)
    assert phone.end_stream("deploy").outcome is Outcome.ALREADY_ENDED


def test_a_timer_started_elsewhere_ends_frozen() -> None:
    with Sandbox() as sandbox, Client("ask_test", base_url=sandbox.url) as client:
        started = client.start(Timer(title="Run", duration_seconds=60))
        client.end(started.activity_id, Timer(title="Run", duration_seconds=60))
        assert sandbox.phone()["empty"]
        sent = sandbox.calls()[-1]["body"]
    assert sent == {
        "activity_id": started.activity_id,
        "content_state": {"title": "Run", "type": "timer"},
    }


def test_the_accounts_limits_are_told_apart() -> None:
    with (
        Sandbox(rate_limit=(3, 60.0), concurrent=1) as sandbox,
        Client("ask_test", base_url=sandbox.url) as client,
    ):
        card = Timer(title="x", duration_seconds=5)
        outcomes = [client.start(card).outcome for _ in range(4)]
    limited = [Outcome.LIMIT_REACHED] * 2
    assert outcomes == [Outcome.DELIVERED, *limited, Outcome.RATE_LIMITED]
