"""Where the demo runs: a sandbox on loopback and a fresh database."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from django.conf import settings
from django.core.management.base import CommandError

from django_liveactivity.sandbox import Sandbox

LOOK_EVERY = 0.05


@contextmanager
def sandbox(faults: str) -> Iterator[Sandbox]:
    """Serve the vendor's API on a free port, with the rate limit of the project.

    Raises:
        CommandError: the faults cannot be read.
    """
    rate_limit = settings.LIVEACTIVITY["default"]["OPTIONS"]["rate_limit"]
    try:
        vendor = Sandbox(rate_limit=rate_limit, faults=faults)
    except ValueError as error:
        raise CommandError(f"The sandbox cannot start: {error}") from error
    with vendor:
        yield vendor


@contextmanager
def environment(base_url: str) -> Iterator[dict[str, str]]:
    """Yield the environment in which the project talks to the sandbox.

    Unless ``DATABASE_URL`` names a database, there is a fresh one for the time of the block.
    """
    with tempfile.TemporaryDirectory(prefix="liveactivity-demo-") as folder:
        fresh = {"DATABASE_URL": f"sqlite:///{Path(folder) / 'demo.sqlite3'}"}
        yield fresh | os.environ | {"ACTIVITYSMITH_BASE_URL": base_url, "DEMO_FOLDER": folder}


def manage(arguments: list[str], variables: dict[str, str]) -> int:
    """Run ``manage.py`` in that environment, pass signals on, and return its exit code.

    It is another process, because Django reads its settings once.
    """
    command = [sys.executable, str(settings.BASE_DIR / "manage.py"), *arguments]
    unbuffered = {"PYTHONUNBUFFERED": "1"}  # show each line as it is written
    with subprocess.Popen(command, env=unbuffered | variables) as process:  # noqa: S603 - our own
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: process.terminate())
        while process.poll() is None:
            time.sleep(LOOK_EVERY)
        code = process.returncode
    return code if code >= 0 else 128 - code  # as a shell reports a signal
