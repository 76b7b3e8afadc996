"""The settings of every process of a run, from one environment variable that the test writes."""

from __future__ import annotations

import json
import os
import select
import time
from dataclasses import asdict
from importlib.util import find_spec
from typing import Any

from django_liveactivity.conf import Timing

RUN: dict[str, Any] = json.loads(os.environ.get("FAULTS_RUN", "{}"))
DIVISOR: int = RUN.get("divisor", 20)
"""How many times as fast as by default the durations are; with 1 they are the default's."""

SECRET_KEY = "not-a-secret"
USE_TZ = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
INSTALLED_APPS = ["django_liveactivity", "tests.faults.host"]
DATABASES = {"default": RUN.get("database", {})}
if RUN.get("dispatcher") == "tasks":
    INSTALLED_APPS += (
        ["django_tasks_db"] if find_spec("django.tasks") else ["django_tasks", "django_tasks_db"]
    )
    TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}


# The machine's own time for a call does not shrink: a slot that is free too early costs a 429.
TIMING = asdict(Timing().divided_by(DIVISOR)) | {"latency_allowance": Timing().latency_allowance}


def account(run: dict[str, Any]) -> dict[str, Any]:
    """Return the settings of an account in a run; a ``rate_limit`` of None is no limit."""
    rate_limit = run.get("rate_limit", (60, 60 / DIVISOR))
    return {
        "BACKEND": "tests.faults.backend.FaultyBackend",
        "DISPATCHER": run.get("dispatcher", "none"),
        "TIMING": TIMING | run.get("timing", {}),
        "OPTIONS": {
            "api_key": run.get("api_key", "ask_test"),
            "base_url": run.get("base_url", "http://127.0.0.1:9/api"),
            "rate_limit": rate_limit and tuple(rate_limit),
            "connect_timeout": 0.5,
        },
    }


LIVEACTIVITY = {
    alias: account(RUN | own) for alias, own in RUN.get("accounts", {"default": {}}).items()
}
"""One account, or those that the run names, each with what it has of its own."""
if "source" in RUN:
    LIVEACTIVITY = {}
    LIVEACTIVITY_ACCOUNTS = "tests.faults.host.source.HostAccounts"
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
