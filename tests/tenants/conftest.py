"""The tenants: two restaurants, each with an order of the same number."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.db import connection
from django_tenants.utils import get_public_schema_name, schema_context

from django_liveactivity.tracking import SyncResult, reconcile
from tests.tenants.customers.models import Restaurant
from tests.tenants.kitchen.models import Order

NAMES = ("acme", "globex")


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: pytest.FixtureRequest) -> None:
    """Make the schemas once: a new one is migrated, which takes a second."""
    with django_db_blocker.unblock():
        for name in (get_public_schema_name(), *NAMES):
            Restaurant.objects.get_or_create(schema_name=name, name=name)


@pytest.fixture(autouse=True)
def public_schema(db: None) -> Iterator[None]:
    """Begin each test where a worker is: in the public schema."""
    connection.set_schema_to_public()
    yield
    connection.set_schema_to_public()


def create_orders() -> dict[str, Order]:
    """Create an order of each tenant: both have the primary key 1000."""
    found = {}
    for name in NAMES:
        with schema_context(name):
            found[name] = Order.objects.create(pk=1000, title=f"Order of {name}")
    return found


def compare() -> SyncResult:
    """Compare every card with its object, and return the counts."""
    synced = SyncResult()
    for batch in reconcile():
        synced.add(batch)
    return synced
