"""Delivers due operations with the project's dispatcher, and waits until the vendor has them."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import OutputWrapper
from django.db.models import QuerySet

from django_liveactivity.delivery import drain
from django_liveactivity.models import Now, Operation

PATIENCE = 30.0
CONFIRMATION = 90.0
LOOK_EVERY = 0.1


@dataclass(frozen=True)
class Delivery:
    """Delivery as the project's dispatcher has it.

    Args:
        dispatcher: ``immediate`` has delivered on commit already, ``celery`` has a worker, and
            with ``none`` the demo runs ``liveactivity_dispatch --once``.
        stdout: where that command prints what it did.
    """

    dispatcher: str
    stdout: OutputWrapper

    def deliver(self) -> None:
        """Return when the vendor has answered everything that is due, or after 30 s."""
        self._wait(self._due().filter(acknowledged_at=None), PATIENCE)

    def deliver_when_due(self, end: Operation) -> None:
        """Wait for the time of a scheduled end, and deliver it."""
        while Operation.objects.filter(pk=end.pk, due_at__gt=Now()).exists():
            time.sleep(LOOK_EVERY)
        self.deliver()

    def confirm(self) -> None:
        """Wait for confirmations too, such as that of an end after a PUT without an answer."""
        self._wait(self._due(), CONFIRMATION)

    def _due(self) -> QuerySet[Operation]:
        return Operation.objects.filter(state=Operation.State.PENDING, due_at__lte=Now())

    def _wait(self, operations: QuerySet[Operation], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while operations.exists() and time.monotonic() < deadline:
            self._drain()
            if operations.exists():
                time.sleep(LOOK_EVERY)

    def _drain(self) -> None:
        if self.dispatcher == "none":
            self.stdout.write("    $ manage.py liveactivity_dispatch --once")
            self.stdout.write("    ", ending="")
            call_command("liveactivity_dispatch", once=True, stdout=self.stdout)
        elif self.dispatcher == "immediate":
            drain()  # what had to wait: a retry, or an end whose time has come


@contextmanager
def worker(dispatcher: str, folder: str) -> Iterator[None]:
    """Run a Celery worker with its beat for the time of the block, if Celery delivers."""
    celery = ["-m", "celery", "-A", "config", "--quiet"]
    options = ["-B", "--schedule", f"{folder}/beat", "--pool", "solo", "--loglevel", "warning"]
    with _running(*celery, "worker", *options, wanted=dispatcher == "celery"):
        yield


@contextmanager
def dispatch_loop(dispatcher: str) -> Iterator[None]:
    """Run ``liveactivity_dispatch`` for the time of the block, unless Celery delivers."""
    with _running("manage.py", "liveactivity_dispatch", wanted=dispatcher != "celery"):
        yield


@contextmanager
def _running(*arguments: str, wanted: bool) -> Iterator[None]:
    if not wanted:
        yield
        return
    command = [sys.executable, *arguments]
    quiet = subprocess.DEVNULL  # warnings still show: they go to stderr
    with subprocess.Popen(command, cwd=settings.BASE_DIR, stdout=quiet) as process:  # noqa: S603
        try:
            yield
        finally:
            process.terminate()
