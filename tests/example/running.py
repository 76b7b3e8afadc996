"""Run the commands of the example project as a user does in a terminal."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import django_liveactivity

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = Path(django_liveactivity.__file__).parent
MANAGE = ROOT / "example_project" / "manage.py"
LONGEST = 100.0
OURS = ("LIVEACTIVITY_", "ACTIVITYSMITH_", "DATABASE_URL", "DJANGO_SETTINGS_MODULE", "DEBUG")


@dataclass
class Run:
    """A command at work, and what it has printed so far."""

    process: subprocess.Popen[str]
    lines: list[str] = field(default_factory=list)
    sandbox: str = ""
    file: Path = Path()

    def line(self, start: str) -> str:
        """Read on until a line starts so, and return the rest of it."""
        for line in self.process.stdout:
            self.lines.append(line.rstrip())
            if line.startswith(start):
                return line.removeprefix(start).strip()
        raise AssertionError(f"no line starts with {start!r}:\n{self.output}")

    def finish(self) -> int:
        """Read all there is and return the exit code."""
        self.lines += (line.rstrip() for line in self.process.stdout)
        return self.process.wait()

    @property
    def output(self) -> str:
        return "\n".join(self.lines)

    @property
    def table(self) -> list[list[str]]:
        """The cells of the table, without its headings."""
        start = next(i for i, line in enumerate(self.lines) if line.startswith("----"))
        body = self.lines[start + 1 :]
        return [re.split(r" {2,}", line) for line in body[: body.index("")]]


@contextmanager
def manage(*arguments: str, **variables: str) -> Iterator[Run]:
    """Run ``manage.py`` of the example project, at a pace at which a test can wait for it."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(OURS)}
    environment = {
        **inherited,
        "PYTHONPATH": str(ROOT),
        "LIVEACTIVITY_RATE_LIMIT": "100/1",
        **variables,
    }
    process = subprocess.Popen(
        [sys.executable, str(MANAGE), *arguments],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    watchdog = threading.Timer(LONGEST, process.terminate)
    watchdog.start()
    try:
        yield Run(process)
    finally:
        watchdog.cancel()
        process.terminate()
        process.wait()
        process.stdout.close()
