"""The example project at work: a process on loopback, with a database of its own."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.ports import free_port, is_open

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
    port = free_port()
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
        if is_open(port):
            return
        time.sleep(0.05)
    raise AssertionError("the server did not start: see server.log")
