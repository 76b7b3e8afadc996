"""The example project at work: a process on loopback, with a database of its own."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
TOKEN = "pipeline"  # in callers.json
LONGEST_START = 120.0


@contextmanager
def running_server(database: str, folder: Path) -> Iterator[str]:
    """Yield the address of a server on an empty test database, which ``testserver`` makes.

    Args:
        database: of ``TEST_DATABASE``.
        folder: where the file of SQLite and the log are.
    """
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.openapi.settings",
        "PYTHONPATH": str(ROOT),
        "TEST_DATABASE": database,
        "TEST_DATABASE_NAME": f"{os.environ.get('TEST_DATABASE_NAME', 'liveactivity')}_openapi",
        "TEST_FILE": str(folder / "db.sqlite3"),
    }
    serve = ("testserver", "--noinput", "--addrport", f"127.0.0.1:{port}")
    with (folder / "server.log").open("w") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "django", *serve, str(HERE / "callers.json")],
            env=environment,
            stdout=log,
            stderr=log,
        )
        try:
            wait_for(process, port)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    """Return once a server listens."""
    until = time.monotonic() + LONGEST_START
    while process.poll() is None and time.monotonic() < until:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError("the server did not start: see server.log")
