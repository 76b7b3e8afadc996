"""A progress bar on a terminal, drawn by tqdm, which the extra ``progress`` brings."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from tqdm import tqdm

LEAST = 10
HINT = 'A progress bar would be here: pip install "django-liveactivity[progress]"\n'


class ProgressBars:
    """A bar for each backlog of at least 10; nothing at all where nobody looks.

    Args:
        stream: where to draw, if it is a terminal.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._bars: dict[str, tqdm[Any]] = {}
        self._hinted = False
        self.is_seen = stream.isatty()

    def show(self, name: str, left: Callable[[], int], note: str = "") -> None:
        """Draw how much of a backlog is done.

        Args:
            name: what the bar is for.
            left: counts what is left to do; only called on a terminal.
            note: a few words behind the bar.
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
        """Do nothing, as ``write`` has done it."""

    def close(self) -> None:
        """Leave the bars as they are, and go on below them."""
        while self._bars:
            self._bars.popitem()[1].close()

    def _open(self, name: str, count: int) -> tqdm[Any] | None:
        if count < LEAST or self._hinted:
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
