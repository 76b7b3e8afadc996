"""The vendor's API on loopback, for people without an iPhone."""

from __future__ import annotations

import signal
import time
from argparse import Namespace
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity.printable import printable
from django_liveactivity.sandbox import add_arguments, from_arguments

SIGNALS_EVERY = 0.1


class Command(BaseCommand):
    """Serves the sandbox until SIGINT or SIGTERM."""

    help = "Serve the vendor's API on loopback: /api/…, /phone.json and /calls.json."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the sandbox's own options."""
        add_arguments(parser)

    def handle(self, *_: Any, **options: Any) -> None:
        """Serve."""
        try:
            sandbox = from_arguments(Namespace(**options), self._print)
        except (OSError, ValueError) as error:
            raise CommandError(f"The sandbox cannot start: {printable(error)}") from error
        asked: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        with sandbox:
            self._print(f"Sandbox at {sandbox.url} (phone at {sandbox.base}/phone.json)")
            while not asked:  # an event's wait or set can hang when two signals come at once
                time.sleep(SIGNALS_EVERY)

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
