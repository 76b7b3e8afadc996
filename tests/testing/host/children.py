"""What a process does that a test has started: it imports the host anew if it was spawned."""

from __future__ import annotations

import django

django.setup()


def send() -> int:
    from . import suite

    before = len(suite.outbox)
    suite.get_backend().send(suite.CALL)
    return len(suite.outbox) - before
