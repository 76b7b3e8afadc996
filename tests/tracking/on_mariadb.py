"""The test project on MariaDB: ``pytest --ds=tests.tracking.on_mariadb tests/tracking``."""

from __future__ import annotations

from tests.settings import *  # noqa: F403

DATABASES = {
    alias: {
        "ENGINE": "django.db.backends.mysql",
        "HOST": "127.0.0.1",
        "NAME": f"tracking_{alias}",
        "USER": "root",
        "OPTIONS": {"charset": "utf8mb4"},
    }
    for alias in ("default", "other")
}
