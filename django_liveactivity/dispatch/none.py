"""No kick: ``liveactivity_dispatch`` looks by itself."""

from __future__ import annotations


def wake(alias: str) -> None:
    """Do nothing: a loop or a cron job of ``liveactivity_dispatch`` delivers."""
