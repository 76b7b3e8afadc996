"""The test project on PostgreSQL: ``pytest --ds=tests.tracking.on_postgres tests/tracking``."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "NAME": f"tracking_{alias}",
        "USER": "root",
    }
    for alias in ("default", "other")
}
