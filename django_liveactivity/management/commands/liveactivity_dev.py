"""``liveactivity_dev``: the sandbox, the delivery loop and Django's server in one terminal."""

import errno
import os
import subprocess
import sys
import threading
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, NamedTuple, Self
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.urls import reverse

from django_liveactivity import conf
from django_liveactivity.backends import BaseBackend, configured_backend, on_this_machine
from django_liveactivity.management import terminal
from django_liveactivity.management.loop import DispatchLoop
from django_liveactivity.printable import printable
from django_liveactivity.sandbox import DEFAULT_BIND, Sandbox

API_PATH = "/api"
ANY_HOST = ("", "0", "0.0.0.0")  # nosec B104  # noqa: S104 - not bound, only read
ADMIN = "admin:django_liveactivity_liveactivity_changelist"
EXAMPLE = f'"base_url": "http://{DEFAULT_BIND}{API_PATH}"'
RATE_LIMIT = (60, 60.0)
PATIENCE = 10.0
"""Seconds for Django's server to end."""


class Address(NamedTuple):
    """Where a sandbox is to listen."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass
class Wanted:
    """A sandbox that accounts ask for: their aliases, and the rate limit of the first."""

    rate_limit: tuple[int, float] = RATE_LIMIT
    aliases: list[str] = field(default_factory=list)


class Command(BaseCommand):
    """Runs all three until SIGINT or SIGTERM; ends with 1 if one of them cannot start."""

    help = (
        "Develop without an iPhone: the sandbox, the delivery loop and Django's development "
        "server, which reloads as ever, in one terminal. Buttons on the phone's page make calls "
        "fail; so does a POST to its /faults, with rules=METHOD[/endpoint]:KIND@WHEN as "
        "liveactivity_sandbox --help explains them."
    )
    # Django's server checks the rest, and waits until you fix what is broken.
    requires_system_checks = ["liveactivity"]

    def add_arguments(self, parser: CommandParser) -> None:
        """Add the options."""
        parser.add_argument(
            "addrport", nargs="?", default="8000", help="of Django's server, as runserver takes it"
        )
        parser.add_argument(
            "--no-loop", action="store_true", help="leave the delivery to your Celery workers"
        )

    def handle(self, *_: object, **options: Any) -> None:
        """Run."""
        with ExitStack() as stack:
            stack.enter_context(on_this_machine())
            stop = stack.enter_context(terminal.stop_on_signals())
            sandboxes = [
                stack.enter_context(self._sandbox(address, wanted))
                for address, wanted in wanted_sandboxes().items()
            ]
            threading.Thread(target=_let_go, args=(stop, sandboxes), daemon=True).start()
            self._tell(options["addrport"], [sandbox.base for sandbox in sandboxes])
            output = terminal.PrefixedStream(self.stdout, "site")
            server = RunServer(options["addrport"], output, stop, options)
            stack.enter_context(server)
            self._deliver(stop, loops=not options["no_loop"])
        if server.code:
            raise CommandError(f"Django's server has ended with {server.code}: see above.")
        self.stdout.write("Stopped.")

    def _sandbox(self, address: Address, wanted: Wanted) -> Sandbox:
        output = terminal.PrefixedStream(self.stdout, "sandbox")
        try:
            return Sandbox(
                address.port,
                host=address.host,
                rate_limit=wanted.rate_limit,
                echo=lambda line: output.write(f"{line}\n"),
            )
        except OSError as error:
            why = f"The sandbox cannot listen on {address}: {printable(error.strerror)}."
            if error.errno == errno.EADDRINUSE:
                why = (
                    f"Something serves {address} already, such as liveactivity_sandbox in another "
                    "terminal. Stop it, or choose another port in base_url"
                )
            names = ", ".join(f"LIVEACTIVITY[{alias!r}]" for alias in wanted.aliases)
            raise CommandError(f"{why} ({names}).") from error

    def _tell(self, addrport: str, phones: list[str]) -> None:
        site = site_url(addrport)
        self.stdout.write(f"Site   {site}/")
        if path := _admin_path():
            self.stdout.write(f"Admin  {site}{path}")
        for phone in phones:
            self.stdout.write(f"Phone  {phone}/")
        self.stdout.write("Ctrl-C stops all.\n")
        self.stdout.flush()

    def _deliver(self, stop: threading.Event, *, loops: bool) -> None:
        if not loops:
            stop.wait()
            return
        bars = terminal.ProgressBars(terminal.PrefixedStream(self.stdout, "delivery"))
        with terminal.shown_log(bars):
            DispatchLoop(None, stop, bars).run()


def wanted_sandboxes() -> dict[Address, Wanted]:
    """Return the sandboxes that the accounts of ``LIVEACTIVITY`` call.

    Raises:
        CommandError: an account calls something else than a sandbox on this machine, or none does.
    """
    wanted: dict[Address, Wanted] = {}
    for alias in conf.accounts():
        backend = configured_backend(alias)
        base_url = getattr(backend, "base_url", "")
        if backend.reaches_network or base_url:
            address = _address(alias, backend, base_url)
            limit = backend.rate_limit or RATE_LIMIT
            wanted.setdefault(address, Wanted(limit)).aliases.append(alias)
    if not wanted:
        raise CommandError(
            "No account of LIVEACTIVITY calls a sandbox. Give one the ActivitySmithBackend, and in "
            f"its OPTIONS {EXAMPLE}."
        )
    return wanted


def site_url(addrport: str) -> str:
    """Return the address of Django's server, for what ``runserver`` is given."""
    host, _, port = addrport.rpartition(":")
    return f"http://{'127.0.0.1' if host in ANY_HOST else host}:{port}"


