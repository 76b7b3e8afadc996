"""Keep the calls in memory, for the host's tests: ``outbox``, like Django's mail outbox."""

from __future__ import annotations

import copy

from django_liveactivity.client.answer import Answer
from django_liveactivity.client.call import Call

from .base import BaseBackend, acknowledge

outbox: list[Call] = []
"""Every call made in this process, in order; each a deep copy. Clear it between tests."""


class LocmemBackend(BaseBackend):
    """Appends each call to ``outbox`` and acknowledges it."""

    def send(self, call: Call) -> Answer:
        """Store the call and acknowledge it."""
        outbox.append(copy.deepcopy(call))
        return acknowledge(call)
