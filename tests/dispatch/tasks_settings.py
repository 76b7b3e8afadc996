"""The settings of a host that delivers through Django's tasks, kept in its own database."""

import os
import signal
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from tests.commands.loop_settings import *  # noqa: F403
from tests.commands.loop_settings import DATABASES, INSTALLED_APPS, LIVEACTIVITY

INSTALLED_APPS = [*INSTALLED_APPS, "django_tasks_db"]
FRAMEWORK = "django.tasks" if find_spec("django.tasks") else "django_tasks"
if FRAMEWORK == "django_tasks":
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


def die_with_a_sweep(task_result, **_: object) -> None:
    """SIGKILL the worker that has taken a sweep and not yet begun it; the file brings it once."""
    strike = Path(os.environ["STRIKE_A_SWEEP"])
    if task_result.task.name == "sweep" and strike.exists():
        strike.unlink()
        os.kill(os.getpid(), signal.SIGKILL)


if "STRIKE_A_SWEEP" in os.environ:
    import_module(f"{FRAMEWORK}.signals").task_started.connect(die_with_a_sweep)
