"""Clients of the endpoint, and what they post."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.urls import reverse
from rest_framework.test import APIClient

from django_liveactivity import Progress, services
from django_liveactivity.models import LiveActivity, Operation
from tests.faults.databases import CREATE, REMOVE, Database


@pytest.fixture
def url() -> str:
    """The address of the endpoint in the test project."""
    return reverse("django_liveactivity:end")


@pytest.fixture
def user(db: None) -> User:
    """A user who may end cards and give their content."""
    user = User.objects.create_user("ana", password="secret")
    names = ["end_liveactivity", "give_content_liveactivity"]
    user.user_permissions.set(Permission.objects.filter(codename__in=names))
    return user


@pytest.fixture
def client(user: User) -> APIClient:
    """Their client, which speaks JSON."""
    client = APIClient()
    client.default_format = "json"
    client.force_login(user)
    return client


@pytest.fixture(scope="session")
def own_database() -> Iterator[Database]:
    """A database that real servers share, of the kind that ``TEST_DATABASE`` names."""
    fresh = CREATE[os.environ.get("TEST_DATABASE", "sqlite")]()
    yield fresh
    for database in (fresh, *REMOVE):
        database.drop()


def show(key: str = "order-42", **options: Any) -> LiveActivity:
    """Show a card at 40 %."""
    return services.stream_activity(key, Progress(title="Order", percentage=40), **options)


def ends() -> Any:
    """Return every end there is."""
    return Operation.objects.filter(kind=Operation.Kind.END)
