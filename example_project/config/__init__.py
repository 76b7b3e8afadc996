"""The project: settings, URLs, and a Celery app if Celery delivers."""

from __future__ import annotations

import os

if os.environ.get("LIVEACTIVITY_DISPATCHER") == "celery":
    from .celery import app as celery_app  # noqa: F401 - wake-ups go through it
