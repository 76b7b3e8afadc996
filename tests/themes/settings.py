"""The settings of a site whose admin has the theme that ``THEME`` names."""

from __future__ import annotations

import os

from tests.settings import MIDDLEWARE, TEMPLATES  # noqa: F401 - settings

THEMES = {"django": [], "unfold": ["unfold"], "jazzmin": ["jazzmin"]}
THEME = os.environ.get("THEME", "django")

SECRET_KEY = "not-a-secret"
USE_TZ = True
DEBUG = True  # so that static files are served
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "tests.themes.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = [
    *THEMES[THEME],
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
    "django_liveactivity",
    "tests.shop",
]
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": os.environ.get("THEME_DATABASE", ":memory:"),
    }
}
STATIC_URL = "/static/"
LIVEACTIVITY = {"default": {"BACKEND": "django_liveactivity.backends.locmem.LocmemBackend"}}
JAZZMIN_SETTINGS = {"use_google_fonts_cdn": False}
JAZZMIN_UI_TWEAKS = {"default_theme_mode": "auto"}