def _address(alias: str, backend: BaseBackend, base_url: str) -> Address:
    name, to_write = f"LIVEACTIVITY[{alias!r}]", f"Write {EXAMPLE} in its OPTIONS"
    if backend.reaches_network:
        called = base_url or "the network"
        raise CommandError(
            f"{name} calls {called}, so its cards could reach real phones. {to_write} to develop "
            "with the sandbox. Nothing was started, and nothing sent."
        )
    parts = urlsplit(base_url)
    if parts.scheme != "http" or parts.path.rstrip("/") != API_PATH:
        raise CommandError(
            f"{name} calls {base_url}, which is not the address of a sandbox. {to_write}."
        )
    host = parts.hostname or ""
    return Address("127.0.0.1" if host == "localhost" else host, parts.port or 80)


def _let_go(stop: threading.Event, sandboxes: list[Sandbox]) -> None:
    """Let calls end that a fault holds up, so that the loop can stop at once."""
    stop.wait()
    for sandbox in sandboxes:
        sandbox.closing.set()


def _admin_path() -> str:
    try:
        return reverse(ADMIN)
    except Exception:  # noqa: BLE001 - no admin, or URLs that Django's server will complain of
        return ""


class RunServer:
    """``runserver`` for the time of the block; its reloader works as ever.

    It stays in this process's group: Ctrl-C, or a terminal that closes, reaches it directly.

    Args:
        addrport: as ``runserver`` takes it.
        output: gets what it prints.
        stop: is set when the server ends, whatever ends it.
        options: of the command that starts it: colors and ``--pythonpath`` are passed on.

    Attributes:
        code: after the block the exit code, 0 if it was stopped.
    """

    def __init__(
        self,
        addrport: str,
        output: terminal.PrefixedStream,
        stop: threading.Event,
        options: Mapping[str, object],
    ) -> None:
        self.code = 0
        self._command = [sys.executable, *_script(), "runserver", addrport, *_passed_on(options)]
        self._output, self._stop = output, stop

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(  # nosec B603  # noqa: S603 - our own command
            self._command,
            env={"DJANGO_RUNSERVER_HIDE_WARNING": "true", **os.environ, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        )
        self._reader = threading.Thread(target=self._read, name="runserver-output", daemon=True)
        self._reader.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        if self._process.poll() is None:
            self._process.terminate()  # its reloader ends the process that serves
            self._wait()
        else:
            self.code = max(0, self._process.returncode)  # below 0: Ctrl-C reached it, too
        self._reader.join(PATIENCE)
        self._stop.set()

    def _wait(self) -> None:
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def _read(self) -> None:
        assert self._process.stdout is not None  # nosec B101  # noqa: S101 - it is a pipe
        with self._process.stdout as lines:
            for line in lines:
                self._output.write(line)
        self._process.wait()
        self._stop.set()


def _script() -> list[str]:
    """Return what started this process, for Python: ``manage.py``, or ``-m django``."""
    spec = getattr(sys.modules["__main__"], "__spec__", None)
    return ["-m", spec.parent] if spec is not None and spec.parent else [sys.argv[0]]


def _passed_on(options: Mapping[str, Any]) -> list[str]:
    arguments = [
        f"--{name}" for name in ("no-color", "force-color") if options[name.replace("-", "_")]
    ]
    if options["pythonpath"]:
        arguments += ["--pythonpath", options["pythonpath"]]
    return arguments
