"""The processes of a run: hosts and workers, each killable, and their output kept."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from . import requirements

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 25.0


def environment(run: Mapping[str, Any]) -> dict[str, str]:
    """Return the environment of a process with these settings.

    Of the settings ``tree`` is a folder with another version of the package, and ``clock`` is how
    far the clock of the process is off.
    """
    trees = [run["tree"], str(ROOT)] if "tree" in run else [str(ROOT)]
    ours = {
        "DJANGO_SETTINGS_MODULE": "tests.faults.settings",
        "FAULTS_RUN": json.dumps(run),
        "PYTHONPATH": os.pathsep.join(trees),
        "PYTHONSAFEPATH": "1",  # the folder it starts in is no such tree
        "PYTHONUNBUFFERED": "1",
    }
    # They are no tests: what pytest says of itself would keep their calls in memory.
    theirs = {k: v for k, v in os.environ.items() if not k.startswith("PYTEST_")}
    return theirs | ours | (wrong_clock(run["clock"]) if "clock" in run else {})


def wrong_clock(offset: str) -> dict[str, str]:
    """Return the environment in which a whole process, C code included, reads a wrong clock.

    The monotonic clock stays right, as on a machine whose clock was set wrongly.
    """
    return {
        "LD_PRELOAD": requirements.library("usr/lib/*/faketime/libfaketimeMT.so.1", "faketime"),
        "FAKETIME": offset,
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
    }


def ask(run: Mapping[str, Any], code: str) -> str:
    """Return what a piece of Python prints in a process with these settings."""
    command = [sys.executable, "-c", code]
    return subprocess.check_output(command, env=environment(run), text=True, timeout=60).strip()


def manage(database: Mapping[str, Any], *arguments: str) -> None:
    """Run a management command on a database."""
    subprocess.run(
        [sys.executable, "-m", "django", *arguments],
        env=environment({"database": database}),
        check=True,
        timeout=60,
    )


class Process:
    """A process of ours, in a group of its own, whose output goes to a file.

    Args:
        log: the file.
        run: the settings.
        arguments: what follows ``python -m``.
        talks: whether the test speaks with it through pipes.
    """

    def __init__(
        self, log: Path, run: Mapping[str, Any], *arguments: str, talks: bool = False
    ) -> None:
        self.log, self.run = log, run
        pipe = subprocess.PIPE if talks else None
        with log.open("ab") as output:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", *arguments],
                env=environment(run),
                stdin=pipe or subprocess.DEVNULL,
                stdout=pipe or output,
                stderr=output,
                text=True,
                process_group=0,
            )

    @property
    def output(self) -> str:
        """All that it has printed."""
        return self.log.read_text(errors="replace")

    @property
    def is_alive(self) -> bool:
        """Whether it runs, or is stopped."""
        return self.popen.poll() is None

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the process alone."""
        if self.is_alive:
            self.popen.send_signal(number)

    def kill(self) -> None:
        """SIGKILL for the process and its children."""
        if self.is_alive:
            os.killpg(self.popen.pid, signal.SIGKILL)
        self.popen.wait(PATIENCE)
        self._close()

    def terminate(self, seconds: float = PATIENCE) -> int:
        """SIGTERM, wait, and return the exit code."""
        self.signal(signal.SIGTERM)
        code = self.popen.wait(seconds)
        self._close()
        return code

    def wait_stopped(self, seconds: float = PATIENCE) -> None:
        """Wait until the process has been stopped by a SIGSTOP."""
        limit = time.monotonic() + seconds
        status = Path(f"/proc/{self.popen.pid}/stat")
        while status.read_text().rsplit(")", 1)[1].split()[0] != "T":
            assert time.monotonic() < limit, f"not stopped:\n{self.output}"
            time.sleep(0.02)

    def _close(self) -> None:
        for pipe in (self.popen.stdin, self.popen.stdout):
            if pipe is not None:
                with contextlib.suppress(OSError):
                    pipe.close()


class HostDiedError(Exception):
    """The host's process is gone."""


class HostProcess(Process):
    """A host that does one step at a time and tells what came of it."""

    def __init__(self, log: Path, run: Mapping[str, Any]) -> None:
        super().__init__(log, run, "tests.faults.host", talks=True)

    def tell(self, step: Mapping[str, Any]) -> None:
        """Give a step without waiting for its answer."""
        assert self.popen.stdin is not None
        self.popen.stdin.write(json.dumps(step) + "\n")
        self.popen.stdin.flush()

    def hear(self) -> dict[str, Any]:
        """Return the answer to the oldest step that has none.

        Raises:
            HostDiedError: it died on the way.
        """
        assert self.popen.stdout is not None
        line = self.popen.stdout.readline()
        if not line:
            self.popen.wait(PATIENCE)
            self._close()
            raise HostDiedError
        answer: dict[str, Any] = json.loads(line)
        return answer
