"""The tenants: restaurants, whose orders are in schemas of their own."""

from __future__ import annotations

from django.db import connection, models
from django_tenants.models import DomainMixin, TenantMixin


class Restaurant(TenantMixin):
    name = models.CharField(max_length=100)

    auto_create_schema = True


class Domain(DomainMixin):
    pass


def current_schema() -> str:
    """Return the tenant whose rows are read and written here and now."""
    return connection.schema_name
