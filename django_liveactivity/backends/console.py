"""A backend that prints the calls, as Django's console mail backend prints mails."""

import json
import sys
import threading

from django_liveactivity.client import Answer, Call
from django_liveactivity.printable import printable_lines

from .base import BaseBackend, acknowledge

_lock = threading.Lock()  # several accounts share standard output


class ConsoleBackend(BaseBackend):
    """Writes each call to standard output and acknowledges it."""

    reaches_network = False

    def send(self, call: Call) -> Answer:
        """Print the call and acknowledge it."""
        body = "" if call.json is None else json.dumps(call.json, indent=2, ensure_ascii=False)
        with _lock:
            sys.stdout.write(printable_lines(f"{call.method} {call.path}\n{body}\n{'-' * 79}\n"))
            sys.stdout.flush()
        return acknowledge(call)
