"""The settings of the test project.

The tests run on SQLite in memory, or on what ``TEST_DATABASE`` names: ``postgres`` or ``mariadb``,
on loopback, for the user root. ``TEST_DATABASE_NAME`` keeps two checkouts on one server apart.
"""

from __future__ import annotations

import copy
import os
from importlib.util import find_spec

SECRET_KEY = "not-a-secret"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DEBUG = False
ALLOWED_HOSTS = ["*"]
ROOT_URLCONF = "tests.urls"
INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    *(["rest_framework", "rest_framework.authtoken"] if find_spec("rest_framework") else []),
    "django_liveactivity",
    "tests.shop",
]
MIDDLEWARE = [
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
NAME = os.environ.get("TEST_DATABASE_NAME", "liveactivity")
SERVERS = {
    "sqlite": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"},
    "postgres": {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "USER": "root",
        "NAME": NAME,
    },
    "mariadb": {
        "ENGINE": "django.db.backends.mysql",
        "HOST": "127.0.0.1",
        "USER": "root",
        "NAME": NAME,
        "TEST": {"CHARSET": "utf8mb4", "COLLATION": "utf8mb4_general_ci"},
    },
}
SERVER = SERVERS[os.environ.get("TEST_DATABASE", "sqlite")]
IN_MEMORY = SERVER["NAME"] == ":memory:"
DATABASES = {
    "default": SERVER,
    # A dict of its own, TEST included: Django and pytest-xdist write names into it.
    "other": copy.deepcopy(SERVER) | ({} if IN_MEMORY else {"NAME": f"{NAME}_other"}),
}
STATIC_URL = "static/"
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
LIVEACTIVITY = {
    "default": {
        "BACKEND": "django_liveactivity.backends.locmem.LocmemBackend",
        "DISPATCHER": "none",
    }
}
REST_FRAMEWORK = {"DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema"}
SPECTACULAR_SETTINGS = {"OAS_VERSION": "3.1.0"}
