"""The terminals of a reader who follows a document."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PATIENCE = 30.0


def wait_for(condition: Callable[[], Any], what: str) -> Any:
    """Return what the condition returns as soon as that is true, as a reader waits a moment."""
    limit = time.monotonic() + PATIENCE
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < limit, what
        time.sleep(0.05)


class Terminal:
    """A folder, the environment with this package in it, and what runs there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.running: list[subprocess.Popen[bytes]] = []
        path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
        ours = ("DJANGO_", "LIVEACTIVITY_", "PYTHONPATH", "PYTHONWARNINGS")
        self.environment = {k: v for k, v in os.environ.items() if not k.startswith(ours)}
        self.environment |= {"PATH": path, "PYTHONUNBUFFERED": "1"}

    def run(self, line: str, typed: str = "") -> str:
        """Run a command to its end, type something into it, and return what it prints."""
        done = subprocess.run(
            line,
            shell=True,
            cwd=self.folder,
            env=self.environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=4 * PATIENCE,
        )
        assert done.returncode == 0, f"{line}\n{done.stdout}"
        return done.stdout

    def start(self, line: str) -> None:
        """Start a command that stays; its output is in a file."""
        log = self.folder.parent / f"terminal-{len(self.running)}.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                f"exec {line}",
                shell=True,
                cwd=self.folder,
                env=self.environment,
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        self.running.append(process)
        wait_for(lambda: log.stat().st_size or process.poll() is not None, f"{line}: silent")
        assert process.poll() is None, f"{line}\n{log.read_text()}"

    def close(self) -> None:
        """Press Ctrl-C in every one, as their reader does in the end."""
        for process in reversed(self.running):
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGTERM)
        for process in self.running:
            process.wait(PATIENCE)
