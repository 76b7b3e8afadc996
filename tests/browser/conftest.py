"""What each test needs: a site, a phone, a delivery loop, and people at their browsers."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from playwright.sync_api import Browser, expect

from django_liveactivity.sandbox import Sandbox

from .environment import Delivery, accounts_at, put_database_in
from .validator import Validator, running_validator
from .visitor import PATIENCE, Visitor, running_chromium

SETTINGS = "tests.browser.settings"
Visit = Callable[..., Visitor]
expect.set_options(timeout=PATIENCE)


def pytest_configure(config: pytest.Config) -> None:
    """Refuse to run with the settings of the other tests: they have no files and no policy."""
    if os.environ.get("DJANGO_SETTINGS_MODULE") != SETTINGS:
        raise pytest.UsageError(f"Run them by nox -s browser, or with --ds={SETTINGS}")


@pytest.fixture(scope="session")
def django_db_modify_db_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    put_database_in(tmp_path_factory.mktemp("database"))


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    with running_chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def validator() -> Iterator[Validator]:
    with running_validator() as checker:
        yield checker


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    """The vendor on loopback, with its page."""
    with Sandbox(rate_limit=(1_000_000, 60.0), seed=11) as vendor:
        yield vendor


@pytest.fixture(autouse=True)
def _account(settings: Any, sandbox: Sandbox) -> None:
    settings.LIVEACTIVITY = accounts_at(sandbox)


@pytest.fixture
def delivery(transactional_db: None) -> Iterator[Delivery]:
    """The delivery loop, which a test starts."""
    loop = Delivery()
    yield loop
    loop.stop()


@pytest.fixture
def visit(chromium: Browser, live_server: Any) -> Iterator[Visit]:
    """Open a browser for a user with the named permissions: ``visit("view", "end")``.

    At the end none of the pages may have an error on its console, or a violation of the policy.
    """
    visitors = []

    def sit_down(*may: str, name: str = "ana", **options: Any) -> Visitor:
        visitor = Visitor(chromium, live_server.url, **options)
        visitors.append(visitor)
        if may:
            visitor.log_in(user_who(name, *may))
        return visitor

    yield sit_down
    complaints = [each for visitor in visitors for each in visitor.complaints]
    for visitor in visitors:
        visitor.close()
    assert complaints == []


@pytest.fixture
def operator(visit: Visit) -> Visitor:
    """A user with every permission for cards, and no other."""
    return visit("view", "end", "operate")


def user_who(name: str, *may: str) -> User:
    """Return a user with the named permissions for live activities, who may change deployments.

    The password is the name.
    """
    user, is_new = User.objects.get_or_create(username=name, defaults={"is_staff": True})
    if is_new:
        user.set_password(name)
        user.save()
    codenames = [f"{verb}_liveactivity" for verb in may] + ["change_deployment"]
    user.user_permissions.set(Permission.objects.filter(codename__in=codenames))
    return user
