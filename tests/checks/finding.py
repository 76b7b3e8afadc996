"""Run our checks, as ``manage.py check`` does."""

from __future__ import annotations

from django.core.checks import run_checks


def found(*, deploy: bool = False) -> dict[str, str]:
    """Return what our checks say, by their ids."""
    messages = run_checks(tags=["liveactivity"], include_deployment_checks=deploy)
    return {message.id: message.msg for message in messages}
