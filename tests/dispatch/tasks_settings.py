"""The settings of a host that delivers through Django's tasks, kept in its own database."""

import os
from importlib.util import find_spec

from tests.commands.loop_settings import *  # noqa: F403
from tests.commands.loop_settings import DATABASES, INSTALLED_APPS, LIVEACTIVITY

INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
if find_spec("django.tasks") is None:
    INSTALLED_APPS.append("django_tasks")
TASKS = {"default": {"BACKEND": "django_tasks_db.DatabaseBackend"}}
if "TASKS_POSTGRES" in os.environ:
    DATABASES["default"] = {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": "127.0.0.1",
        "USER": "root",
        "NAME": os.environ["TASKS_POSTGRES"],
    }
LIVEACTIVITY["default"] |= {
    "DISPATCHER": "tasks",
    "TIMING": {
        "call_deadline": 4_000,
        "permit": 5_000,
        "lease": 6_000,
        "quarantine": 3_000,
        "sweep": 750,
    },
}
