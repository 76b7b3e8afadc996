"""Drain in the caller's own thread: for demos, tests and commands."""

from __future__ import annotations

from django_liveactivity.delivery import drain

SECONDS = 10.0


def wake(alias: str) -> None:
    """Deliver what is due, here and now, for at most 10 s; what waits longer stays for a sweep."""
    drain(alias, seconds=SECONDS)
