"""What all tests share: the vendor's sandbox, and an account that talks to it."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import hypothesis
import pytest

from django_liveactivity.sandbox import Sandbox

from .client.server import Server

KEY = "ask_test_0123456789"

# No deadline in any of them: timing never decides whether a test passes.
hypothesis.settings.register_profile("usual", deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=1_000, deadline=None)
hypothesis.settings.register_profile("fast", max_examples=20, deadline=None)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE") or "usual")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Start the long tests first, lest one worker is left with them when the others are done."""
    items.sort(key=lambda item: item.get_closest_marker("long") is None)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The vendor on loopback, without a rate limit that matters."""
    with Sandbox(rate_limit=(100_000, 60.0), seed=1) as vendor:
        yield vendor


@pytest.fixture
def configure(settings: Any, sandbox: Sandbox) -> Callable[..., None]:
    """Point the account ``default`` at the sandbox; give options and account keys by name."""

    def set_account(timing: dict[str, int] | None = None, **options: Any) -> None:
        settings.LIVEACTIVITY = {
            "default": {
                "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
                "TIMING": timing or {},
                "OPTIONS": {
                    "api_key": KEY,
                    "base_url": sandbox.url,
                    "rate_limit": None,
                    **options,
                },
            }
        }

    return set_account


@pytest.fixture
def vendor(configure: Callable[..., None], sandbox: Sandbox, db: None) -> Sandbox:
    """The sandbox, reached over HTTP by the account ``default`` without a pace."""
    configure()
    return sandbox


@pytest.fixture
def paced(configure: Callable[..., None], sandbox: Sandbox, db: None) -> Sandbox:
    """The sandbox, for an account with a rate limit, as every real one has."""
    configure(rate_limit=(60, 60))
    return sandbox


@pytest.fixture
def scripted_vendor(configure: Callable[..., None], db: None) -> Iterator[Server]:
    """A vendor for the account ``default`` whose answers a test writes."""
    server = Server()
    configure(base_url=server.url)
    yield server
    server.close()
