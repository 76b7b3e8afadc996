"""The settings of every process of a run, from one environment variable that the test writes."""

from __future__ import annotations

import json
import os
import select
import time
from dataclasses import asdict
from typing import Any

from django_liveactivity.conf import Timing

DIVISOR = 20
RUN: dict[str, Any] = json.loads(os.environ.get("FAULTS_RUN", "{}"))

SECRET_KEY = "not-a-secret"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_liveactivity", "tests.faults.host"]
DATABASES = {"default": RUN.get("database", {})}
LIVEACTIVITY = {
    "default": {
        "BACKEND": "tests.faults.backend.FaultyBackend",
        "DISPATCHER": RUN.get("dispatcher", "none"),
        "TIMING": asdict(Timing().divided_by(DIVISOR)) | RUN.get("timing", {}),
        "OPTIONS": {
            "api_key": RUN.get("api_key", "ask_test"),
            "base_url": RUN.get("base_url", "http://127.0.0.1:9/api"),
            "rate_limit": tuple(RUN.get("rate_limit", (60, 60 / DIVISOR))),
            "connect_timeout": 0.5,
        },
    }
}
LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "handlers": {"console": {"class": "logging.StreamHandler"}},
    "loggers": {"django_liveactivity": {"handlers": ["console"], "level": "DEBUG"}},
}

if "clock" in RUN:
    # Python sleeps until a moment of the monotonic clock, from which libfaketime 0.9.10 takes the
    # offset of the other clock (its issue 426): "OSError: Invalid argument". So wait in select.
    time.sleep = lambda seconds: select.select([], [], [], seconds) and None
