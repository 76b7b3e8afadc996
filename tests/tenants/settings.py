"""A project with a PostgreSQL schema for each tenant, by django-tenants."""

from __future__ import annotations

from tests.settings import *  # noqa: F403
from tests.settings import LIVEACTIVITY as ONE_ACCOUNT, NAME, SERVERS

SHARED_APPS = [
    "django_tenants",
    "tests.tenants.customers",
    "django_liveactivity",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
]
TENANT_APPS = ["tests.tenants.kitchen"]
INSTALLED_APPS = [*SHARED_APPS, *TENANT_APPS]
TENANT_MODEL = "customers.Restaurant"
TENANT_DOMAIN_MODEL = "customers.Domain"
DATABASES = {
    "default": SERVERS["postgres"]
    | {"ENGINE": "django_tenants.postgresql_backend", "NAME": f"{NAME}_tenants"}
}
DATABASE_ROUTERS = ["django_tenants.routers.TenantSyncRouter"]
ROOT_URLCONF = "tests.tenants.urls"
LIVEACTIVITY = ONE_ACCOUNT
LIVEACTIVITY_SUBJECT_SCOPE = "tests.tenants.customers.models.current_schema"
