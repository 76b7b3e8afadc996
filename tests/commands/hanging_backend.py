"""A host's backend whose ``send`` never returns, as one without a timeout may."""

import time

from django_liveactivity.backends import BaseBackend


class HangingBackend(BaseBackend):
    reaches_network = False

    def send(self, call):
        while True:
            time.sleep(60)
