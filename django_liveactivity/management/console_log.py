"""Show the log on the terminal of a command, where the host's logging shows it nowhere."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from django_liveactivity.printable import get_logger

from .progress import ProgressBars

FORMAT = "%(asctime)s %(levelname)s %(message)s"


@contextmanager
def shown_log(bars: ProgressBars) -> Iterator[None]:
    """Write our records from INFO up beside the bars for the time of the block.

    Django's default logging has no handler for them, and Python's last resort shows warnings only.
    Where the host has given our loggers a handler, or the root logger, this does nothing; where it
    has given them a level, that level holds.
    """
    logger = get_logger("django_liveactivity")
    if logger.hasHandlers():
        yield
        return
    handler = logging.StreamHandler(bars)
    handler.setFormatter(logging.Formatter(FORMAT))
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(before or logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(before)
