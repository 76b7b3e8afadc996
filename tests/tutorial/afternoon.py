"""A stranger's afternoon: a project made from the docs' text alone, and four ways to end a card.

``python -m tests.tutorial.afternoon`` needs PostgreSQL and Redis on 127.0.0.1, curl, and an
environment that has the package with its extras and psycopg. All code and all commands are blocks
of the docs; only names of this machine and of the cards are put in.
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path

import httpx
import redis

from .document import block, section
from .project import start_reader
from .reader import Reader
from .terminals import wait_for

TUTORIAL = "tutorial.md"
MODEL = "how-to/follow-a-model.md"
ADMIN = "how-to/end-from-the-admin.md"
CELERY = "how-to/deliver-with-celery.md"
HTTP = "how-to/end-over-http.md"
HEALTH = "how-to/check-health.md"
COMMANDS = "reference/commands.md"

SETUP = [
    ("a project and an app", TUTORIAL, "A project", "shell", 1),
    ("settings, with the sandbox", TUTORIAL, "A project", "python", 1),
    ("a model", TUTORIAL, "A project", "python", 2),
    ("a database", CELERY, "On PostgreSQL", "shell", 1),
    ("settings of the database", CELERY, "On PostgreSQL", "python", 1),
    ("a card for each object", MODEL, "Follow a model", "python", 1),
    ("the object's admin", ADMIN, "On your own objects", "python", 1),
    ("Celery's app", CELERY, "Deliver with Celery", "python", 1),
    ("the app is imported", CELERY, "Deliver with Celery", "python", 2),
    ("settings of Celery", CELERY, "Deliver with Celery", "python", 3),
    ("settings of the endpoint", HTTP, "Set it up", "python", 1),
    ("URLs of the endpoint", HTTP, "Set it up", "python", 2),
    ("tables and a user", TUTORIAL, "Start it", "shell", 1),
    ("tables and checks", HTTP, "Set it up", "shell", 1),
    ("a worker", CELERY, "Deliver with Celery", "shell", 1),
    ("beat", CELERY, "Deliver with Celery", "shell", 2),
    ("sandbox and site", CELERY, "Deliver with Celery", "shell", 3),
]


class Afternoon:
    """One reader, the clock of each step, and the phone.

    Args:
        reader: follows the docs.
        database: the name of the database in the place of that of the docs.
    """

    def __init__(self, reader: Reader, database: str) -> None:
        self.reader = reader
        self.database = database
        self.site, self.phone = (f"http://127.0.0.1:{reader.ports[p]}" for p in ("8000", "8765"))
        self.steps: list[tuple[str, str, float]] = []

    def set_up(self) -> None:
        """Make the project, and start all that it consists of."""
        for what, *place in SETUP:
            with self._step(what, *place[:2]):
                found = block(*place)
                code = found.code.replace("mydatabase", self.database)
                self.reader.do(found._replace(code=code))

    def read_on(self, what: str, heading: str) -> None:
        """Do in the browser what a section of the tutorial says."""
        with self._step(what, TUTORIAL, heading):
            for part in section(TUTORIAL, heading):
                self.reader.do(part)

    def show(self, version: str) -> str:
        """Save a new object in the admin, as the tutorial did, and return the key of its card."""
        with self._step(f"{version} is saved: its card is shown", TUTORIAL, "Show a card"):
            browser = self.reader.browser
            browser.open(f"{self.site}/admin/deployments/deployment/add/")
            browser.fill("Version", version)
            browser.press("Save and continue editing")
            self.wait_for_card("alive", version)
        (card,) = self.cards("alive", version)
        return card["stream_key"]

    def end_by_command(self, key: str, version: str) -> None:
        """End a card with the command."""
        heading = "`liveactivity_end`"
        with self._step(f"{version} ends by the command", COMMANDS, heading):
            line = block(COMMANDS, heading, "shell").code
            self.reader.terminal.run(put(line, "deploy-42", key))
            self.wait_for_card("ended", version)

    def end_over_http(self, key: str, version: str) -> None:
        """Make a token, and end a card with it."""
        terminal = self.reader.terminal
        with self._step("a user of the endpoint, and a token", HTTP, "Set it up"):
            code = block(HTTP, "Set it up", "python", 3).code
            printed = terminal.run("python manage.py shell", typed=code)
            terminal.environment["TOKEN"] = printed.split()[-1]
        with self._step(f"{version} ends by the endpoint", HTTP, "Set it up"):
            line = put(block(HTTP, "Set it up", "shell", 2).code, "prod-web-1", key)
            answer = terminal.run(put(line, "https://shop.example", self.site))
            assert f'"stream_key":"{key}"' in answer, answer
            self.wait_for_card("ended", version)

    def check_health(self) -> None:
        """Ask whether delivery is well: beat has swept, and nothing is overdue."""
        with self._step("delivery is well", HEALTH, "From a monitor"):
            print(self.reader.terminal.run(block(HEALTH, "From a monitor", "shell").code))

    def cards(self, state: str, version: str) -> list[dict[str, str]]:
        """Return the cards of an object that are ``alive`` or ``ended`` on the phone."""
        shown = httpx.get(f"{self.phone}/phone.json").json()[state]
        return [card for card in shown if card["content"]["title"] == f"checkout {version}"]

    def wait_for_card(self, state: str, version: str) -> None:
        """Wait until the card of an object is ``alive`` or has ``ended`` on the phone."""
        wait_for(lambda: self.cards(state, version), f"{version} is not {state}")

    def report(self) -> None:
        """Print each step, where the docs say it, and the seconds that it took."""
        for what, where, seconds in [("step", "page and heading", "seconds"), *self.steps]:
            taken = seconds if isinstance(seconds, str) else f"{seconds:.1f}"
            print(f"{what:<42} {where:<62} {taken:>7}")
        print(f"{'':<105} {sum(taken for _, _, taken in self.steps):>7.1f}")

    @contextmanager
    def _step(self, what: str, page: str, heading: str) -> Iterator[None]:
        where, begun = f"{page}: {heading}", time.monotonic()
        try:
            yield
        except BaseException as error:
            error.add_note(f"The step was: {what} (docs/{where})")
            raise
        self.steps.append((what, where, time.monotonic() - begun))


def put(text: str, written: str, ours: str) -> str:
    """Put a name of ours in the place of the one that the docs write."""
    assert written in text, f"no {written!r} in {text!r}"
    return text.replace(written, ours)


@contextmanager
def reader_in(folder: Path, name: str) -> Iterator[Reader]:
    """Yield a reader whose machine has PostgreSQL and Redis; what is left there goes afterward.

    The queue has a name of its own, because others use the same Redis.
    """
    with start_reader(folder, settings=f'CELERY_TASK_DEFAULT_QUEUE = "{name}"') as reader:
        terminal = reader.terminal
        terminal.environment |= {"PGHOST": "127.0.0.1", "PGUSER": "root"}
        try:
            yield reader
        finally:
            terminal.close()
            terminal.run(f"dropdb --if-exists --force {name}")
            with redis.Redis() as broker:
                for key in broker.scan_iter(f"*{name}*"):
                    broker.delete(key)


def main() -> None:
    """Spend the afternoon, and print what it consisted of."""
    print(*(f"{name} {version(name)}" for name in ("django", "celery", "psycopg")))
    name = f"afternoon_{os.getpid()}"
    with tempfile.TemporaryDirectory() as folder, reader_in(Path(folder), name) as reader:
        afternoon = Afternoon(reader, name)
        try:
            afternoon.set_up()
            afternoon.read_on("2.4 is saved: its card is shown", "Show a card")
            afternoon.read_on("2.4 ends by the admin's action", "End it from the admin")
            afternoon.wait_for_card("ended", "2.4")
            afternoon.read_on("2.5 is saved, and ends by a save", "End it by saving")
            afternoon.wait_for_card("ended", "2.5")
            afternoon.end_over_http(afternoon.show("2.6"), "2.6")
            afternoon.end_by_command(afternoon.show("2.7"), "2.7")
            afternoon.check_health()
        except BaseException:
            for log in sorted(Path(folder).glob("*.log")):
                print(f"== {log.name}\n{log.read_text()[-3000:]}")
            raise
        finally:
            afternoon.report()


if __name__ == "__main__":
    main()
