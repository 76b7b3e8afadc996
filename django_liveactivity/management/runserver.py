"""Django's development server as a child process, its output passed on."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

from .terminal import PrefixedStream

PATIENCE = 10.0


class RunServer:
    """``runserver`` for the time of the block; its reloader works as ever.

    It stays in this process's group: Ctrl-C, or a terminal that closes, reaches it directly.

    Args:
        addrport: as ``runserver`` takes it.
        output: gets what it prints.
        stop: is set when the server ends, whatever ends it.
        options: of the command that starts it: colors and ``--pythonpath`` are passed on.

    Attributes:
        code: after the block the exit code, 0 if it was stopped.
    """

    def __init__(
        self,
        addrport: str,
        output: PrefixedStream,
        stop: threading.Event,
        options: Mapping[str, object],
    ) -> None:
        self.code = 0
        self._command = [sys.executable, *_script(), "runserver", addrport, *_passed_on(options)]
        self._output, self._stop = output, stop

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # nosec B603  # noqa: S603 - our own command
            self._command,
            env={"DJANGO_RUNSERVER_HIDE_WARNING": "true", **os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="runserver-output", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()  # its reloader ends the process that serves
            self._wait()
        else:
            self.code = max(0, self._process.returncode)  # below 0: Ctrl-C reached it, too
        self._reader.join(PATIENCE)
        self._stop.set()

    def _wait(self) -> None:
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None  # nosec B101  # noqa: S101 - it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                self._output.write(line)
        self._process.wait()
        self._stop.set()


def _script() -> list[str]:
    """Return what started this process, for Python: ``manage.py``, or ``-m django``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return ["-m", spec.parent] if spec is not None and spec.parent else [sys.argv[0]]


def _passed_on(options: Mapping[str, Any]) -> list[str]:
    arguments = [
        f"--{name}" for name in ("no-color", "force-color") if options[name.replace("-", "_")]
    ]
    if options["pythonpath"]:
        arguments += ["--pythonpath", options["pythonpath"]]
    return arguments
