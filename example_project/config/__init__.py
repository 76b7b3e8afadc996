"""The project: settings, URLs, and its Celery app where Celery delivers."""

from __future__ import annotations

import os

if os.environ.get("LIVEACTIVITY_DISPATCHER") == "celery":
    from example_project.config.celery import app as celery_app  # noqa: F401 - the app that kicks are sent through
