"""A backend that a host wrote, without a word on tests."""

import socket

from django_liveactivity.backends import BaseBackend
from django_liveactivity.client import Answer, Call, Outcome


class OwnBackend(BaseBackend):
    def send(self, call: Call) -> Answer:
        socket.getaddrinfo("own.invalid", 443)
        return Answer(Outcome.DELIVERED, status=200)
