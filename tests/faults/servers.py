"""Private database servers, for the rows that restart one."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from .brokers import free_port, wait_for_port
from .databases import mariadb_server, postgres_server


class Postgres:
    """A PostgreSQL server of a run's own."""

    def __init__(self, folder: Path) -> None:
        self.data, self.port = folder / "data", free_port()
        self.settings = postgres_server(self.port)
        self.programs = max(Path("/usr/lib/postgresql").glob("*/bin"))
        self._run("initdb", "-A", "trust", "-U", "root", "--no-sync")
        options = f"-p {self.port} -k {folder} -c listen_addresses=127.0.0.1 -c max_connections=50"
        self._run("pg_ctl", "-w", "-o", options, "-l", str(folder / "log"), "start")

    def restart(self) -> None:
        """Restart in immediate mode: every session dies, and the server recovers."""
        self._run("pg_ctl", "-w", "-m", "immediate", "restart", "-l", "/dev/null")

    def stop(self) -> None:
        """Stop for good."""
        self._run("pg_ctl", "-m", "immediate", "stop")

    def _run(self, program: str, *arguments: str) -> None:
        command = [str(self.programs / program), "-D", str(self.data), *arguments]
        subprocess.run(
            ["runuser", "-u", "postgres", "--", *command],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
            cwd="/",
        )


class Mariadb:
    """A MariaDB server of a run's own."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.port = folder, free_port()
        self.settings = mariadb_server(self.port)
        self.shared = [f"--datadir={folder / 'data'}", "--user=mysql"]
        subprocess.run(
            [
                "mariadb-install-db",
                "--no-defaults",
                *self.shared,
                "--auth-root-authentication-method=normal",
                "--skip-test-db",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=60,
        )
        self._start()

    def _start(self) -> None:
        command = ["mariadbd", "--no-defaults", *self.shared, f"--port={self.port}"]
        places = [f"--socket={self.folder / 'socket'}", f"--pid-file={self.folder / 'pid'}"]
        small = ["--bind-address=127.0.0.1", "--innodb-buffer-pool-size=32M", "--skip-name-resolve"]
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([*command, *places, *small], stdout=log, stderr=log)
        wait_for_port(self.port)

    def restart(self) -> None:
        """Kill -9 and start again."""
        self.stop()
        self._start()

    def stop(self) -> None:
        """Kill -9."""
        with suppress(ProcessLookupError):
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait()


@contextmanager
def private_server(kind: type[Any], owner: str) -> Iterator[Any]:
    """Run a server for the time of the block, in a folder of its system user."""
    folder = Path(tempfile.mkdtemp(prefix="faults-server-"))
    shutil.chown(folder, owner, owner)
    try:
        server = kind(folder)
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
