"""The vendor's API over HTTP, usable alone: ``from django_liveactivity.client import Client``."""

from __future__ import annotations

from .address import DEFAULT_BASE_URL
from .answer import Answer, Outcome
from .call import Call
from .client import Client

__all__ = ["DEFAULT_BASE_URL", "Answer", "Call", "Client", "Outcome"]
