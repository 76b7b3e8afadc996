from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from django_liveactivity.sandbox import Sandbox

from .api import Api

BEGIN = 1_800_000_000.0


class Clock:
    """A clock that stands still until a test moves it."""

    def __init__(self) -> None:
        self.now = BEGIN

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0) -> None:
        """Move on."""
        self.now += seconds + minutes * 60 + hours * 3600


@pytest.fixture(scope="session")
def session_clock() -> Clock:
    return Clock()


@pytest.fixture
def clock(session_clock: Clock) -> Clock:
    session_clock.now = BEGIN
    return session_clock


@pytest.fixture
def run(clock: Clock) -> Iterator[Callable[..., Sandbox]]:
    """Run sandboxes with options, by the clock of the test."""
    with ExitStack() as stack:
        yield lambda **options: stack.enter_context(
            Sandbox(**{"clock": clock, "rate_limit": (1000, 60.0), **options})
        )


@pytest.fixture(scope="session")
def shared_sandbox(session_clock: Clock) -> Iterator[Sandbox]:
    with Sandbox(clock=session_clock, rate_limit=(1000, 60.0)) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def shared_api(shared_sandbox: Sandbox) -> Iterator[Api]:
    api = Api(shared_sandbox.url)
    with api.http:
        yield api


@pytest.fixture
def sandbox(shared_sandbox: Sandbox, clock: Clock) -> Sandbox:
    """Return a sandbox in which nothing has happened; one with other options takes ``run``."""
    shared_sandbox.reset()
    return shared_sandbox


@pytest.fixture
def api(sandbox: Sandbox, shared_api: Api) -> Api:
    return shared_api


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
