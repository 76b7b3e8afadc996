"""``liveactivity_sandbox``: serve the vendor's API on loopback, without an iPhone."""

from argparse import Namespace

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity.management.terminal import stop_on_signals
from django_liveactivity.printable import printable
from django_liveactivity.sandbox import add_arguments, from_arguments


class Command(BaseCommand):
    """Serves the sandbox until SIGINT or SIGTERM."""

    help = "Serve the vendor's API on loopback, and a page with its phone and its calls."
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the sandbox's own options."""
        add_arguments(parser)

    def handle(self, *_: object, **options: object) -> None:
        """Serve."""
        try:
            sandbox = from_arguments(Namespace(**options), self._print)
        except (OSError, ValueError) as error:
            raise CommandError(f"The sandbox cannot start: {printable(error)}") from error
        with stop_on_signals() as stop, sandbox:
            self._print(f"Sandbox at {sandbox.url} and phone at {sandbox.base}/")
            stop.wait()

    def _print(self, line: str) -> None:
        self.stdout.write(line)
        self.stdout.flush()
