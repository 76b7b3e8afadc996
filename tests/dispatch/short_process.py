"""A host that wakes a drain and exits at once: ``python -m tests.dispatch.short_process HOW``."""

from __future__ import annotations

import multiprocessing
import os
import sys
import time

from celery import Celery
from celery.signals import before_task_publish
from django.conf import settings

settings.configure(
    LIVEACTIVITY={
        "default": {
            "BACKEND": "django_liveactivity.backends.dummy.DummyBackend",
            "DISPATCHER": "celery",
        }
    }
)
app = Celery("host", broker=os.environ["BROKER"])
app.conf.task_default_queue = os.environ["CELERY_QUEUE"]

from django_liveactivity.dispatch import celery, wake  # noqa: E402

celery.EXIT_SECONDS = float(os.environ.get("EXIT_SECONDS", celery.EXIT_SECONDS))


def itself() -> None:
    wake("default")


def child_of_multiprocessing() -> None:
    child = multiprocessing.get_context("fork").Process(target=wake, args=("default",))
    child.start()
    child.join()


def fork_of_a_server() -> None:
    """Wake before and after the fork, as a server does that loads its app and then its workers."""
    wake("default")
    pid = os.fork()
    if pid:
        os.waitpid(pid, 0)
    else:
        wake("default")


@app.task(name="host.commit", ignore_result=True)
def commit() -> None:
    """What a task of the host does in a worker whose processes are replaced after each task."""
    wake("default")


@before_task_publish.connect(sender=celery.DRAIN_TASK)
def slow_broker(**_: object) -> None:
    time.sleep(float(os.environ.get("BROKER_LATENCY", "0")))


if __name__ == "__main__":
    globals()[sys.argv[1]]()
