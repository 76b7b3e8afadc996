"""The settings of the site: those of a process of the fault suite, and the endpoint."""

from __future__ import annotations

from tests.faults.settings import *  # noqa: F403
from tests.faults.settings import DATABASES, INSTALLED_APPS

INSTALLED_APPS = [*INSTALLED_APPS, "rest_framework"]
if DATABASES["default"].get("ENGINE") == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] |= {"transaction_mode": "IMMEDIATE"}  # as W002 asks
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.api.site.urls"
WSGI_APPLICATION = "tests.api.site.wsgi.application"
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["tests.api.site.caller.CallerAuthentication"],
    "UNAUTHENTICATED_USER": None,
}
