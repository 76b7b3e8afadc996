"""The vendor's API over HTTP, usable alone: ``from django_liveactivity.client import Client``."""

from __future__ import annotations

from django_liveactivity.client.address import DEFAULT_BASE_URL
from django_liveactivity.client.answer import Answer, Outcome
from django_liveactivity.client.call import Call
from django_liveactivity.client.client import Client

__all__ = ["DEFAULT_BASE_URL", "Answer", "Call", "Client", "Outcome"]
