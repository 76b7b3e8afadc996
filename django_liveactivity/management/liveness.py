"""A file whose age tells that the loop works: for probes, which restart a process that is stuck."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from django.core.management.base import CommandError

from django_liveactivity.printable import get_logger, printable

RENEWED_EVERY = 1.0

logger = get_logger("django_liveactivity.dispatch")


@contextmanager
def liveness_file(path: Path, is_stuck: Callable[[], bool]) -> Iterator[None]:
    """Renew the time of an empty file each second while the block runs; then remove the file.

    A thread of its own renews it: a vendor or a database that is away does not make it old. A
    process that is stopped, or hangs as a whole, renews nothing.

    Args:
        path: the file; one that a killed process has left is taken over.
        is_stuck: tells, at any time and from any thread, that the work makes no progress: then the
            file is not renewed.

    Raises:
        CommandError: before the block is entered, if the file cannot be written, or if something
            else is there.
    """
    _create(path)
    over = threading.Event()

    def renew() -> None:
        problem = ""
        while not over.wait(RENEWED_EVERY):
            before, problem = problem, _renew(path, is_stuck)
            if problem and not before:
                logger.error("The liveness file is not renewed: %s.", problem)

    thread = threading.Thread(target=renew, name="liveactivity-liveness", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        with suppress(OSError):
            path.unlink()


def _create(path: Path) -> None:
    try:
        path.touch()
        is_ours = path.is_file() and not path.stat().st_size
    except OSError as error:
        raise CommandError(f"--liveness-file: {printable(path)}: {error.strerror}.") from error
    if not is_ours:  # it is removed at the end
        raise CommandError(
            f"--liveness-file: {printable(path)} is something else; give a file of its own."
        )


def _renew(path: Path, is_stuck: Callable[[], bool]) -> str:
    """Renew the file; return why it is not renewed, "" if it is."""
    if is_stuck():
        return "a look, a drain or a sweep does not end"
    try:
        path.touch()
    except OSError as error:
        return str(error)
    return ""
