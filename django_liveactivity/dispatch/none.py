"""No wake-up: ``liveactivity_dispatch`` looks by itself."""

from __future__ import annotations


def wake(alias: str, delay: float = 0.0) -> None:
    """Do nothing: a loop or a cron job of ``liveactivity_dispatch`` delivers."""
