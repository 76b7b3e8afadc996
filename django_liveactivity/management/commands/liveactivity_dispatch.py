"""Deliver without a broker: once, or for ever."""

from __future__ import annotations

import logging
import signal
import threading
import time
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.db import close_old_connections

from django_liveactivity import conf
from django_liveactivity.delivery import drain, sweep

SWEEP_EVERY = 15.0
LONGEST_PAUSE = 60.0
SHORTEST_PAUSE = 0.2
SIGNALS_EVERY = 0.1

logger = logging.getLogger("django_liveactivity.dispatch")


class Command(BaseCommand):
    """Delivers what is due; without ``--once`` until SIGTERM or SIGINT."""

    help = "Deliver what is due to the vendor: in a loop that needs no broker, or once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--once", action="store_true", help="drain until nothing is due")
        parser.add_argument(
            "--account", action="append", help="an alias in LIVEACTIVITY; by default all"
        )
        parser.add_argument(
            "--interval", type=float, default=1.0, help="seconds between two looks; default 1"
        )

    def handle(self, *_: Any, **options: Any) -> None:
        """Run."""
        aliases = options["account"] or list(conf.accounts())
        if not aliases:
            raise CommandError("LIVEACTIVITY names no account; add LIVEACTIVITY['default'].")
        for alias in aliases:
            if alias not in conf.accounts():
                raise CommandError(f"LIVEACTIVITY has no account {alias!r}.")
        if options["once"]:
            for alias in aliases:
                self._once(alias)
        else:
            self._loop(aliases, options["interval"])

    def _once(self, alias: str) -> None:
        calls = 0
        while True:
            done = drain(alias)
            calls += done.calls
            if not done.more:
                self.stdout.write(f"{alias}: {calls} calls, nothing is due.")
                return
            if done.condition in ("blocked", "billing"):
                raise CommandError(
                    f"{alias}: {calls} calls, and the account is {done.condition}: "
                    "see manage.py liveactivity_status."
                )
            time.sleep(min(max(done.again_in or 0, SHORTEST_PAUSE), LONGEST_PAUSE))

    def _loop(self, aliases: list[str], interval: float) -> None:
        stop = threading.Event()
        asked: list[int] = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        self.stdout.write(f"Delivering for {', '.join(aliases)}; SIGTERM stops.")
        threads = [
            threading.Thread(target=run, args=(alias, interval, stop), name=f"drain-{alias}")
            for alias in aliases
        ]
        for thread in threads:
            thread.start()
        # A handler that set the event itself would hang when a second signal finds its lock taken.
        while not asked:
            time.sleep(SIGNALS_EVERY)
        stop.set()
        for thread in threads:
            thread.join()
        self.stdout.write("Stopped; what was begun is finished.")


def run(alias: str, interval: float, stop: threading.Event) -> None:
    """Drain one account until it is told to stop; a database that is away is waited for."""
    last_sweep = float("-inf")
    while not stop.is_set():
        try:
            if time.monotonic() - last_sweep >= SWEEP_EVERY:
                sweep(lambda _: None)
                last_sweep = time.monotonic()
            done = drain(alias, stop=stop)
        except Exception:
            logger.exception("%s: this drain failed; the next one begins in a moment.", alias)
            done = None
        close_old_connections()
        pause = interval if done is None or done.again_in is None else done.again_in
        stop.wait(min(max(pause, SHORTEST_PAUSE), interval))
