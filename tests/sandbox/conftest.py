from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from django_liveactivity.sandbox import Sandbox
from tests.sandbox.api import Api


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = 1_800_000_000.0

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> None:
        """Move on."""
        self.now += seconds + minutes * 60 + hours * 3600


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def run(clock: Clock) -> Iterator[Callable[..., Sandbox]]:
    """Run sandboxes with options, by the clock of the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            Sandbox(**{"clock": clock, "rate_limit": (1000, 60.0), **options})
        )


@pytest.fixture
def sandbox(run: Callable[..., Sandbox]) -> Sandbox:
    return run()


@pytest.fixture
def call_as() -> Iterator[Callable[..., Api]]:
    """Call a sandbox with an API key."""
    with ExitStack() as stack:

        def connect(sandbox: Sandbox, key: str = "ask_test") -> Api:
            api = Api(sandbox.url, key)
            stack.enter_context(api.http)
            return api

        yield connect


@pytest.fixture
def api(sandbox: Sandbox, call_as: Callable[..., Api]) -> Api:
    return call_as(sandbox)


@pytest.fixture
def card(sandbox: Sandbox) -> Callable[[], dict[str, Any]]:
    """Return the only card that is alive."""

    def only() -> dict[str, Any]:
        (shown,) = sandbox.phone()["alive"]
        return shown

    return only


@pytest.fixture
def ended_card(sandbox: Sandbox) -> Callable[[], dict[str, Any]]:
    """Return the only card that has ended and is still visible."""

    def only() -> dict[str, Any]:
        (shown,) = sandbox.phone()["ended"]
        return shown

    return only
