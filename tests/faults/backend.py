"""The vendor's backend, in a process that a fault may strike at an exact line."""

from __future__ import annotations

import logging
import os
import signal
import threading
from typing import Any

from django_liveactivity.backends.activitysmith import ActivitySmithBackend
from django_liveactivity.client.answer import Answer
from django_liveactivity.client.call import Call

from .settings import RUN

logger = logging.getLogger("django_liveactivity.faults")


class FaultyBackend(ActivitySmithBackend):
    """Sends as ever, and strikes this process before or after the call.

    ``RUN["strike"]`` names the ``point``, the ``signal``, the ``method`` of the call, and a
    ``mark``: a file that exists once the fault has struck, so that it strikes once only.
    """

    def send(self, call: Call) -> Answer:
        """Make the call; the lease is held and the attempt is stored already."""
        logger.info("sending %s", call.method)
        strike: dict[str, Any] | None = RUN.get("strike")
        if strike is None or strike["method"] not in ("*", call.method):
            return super().send(call)
        if strike["point"] == "before":
            self._strike(strike)
        answer = super().send(call)
        if strike["point"] == "after":
            self._strike(strike)
        return answer

    @staticmethod
    def _strike(strike: dict[str, Any]) -> None:
        try:
            os.close(os.open(strike["mark"], os.O_CREAT | os.O_EXCL))
        except FileExistsError:
            return
        # To this thread: a signal to the process may reach it lines later, inside a transaction.
        signal.pthread_kill(threading.get_ident(), getattr(signal, strike["signal"]))
