"""Run the commands as an operator types them: here, or in a process of their own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from django.core.management import call_command

ROOT = Path(__file__).parents[2]
DJANGO = [sys.executable, "-m", "django"]


def run(*arguments: str, stdout: io.StringIO | None = None) -> str:
    """Run a command in this process and return what it printed, which is in ``stdout`` too."""
    out = stdout or io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class Shell:
    """A project of its own: a file for a database, and accounts that talk to a sandbox."""

    def __init__(self, database: Path, base_url: str, **variables: str) -> None:
        self.database = database
        self.environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.commands.loop_settings",
            "LOOP_DATABASE": str(database),
            "LOOP_BASE_URL": base_url,
            "PYTHONPATH": str(ROOT),
            "PYTHONUNBUFFERED": "1",
            **variables,
        }

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            [*DJANGO, *arguments],
            env=self.environment,
            timeout=60,
            text=True,
            **({"capture_output": True} | options),
        )

    def execute(self, code: str) -> str:
        """Run code in the shell of the project, and return what it prints."""
        done = self.run("shell", "--no-imports", "-c", code)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def start(self, *arguments: str, **options: Any) -> subprocess.Popen[str]:
        """Start a command."""
        pipe = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen([*DJANGO, *arguments], env=self.environment, **(pipe | options))


def wait_until(condition: Callable[[], object], seconds: float = 60) -> None:
    """Look again and again, as other processes have no clock that a test could move."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
