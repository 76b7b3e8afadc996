"""The Celery app of the host, as Celery's own documentation writes it; beat 20 times as fast."""

from __future__ import annotations

import os

from celery import Celery

from .settings import DIVISOR, RUN

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.faults.settings")

app = Celery("host", broker=RUN.get("broker", "memory://"))
app.conf.task_default_queue = RUN.get("queue", "faults")
app.conf.broker_connection_retry_on_startup = True
app.conf.worker_soft_shutdown_timeout = 5.0
app.conf.worker_hijack_root_logger = False
app.conf.beat_schedule = {
    "liveactivity-sweep": {"task": "django_liveactivity.sweep", "schedule": 15.0 / DIVISOR},
}
app.autodiscover_tasks()
