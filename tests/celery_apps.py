"""The Celery apps of a host's process, set for a test and put back after it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from celery import Celery, _state

from .ports import is_open

needs_redis = pytest.mark.skipif(not is_open(6379), reason="no Redis on 127.0.0.1:6379")


@contextmanager
def celery_apps(here: Celery | None, elsewhere: Celery | None) -> Iterator[None]:
    """Let one app be the current one of this thread, and one that of every thread without its own.

    Celery's fixup for Django makes the first app of a process the one of all threads.
    """
    before = _state._tls.current_app, _state.default_app
    _state._tls.current_app, _state.default_app = here, elsewhere
    try:
        yield
    finally:
        _state._tls.current_app, _state.default_app = before


def celery_app(name: str = "host", **conf: object) -> Celery:
    """Return an app of a host that has not been made the current one."""
    app = Celery(name, set_as_current=False, fixups=[])
    app.conf.update(conf)
    return app


def publishing_ends() -> None:
    """Wait until the thread that publishes wake-ups has nothing left to do."""
    for thread in threading.enumerate():
        if thread.name == "liveactivity-wake":
            thread.join(30)
