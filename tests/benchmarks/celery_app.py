"""The host's Celery app as our documentation writes it, beat every 15 s."""

from __future__ import annotations

from celery import Celery

from tests.faults.settings import RUN

app = Celery("host", broker=RUN.get("broker", "memory://"))
app.conf.broker_connection_retry_on_startup = True
app.conf.beat_schedule = {
    "liveactivity-sweep": {"task": "django_liveactivity.sweep", "schedule": 15.0},
}
app.autodiscover_tasks()
