"""The command line of commands: arguments, questions, progress bars, the log, and signals."""

from __future__ import annotations

import getpass
import io
import logging
import os
import shutil
import signal
import sys
import threading
from argparse import ArgumentTypeError
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, NoReturn, Protocol

from django.apps import apps
from django.core.management.base import CommandError

from django_liveactivity.exceptions import InvalidInputError
from django_liveactivity.models import Subject
from django_liveactivity.printable import get_logger, printable

if TYPE_CHECKING:
    from tqdm import tqdm

FEWEST = 10
HINT = 'Install the extra to see a progress bar: pip install "django-liveactivity[progress]"\n'
LOG_FORMAT = "%(asctime)s %(levelname)s %(message)s"
SIGNALS = (signal.SIGTERM, signal.SIGINT)
SIGNALS_CHECKED_EVERY = 0.1


def subject_argument(text: str) -> Subject:
    """Return the object that ``--subject`` names; it may be deleted by now."""
    model, colon, pk = text.partition(":")
    if not colon:
        raise ArgumentTypeError(f"{printable(text)!r}: write it as shop.Order:42")
    try:
        return Subject.named(apps.get_model(model), pk)
    except (LookupError, ValueError, InvalidInputError) as error:
        raise ArgumentTypeError(f"{printable(text)!r}: {printable(error)}") from error


def operator_name() -> str:
    """Return the name of the user who runs this, or the number: a container's may have no name."""
    try:
        return getpass.getuser()
    except (ImportError, KeyError, OSError):
        return str(os.getuid()) if hasattr(os, "getuid") else ""


def confirm(question: str) -> None:
    """Ask on the terminal; raise CommandError unless the answer is yes."""
    if not sys.stdin.isatty():
        raise CommandError(f"{question} There is no terminal to ask on: give --yes.")
    if input(f"{question} [yes/no] ").strip().lower() not in ("y", "yes"):
        raise CommandError("Nothing was done.")


class Writable(Protocol):
    """A stream of text that may be a terminal."""

    def write(self, text: str, /) -> object:
        """Write a text."""

    def flush(self) -> object:
        """Write what is still in memory."""

    def isatty(self) -> bool:
        """Whether it is a terminal."""


class ProgressBars:
    """Draws a bar, with tqdm, for each backlog of at least 10; draws nothing off a terminal.

    Args:
        stream: where to draw, if it is a terminal.
    """

    def __init__(self, stream: Writable) -> None:
        self._stream = stream
        self._bars: dict[str, tqdm[NoReturn]] = {}
        self._hinted = False
        self.is_seen = stream.isatty()

    def show(self, name: str, left: Callable[[], int], note: str = "") -> None:
        """Draw how much of a backlog is done.

        Args:
            name: what the bar is for.
            left: counts what is left to do; called only on a terminal.
            note: a few words after the bar.
        """
        if not self.is_seen:
            return
        count = left()
        bar = self._bars.get(name) or self._open(name, count)
        if bar is None:
            return
        done = bar.n + max(0, (bar.total or 0) - bar.n - count)
        bar.total = done + count  # more may have come
        bar.set_postfix_str(note, refresh=False)
        bar.n = done
        bar.refresh()
        if not count:
            self._bars.pop(name).close()

    def write(self, text: str) -> None:
        """Write a line on the stream, above the bars that are open."""
        if not self._bars:
            self._stream.write(text)
            self._stream.flush()
            return
        from tqdm import tqdm  # noqa: PLC0415 - an extra, which is there if a bar is

        tqdm.write(text, file=self._stream, end="")

    def flush(self) -> None:
        """Do nothing: ``write`` flushes."""

    def close(self) -> None:
        """Leave the bars as they are, and continue below them."""
        while self._bars:
            self._bars.popitem()[1].close()

    def _open(self, name: str, count: int) -> tqdm[NoReturn] | None:
        if count < FEWEST or self._hinted:
            return None
        try:
            from tqdm import tqdm  # noqa: PLC0415 - an extra
        except ImportError:
            self._stream.write(HINT)
            self._hinted = True
            return None
        columns, lines = shutil.get_terminal_size()  # 80 by 24 where the terminal does not know
        self._bars[name] = bar = tqdm(
            total=count, desc=name, unit="op", ncols=columns, nrows=lines, file=self._stream
        )
        return bar


class PrefixedStream(io.TextIOBase):
    """Writes whole lines with a name before each; several may share a stream, from any thread.

    Args:
        stream: where to write.
        name: of who writes.
    """

    _lock = threading.Lock()

    def __init__(self, stream: Writable, name: str) -> None:
        self._stream, self._prefix = stream, f"{name:<8} | "
        self._rest = ""

    def write(self, text: str) -> int:
        """Write the lines that are complete, and keep the rest until it is."""
        with self._lock:
            *lines, self._rest = (self._rest + text).split("\n")
            for line in lines:
                self._stream.write(f"{self._prefix}{line}".rstrip() + "\n")
            self._stream.flush()
        return len(text)


@contextmanager
def shown_log(bars: ProgressBars) -> Iterator[None]:
    """Show the package's log records from INFO up, above the bars, while the block runs.

    Django's default logging has no handler for them, and Python's last resort shows only warnings.
    If the project has a handler for them or for the root logger, this does nothing; if it has set
    their level, that level holds.
    """
    logger = get_logger("django_liveactivity")
    if logger.hasHandlers():
        yield
        return
    handler = logging.StreamHandler(bars)
    handler.setFormatter(logging.Formatter(LOG_FORMAT))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(before or logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set while the block runs.

    A thread sets it: a signal handler that did would hang if it interrupted a wait for the event.
    Outside the main thread no signal arrives, and the event is never set.
    """
    asked: list[int] = []
    stop, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not (asked or over.is_set()):
            over.wait(SIGNALS_CHECKED_EVERY)
        if asked:
            stop.set()

    with ExitStack() as stack:
        if threading.current_thread() is threading.main_thread():
            for number in SIGNALS:
                before = signal.signal(number, lambda number, _: asked.append(number))
                stack.callback(signal.signal, number, before)
            thread = threading.Thread(target=watch, name="liveactivity-signals", daemon=True)
            thread.start()
            stack.callback(thread.join)
            stack.callback(over.set)
        yield stop
