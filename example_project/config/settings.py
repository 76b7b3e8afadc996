"""The settings of the example project; the environment overrides some of them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import dj_database_url

BASE_DIR = Path(__file__).resolve().parent.parent

DEBUG = os.environ.get("DEBUG", "1") == "1"
SECRET_KEY = os.environ.get("SECRET_KEY", "only-good-enough-for-an-example-on-your-own-machine")
SALT_KEY = os.environ.get("SALT_KEY", "customers")  # with SECRET_KEY it encrypts their keys
ALLOWED_HOSTS = ["127.0.0.1", "localhost"]

INSTALLED_APPS = [
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "rest_framework",
    "rest_framework.authtoken",
    "drf_spectacular",
    "django_liveactivity",
    "customers",
    "deployments",
    "shop",
    "demo",
]
MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "config" / "templates"],
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
ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
LOGIN_URL = "admin:login"

DATABASES = {"default": dj_database_url.config(default=f"sqlite:///{BASE_DIR / 'db.sqlite3'}")}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    # SQLite has one writer at a time: take the lock when a transaction begins, not in the middle.
    DATABASES["default"]["OPTIONS"] = {"timeout": 20, "transaction_mode": "IMMEDIATE"}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
TIME_ZONE = "UTC"
USE_TZ = True
STATIC_URL = "static/"
STATICFILES_DIRS = [BASE_DIR / "config" / "static"]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        "rest_framework.authentication.TokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.0",
    "TITLE": "End Live Activities",
    "DESCRIPTION": "The endpoint of django-liveactivity, as the example project mounts it.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
}

# `python example_project/manage.py liveactivity_sandbox` serves this address.
ACTIVITYSMITH_BASE_URL = os.environ.get("ACTIVITYSMITH_BASE_URL", "http://127.0.0.1:8765/api")

_calls, _, _seconds = os.environ.get("LIVEACTIVITY_RATE_LIMIT", "60/60").partition("/")

LIVEACTIVITY: dict[str, dict[str, Any]] = {
    "default": {
        "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
        "DISPATCHER": os.environ.get("LIVEACTIVITY_DISPATCHER", "immediate"),
        "OPTIONS": {
            "api_key": os.environ.get("ACTIVITYSMITH_API_KEY", "ask_demo"),
            "base_url": ACTIVITYSMITH_BASE_URL,
            "rate_limit": (int(_calls), float(_seconds)),
        },
    }
}

LIVEACTIVITY_ACCOUNTS = "customers.accounts.CustomerAccounts"

CELERY_BROKER_URL = os.environ.get("CELERY_BROKER_URL", "redis://127.0.0.1:6379/0")
CELERY_BEAT_SCHEDULE = {
    "liveactivity-sweep": {
        "task": "django_liveactivity.sweep",
        "schedule": 15.0,
        "options": {"expires": 15.0},
    },
}
