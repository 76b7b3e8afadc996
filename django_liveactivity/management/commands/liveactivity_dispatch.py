"""Deliver without a broker: once, or forever."""

import math
import sys
import threading
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf
from django_liveactivity.delivery import Drained, due_of_source, sweep
from django_liveactivity.health import Condition, status
from django_liveactivity.health.condition import STUCK, why_unknown
from django_liveactivity.management.loop import (
    POLL_EVERY,
    DispatchLoop,
    drain_until_idle,
    liveness_file,
)
from django_liveactivity.management.terminal import ProgressBars, shown_log, stop_on_signals
from django_liveactivity.printable import printable

UNFINISHED = 3
"""The exit code when ``--once`` stops while something is due."""
CALLS_OF_ONE_RUN = 2
"""The verbosity at which ``--once`` shows each call; its summary tells how many there were."""


class Command(BaseCommand):
    """Delivers what is due; without ``--once`` until SIGTERM or SIGINT.

    Exits 0 when it was stopped, or with ``--once`` when nothing is due any more; 3 when ``--once``
    leaves something due, or an end unacknowledged that is tried again later; 1 on any other error.
    """

    # Since 6.1 Django's own ask every database; the loop waits for one that is down.
    requires_system_checks = ["liveactivity"]

    help = "Deliver what is due to the vendor: in a loop that needs no broker, or once."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument("--once", action="store_true", help="drain until nothing is due")
        parser.add_argument(
            "--account",
            action="append",
            metavar="ALIAS",
            help="an alias; repeatable; by default all",
        )
        parser.add_argument(
            "--interval",
            type=float,
            default=POLL_EVERY,
            metavar="SECONDS",
            help=f"between two polls for due work; by default {POLL_EVERY}",
        )
        parser.add_argument(
            "--threads",
            type=int,
            default=4,
            metavar="N",
            help="drains at once, each with a connection to the database; by default 4",
        )
        parser.add_argument(
            "--liveness-file",
            type=Path,
            metavar="PATH",
            help="a file that the loop renews each second unless it is stuck, for a probe",
        )

    def handle(self, *_: object, **options: Any) -> None:
        """Run."""
        chosen = list(dict.fromkeys(options["account"] or ()))
        interval = options["interval"]
        if not conf.databases():
            raise CommandError("LIVEACTIVITY names no account; add LIVEACTIVITY['default'].")
        for alias in chosen:
            if conf.find_stand_in(alias) is None:
                raise CommandError(f"LIVEACTIVITY has no account {alias!r}.")
        if not (math.isfinite(interval) and interval > 0):
            raise CommandError(f"--interval is {interval}: give a number of seconds above 0.")
        if options["threads"] < 1:
            raise CommandError(f"--threads is {options['threads']}: give 1 or more.")
        if options["once"] and options["liveness_file"]:
            raise CommandError("--liveness-file is for the loop: leave it or --once out.")
        bars = ProgressBars(sys.stderr)
        shows_calls = options["verbosity"] >= (CALLS_OF_ONE_RUN if options["once"] else 1)
        with stop_on_signals() as stop, shown_log(bars) if shows_calls else nullcontext():
            if options["once"]:
                self._once(chosen, stop, bars)
            else:
                loop = DispatchLoop(chosen or None, stop, bars, options["threads"], interval)
                self._loop(loop, options["liveness_file"])

    def _once(self, chosen: list[str], stop: threading.Event, bars: ProgressBars) -> None:
        left, aliases = [], chosen or [*conf.accounts(), *due_of_source()]
        for alias in aliases:
            done = drain_until_idle(alias, stop, bars)
            bars.close()
            account = conf.stand_in(alias)
            ends = status.unacknowledged_ends(account).count()
            if done.more or ends:
                left.append(_unfinished_work(account, done, ends))
            else:
                self.stdout.write(
                    _told(alias, done) + ", nothing is due." + _planned_for_later(account)
                )
        sweep(lambda _: None, chosen or None)
        if left:
            raise CommandError("\n".join(map(printable, left)), returncode=UNFINISHED)

    def _loop(self, loop: DispatchLoop, liveness: Path | None) -> None:
        names = ", ".join(loop.aliases or _served())
        with liveness_file(liveness, loop.is_stuck) if liveness else nullcontext():
            self.stdout.write(f"Delivering for {names}; Ctrl-C or SIGTERM stops.")
            loop.run()
        loop.bars.close()
        self.stdout.write("Stopped; what was begun is finished.")


def _served() -> list[str]:
    """Return what the loop serves by default, in words."""
    return [*conf.accounts(), *(["the account source"] if conf.account_source() else [])]


def _told(alias: str, done: Drained) -> str:
    return f"{alias}: {_count(done.calls, 'call')}"


def _planned_for_later(account: conf.Account) -> str:
    """Return how much is planned for later, so that the operator does not take it for done."""
    later = status.later(account)
    if later is None:
        return ""
    count, first_in = later
    return f" {_count(count, 'operation')} for later, the first in {first_in:.0f} s."


def _unfinished_work(account: conf.Account, done: Drained, ends: int) -> str:
    now = status.account_status(account)
    text = f"{_told(account.alias, done)}, {_count(now.backlog, 'operation')} left to try now"
    text += f", {_count(ends, 'due end')} not acknowledged yet. " if ends else ". "
    if not done.more:
        return (
            text
            + "What failed is tried again."
            + _planned_for_later(account)
            + " Run this again then."
        )
    if done.condition == Condition.UNKNOWN:
        return text + (why_unknown(account.alias) or "Run this again.")
    if done.condition not in STUCK:
        return text + "It was stopped."
    text += f"{now.reason} A probe may open it in {now.next_call_in or 0:.0f} s: "
    return text + "run this again."


def _count(number: int, name: str) -> str:
    return f"{number} {name}" if number == 1 else f"{number} {name}s"
