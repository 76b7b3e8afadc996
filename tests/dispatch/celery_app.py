"""The Celery app of a host, as Celery's own documentation writes it."""

import json
import os

from celery import Celery

app = Celery("host", broker="redis://127.0.0.1:6379/0")
app.conf.task_default_queue = os.environ["CELERY_QUEUE"]
app.conf.beat_schedule = {
    "liveactivity-sweep": {"task": "django_liveactivity.sweep", "schedule": 1.0},
}
app.conf.update(json.loads(os.environ.get("CELERY_CONF", "{}")))
app.autodiscover_tasks()
