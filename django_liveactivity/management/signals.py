"""Stop when the system or the person at the terminal says so."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

SIGNALS = (signal.SIGTERM, signal.SIGINT)
LOOK_EVERY = 0.1


@contextmanager
def stop_on_signals() -> Iterator[threading.Event]:
    """Yield an event that SIGTERM and SIGINT set, for the time of the block.

    A thread sets it: a handler that did would hang if it interrupted somebody who waits for it.
    Outside the main thread no signal arrives, and the event is never set.
    """
    asked: list[int] = []
    stop, over = threading.Event(), threading.Event()

    def watch() -> None:
        while not (asked or over.is_set()):
            over.wait(LOOK_EVERY)
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
