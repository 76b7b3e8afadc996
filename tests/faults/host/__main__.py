"""Do what the test says, a line of JSON each, and answer with a line; die where it says so."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

import django

from tests.faults import settings

Step = Mapping[str, Any]
LEAVES = "leaves"
"""Why the cards of an account end that is removed."""


class Host:
    """A host project's code, as far as it shows and ends cards."""

    def __init__(self) -> None:
        from django.db import close_old_connections, transaction

        from django_liveactivity import Progress, services
        from django_liveactivity.models import Operation

        from .models import Fact

        self.transaction, self.services, self.progress = transaction, services, Progress
        self.operations, self.facts = Operation.objects, Fact.objects
        self.close_old_connections = close_old_connections
        self.open: list[Any] = []
        self.sockets: list[Any] = []

    def run(self, step: Step) -> Any:
        """Do one step, and return what it tells."""
        return getattr(self, f"do_{step['do']}")(step)

    def do_show(self, step: Step) -> None:
        """Show content, whose title carries its serial number."""
        with self.transaction.atomic():
            fact = self.facts.create(serial=step["serial"], key=step["key"], kind="show")
            title = f"{step['key']} #{step['serial']}"
            content = self.progress(title=title, percentage=step["serial"] % 100)
            card = self.services.stream_activity(step["key"], content, account=step["account"])
            mine = self.operations.filter(activity=card, content__title=title)
            self._settle(fact, mine.latest("pk").pk)

    def do_end(self, step: Step) -> None:
        """End a card by its key."""
        with self.transaction.atomic():
            fact = self.facts.create(serial=step["serial"], key=step["key"], kind="end")
            content = None
            if step.get("content"):
                content = self.progress(title=f"{step['key']} ended", percentage=100)
            ended = self.services.end_activity(
                content=content, stream_key=step["key"], account=step["account"]
            )
            self._settle(fact, ended.pk)

    def do_close(self, step: Step) -> dict[str, Any]:
        """Go on with the removal of an account, and tell how far it is; the ends are facts, too."""
        account = step["account"]
        with self.transaction.atomic():
            told = self.services.close_account(account, actor="host", reason=LEAVES)
            ends = self.operations.filter(account=account, kind="end", reason=LEAVES)
            known = self.facts.filter(serial__lt=0).values("operation")
            for end in ends.exclude(pk__in=known).select_related("activity"):
                key = end.activity.stream_key
                self.facts.create(serial=-end.pk, key=key, kind="end", operation=end.pk)
        return asdict(told)

    @staticmethod
    def _settle(fact: Any, operation: int) -> None:
        fact.operation = operation
        fact.save(update_fields=["operation"])

    def do_transaction(self, step: Step) -> None:
        """Do several steps in one transaction, or in a savepoint of one; perhaps undo them."""
        with self.transaction.atomic():
            for inner in step["steps"]:
                self.run(inner)
            if step.get("undo"):
                self.transaction.set_rollback(True)

    def do_many(self, step: Step) -> None:
        """Do several steps, each in a transaction of its own."""
        for inner in step["steps"]:
            self.run(inner)

    def do_begin(self, step: Step) -> None:
        """Open a transaction and leave it open."""
        block = self.transaction.atomic()
        block.__enter__()
        self.open.append(block)

    def do_commit(self, step: Step) -> None:
        """Commit what was left open."""
        self.open.pop().__exit__(None, None, None)

    def do_die(self, step: Step) -> None:
        """Die here."""
        os.kill(os.getpid(), signal.SIGKILL)

    def do_die_after_commit(self, step: Step) -> None:
        """Die when the transaction has committed, before any wake-up that is asked for later."""
        self.transaction.on_commit(lambda: os.kill(os.getpid(), signal.SIGKILL))

    def do_watch_port(self, step: Step) -> None:
        """Note every connection to a port that the host's own thread opens."""
        here = threading.current_thread()

        def note(event: str, arguments: tuple[Any, ...]) -> None:
            if event == "socket.connect" and threading.current_thread() is here:
                address = arguments[1]
                if isinstance(address, tuple) and address[1] == step["port"]:
                    self.sockets.append(address)

        sys.addaudithook(note)

    def answer(self, step: Step) -> dict[str, Any]:
        """Do a step and tell what came of it; as between two requests, broken connections go."""
        if not self.open:
            self.close_old_connections()
        begun = time.monotonic()
        error, told = "", None
        try:
            told = self.run(step)
        except Exception as raised:  # noqa: BLE001 - the test is told, and judges
            error = f"{type(raised).__name__}: {raised}"
        over = time.monotonic()
        seconds = over - begun
        return {
            "error": error,
            "seconds": seconds,
            "over": over,
            "sockets": len(self.sockets),
            "told": told,
        }


def main() -> None:
    """Read steps until the test closes the pipe."""
    if settings.RUN.get("broker"):
        from tests.faults import celery_app  # noqa: F401 - it becomes the current app

    django.setup()
    host = Host()
    write: Callable[[str], Any] = sys.stdout.write
    for line in sys.stdin:
        write(json.dumps(host.answer(json.loads(line))) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
