"""Backends of Django's task framework for tests: of Django 6.0, or of the backport before."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec
from typing import Any

FRAMEWORK = "django.tasks" if find_spec("django.tasks") else "django_tasks"
import_module(f"{FRAMEWORK}.signals")  # it forgets its backends when the setting changes
DUMMY = f"{FRAMEWORK}.backends.dummy.DummyBackend"
IMMEDIATE = f"{FRAMEWORK}.backends.immediate.ImmediateBackend"
BROKEN = "tests.dispatch.task_backends.BrokenBackend"

DummyBackend = import_module(f"{FRAMEWORK}.backends.dummy").DummyBackend
backends: Any = import_module(FRAMEWORK).task_backends


class BrokenBackend(DummyBackend):  # type: ignore[misc, valid-type]
    """A queue that is down."""

    def enqueue(self, *_: object, **__: object) -> None:
        raise ConnectionError("the queue is down")


def enqueued(alias: str = "default") -> list[tuple[str, list[object]]]:
    """Return the name and the arguments of each task that a dummy backend was given."""
    return [(result.task.name, list(result.args)) for result in backends[alias].results]
