"""A backend that acknowledges every call and does nothing."""

from django_liveactivity.client import Answer, Call

from .base import BaseBackend, acknowledge


class DummyBackend(BaseBackend):
    """Acknowledges each call without making it."""

    reaches_network = False

    def send(self, call: Call) -> Answer:
        """Acknowledge the call."""
        return acknowledge(call)
