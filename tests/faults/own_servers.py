"""A server of a run's own, stopped and started again at will."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar, TypeVar

from tests.ports import free_port, wait_until_open

from . import requirements


class Server:
    """A program that listens on a port of its own and keeps its files in a folder of its own."""

    owner: ClassVar[str] = "root"
    ending: ClassVar[signal.Signals] = signal.SIGKILL

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.children: list[subprocess.Popen[bytes]] = []

    def prepare(self) -> None:
        """Write what it needs before its first start."""

    def command(self) -> list[str]:
        """Return the program and its arguments."""
        raise NotImplementedError

    def environment(self) -> Mapping[str, str]:
        """Return what its environment has beside ours."""
        return {}

    def wait_until_ready(self) -> None:
        """Wait until it serves."""
        wait_until_open(self.port)

    def start(self) -> None:
        """Start, and wait until it serves."""
        self.launch(*self.command())
        self.wait_until_ready()

    def launch(self, *command: str) -> None:
        """Run a program until this server stops, or until it is closed."""
        with (self.folder / "log").open("ab") as log:
            self.children.append(subprocess.Popen(command, stderr=log, **self.at_home(stdout=log)))

    def stop(self) -> None:
        """End it in its way, and wait until it is gone."""
        process = self.children.pop()
        process.send_signal(self.ending)
        process.wait(30)

    def restart(self) -> None:
        """Stop, and start again."""
        self.stop()
        self.start()

    def close(self) -> None:
        """Stop for good, also what is half begun."""
        while self.children:
            self.stop()

    def run(self, *command: str) -> None:
        """Run a program as the server's owner, to its end."""
        quiet = self.at_home(stdout=subprocess.DEVNULL)
        subprocess.run(command, check=True, timeout=60, stderr=subprocess.DEVNULL, **quiet)

    def at_home(self, **more: Any) -> dict[str, Any]:
        """Return how a program of this server is run."""
        return {
            "cwd": self.folder,
            "env": os.environ | self.environment(),
            "stdin": subprocess.DEVNULL,
            "process_group": 0,
            **requirements.owner(self.owner),
            **more,
        }


S = TypeVar("S", bound=Server)


@contextmanager
def own_server(kind: type[S]) -> Iterator[S]:
    """Run a server for the time of the block."""
    folder = Path(tempfile.mkdtemp(prefix="faults-server-"))
    try:
        if os.geteuid() == 0:
            shutil.chown(folder, kind.owner, kind.owner)
        server = kind(folder)
        try:
            server.prepare()
            server.start()
            yield server
        finally:
            server.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
