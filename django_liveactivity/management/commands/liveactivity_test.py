"""``liveactivity_test``: a card on real phones, shown and ended, to see that all of it works."""

import datetime
import secrets
import threading
import time

from django.core.management.base import BaseCommand, CommandError, CommandParser

from django_liveactivity import conf, services
from django_liveactivity.backends import get_backend
from django_liveactivity.client.answer import ACKNOWLEDGED
from django_liveactivity.content import Progress
from django_liveactivity.content.parsing import OptionFields
from django_liveactivity.delivery import drain
from django_liveactivity.exceptions import AccountSourceError, InvalidInputError
from django_liveactivity.management.terminal import confirm, operator_name, stop_on_signals
from django_liveactivity.models import LiveActivity, Operation, Source
from django_liveactivity.printable import printable
from django_liveactivity.services.writer import recorded_as

PATIENCE = 30.0
"""Seconds for the vendor to accept a call."""
LONGEST_PAUSE = 1.0
TIME_TO_LIVE = datetime.timedelta(minutes=10)
"""Should this process be killed, the card ends by itself, wherever the account is drained."""
CONTENT = Progress(title="A test from Django", subtitle="It ends by itself", percentage=50)
AT_ONCE = datetime.timedelta(0)
UNDECIDED = (Operation.State.PENDING,)


class Command(BaseCommand):
    """Shows a card, waits, and ends it; exits 1 unless the vendor accepted both."""

    help = "Show a card on the phones of an account for some seconds, and end it."

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the arguments."""
        parser.add_argument("--account", default=conf.DEFAULT_ACCOUNT)
        parser.add_argument(
            "--channel",
            action="append",
            dest="channels",
            help="repeatable; by default those of the account",
        )
        parser.add_argument(
            "--seconds", type=float, default=10.0, help="how long it is shown, 0 to 300; 10"
        )
        parser.add_argument("--yes", action="store_true", help="do not ask")

    def handle(
        self, *, account: str, seconds: float, channels: list[str] | None, yes: bool, **_: object
    ) -> None:
        """Ask, show, wait, end."""
        if not 0 <= seconds <= 300:
            raise CommandError("--seconds: give 0 to 300.")
        try:
            reaches_network = get_backend(account).reaches_network
        except (InvalidInputError, AccountSourceError) as error:
            raise CommandError(printable(error)) from error
        self._explain(account, reaches_network, channels)
        if not yes:
            confirm("Show the card now?")
        with stop_on_signals() as stop, recorded_as(Source.COMMAND):
            try:
                card = self._show(account, channels)
            except (InvalidInputError, AccountSourceError) as error:
                raise CommandError(f"Nothing was shown. {printable(error)}") from error
            try:
                is_shown = self._deliver(card, "shown", stop)
                if is_shown:
                    self.stdout.write(f"Look at the phone: the card ends in {seconds:g} s.")
                    stop.wait(seconds)
            finally:
                self._end(card)
            is_ended = self._deliver(card, "ended", threading.Event())
        if not (is_shown and is_ended):
            raise CommandError("The test failed: see above.")
        self.stdout.write("The vendor has accepted both calls. The card is gone from the phone.")

    def _explain(self, account: str, reaches_network: bool, channels: list[str] | None) -> None:
        chosen = channels or get_backend(account).channels
        where = (
            f"the channels {', '.join(chosen)}" if chosen else "all devices that its key reaches"
        )
        self.stdout.write(
            f"The account {account!r} shows a card on {printable(where)}, then ends and removes it."
            " Everyone who looks at these phones sees it."
        )
        if not reaches_network:
            note = "The calls of this account do not leave this machine: no phone shows the card."
            self.stderr.write(self.style.WARNING(note))

    def _show(self, account: str, channels: list[str] | None) -> LiveActivity:
        chosen: OptionFields = {"channels": channels} if channels else {}
        return services.stream_activity(
            f"liveactivity-test-{secrets.token_hex(6)}",
            CONTENT,
            account=account,
            actor=operator_name(),
            reason="liveactivity_test",
            time_to_live=TIME_TO_LIVE,
            **chosen,
        )

    def _end(self, card: LiveActivity) -> None:
        services.end_activity(
            card,
            CONTENT,  # given anew: what the vendor has refused counts as not known
            dismiss_after=AT_ONCE,
            actor=operator_name(),
            reason="liveactivity_test",
        )

    def _deliver(self, card: LiveActivity, what: str, stop: threading.Event) -> bool:
        """Deliver the newest operation of the card, and print the outcome."""
        using = card.database
        operation = Operation.objects.using(using).filter(activity=card).latest("pk")
        until = time.monotonic() + PATIENCE
        while operation.state in UNDECIDED and time.monotonic() < until and not stop.is_set():
            done = drain(card.account, stop=stop)
            operation.refresh_from_db()
            if operation.state in UNDECIDED:
                stop.wait(min(LONGEST_PAUSE, done.again_in or LONGEST_PAUSE))
        attempt = operation.attempts.order_by("-pk").first()
        said = "no call was made" if attempt is None else _told(attempt.status, attempt.outcome)
        is_good = operation.state == Operation.State.DONE and operation.outcome in ACKNOWLEDGED
        self.stdout.write(f"{card}: {what if is_good else f'not {what}'} ({said}).")
        if attempt is not None and attempt.error:
            self.stderr.write(self.style.WARNING(printable(attempt.error)))
        return is_good


def _told(status: int | None, outcome: str) -> str:
    return outcome if status is None else f"HTTP {status}, {outcome}"
