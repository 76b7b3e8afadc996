"""``liveactivity_dispatch`` in a process of its own: as a service, and at a terminal."""

from __future__ import annotations

import os
import pty
import re
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from django_liveactivity.sandbox import Sandbox
from tests.faults.vendor import Exchange, FakeVendor

from .running import Shell, wait_until

ONCE = ("liveactivity_dispatch", "--once")
SHOW_ONE_CARD_ON_EACH_OF_THREE = """
from django_liveactivity import Progress, services
for alias in "abc":
    services.stream_activity("job", Progress(title="Job", percentage=40), account=alias)
"""


@pytest.mark.long
class TestService:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_delivers_and_stops_when_it_is_told(self, project, sandbox, number):
        shell = project()
        with shell.start("liveactivity_dispatch", "--interval", "0.1") as loop:
            try:
                assert "SIGTERM stops" in loop.stdout.readline()
                shell.run("liveactivity_end", "order-42", check=True)
                wait_until(sandbox.calls)
                loop.send_signal(number)
                out, errors = loop.communicate(timeout=30)
            finally:
                loop.kill()
        assert loop.returncode == 0
        assert re.search(r" INFO default: DELETE order-42 404 not_found in \d+ ms\n", errors)
        assert "what was begun is finished" in out
        assert [call["method"] for call in sandbox.calls()] == ["DELETE"]

    @pytest.mark.parametrize(
        ("arguments", "shown"),
        [
            (["--once"], []),
            (["--once", "-v2"], ["INFO default: DELETE order-42 404 not_found in"]),
        ],
    )
    def test_one_run_shows_each_call_if_it_is_asked_to(self, project, arguments, shown):
        shell = project()
        shell.run("liveactivity_end", "order-42", check=True)
        once = shell.run("liveactivity_dispatch", *arguments)
        assert [" ".join(line.split()[2:-2]) for line in once.stderr.splitlines()] == shown

    def test_a_loop_can_be_told_to_be_silent(self, project, sandbox):
        shell = project()
        shell.run("liveactivity_end", "order-42", check=True)
        _, errors = stop_after_a_call(shell, sandbox, "liveactivity_dispatch", "-v0")
        assert errors == ""

    @pytest.mark.parametrize(("level", "shown"), [("INFO", True), ("WARNING", False)])
    def test_the_project_s_own_logging_holds(self, project, sandbox, level, shown):
        shell = project(LOOP_LOG_LEVEL=level)
        shell.run("liveactivity_end", "order-42", check=True)
        once = shell.run("liveactivity_dispatch", "--once", "-v2")
        assert once.stderr.endswith(" ms\n") == shown
        assert " INFO " not in once.stderr

    def test_beats_for_its_database(self, project, sandbox):
        shell = project(LOOP_ACCOUNTS="one two")
        for alias in ("one", "two"):
            shell.run("liveactivity_end", "order-42", "--account", alias, check=True)
        code, _ = stop_after_a_call(shell, sandbox, "liveactivity_dispatch", "--account", "two")
        assert code == 0
        status = shell.run("liveactivity_status")
        assert "nothing drains" not in status.stderr
        assert status.returncode == 0

    def test_accounts_with_ends_go_first(self, migrated, tmp_path):
        answer_the_first = threading.Event()

        def hold(exchange: Exchange) -> None:
            exchange.wait_for(answer_the_first.is_set)
            exchange.send(exchange.apply())

        with FakeVendor() as vendor:
            vendor.rule(hold, "PUT")
            database = Path(shutil.copy(migrated, tmp_path))
            shell = Shell(database, vendor.url, LOOP_ACCOUNTS="a b c d")
            shell.run("shell", "-v0", "-c", SHOW_ONE_CARD_ON_EACH_OF_THREE, check=True)
            with shell.start("liveactivity_dispatch", "--threads", "1") as loop:
                try:
                    wait_until(vendor.calls)
                    shell.run("liveactivity_end", "job", "--account", "d", check=True)
                    time.sleep(1)  # five looks
                    answer_the_first.set()
                    wait_until(lambda: len(vendor.calls()) == 4)
                    loop.terminate()
                    assert loop.wait(timeout=30) == 0
                finally:
                    loop.kill()
        assert [call.method for call in vendor.calls()] == ["PUT", "DELETE", "PUT", "PUT"]

    def test_goes_on_when_the_database_comes_back(self, project, sandbox):
        shell = project()
        database, away = shell.database, shell.database.with_name("away")
        database.rename(away)
        database.mkdir()  # nothing that SQLite could open
        with shell.start("liveactivity_dispatch", "--interval", "0.1") as loop:
            try:
                assert "has failed, 1 in a row" in loop.stderr.readline()
                database.rmdir()
                away.rename(database)
                shell.run("liveactivity_end", "order-42", check=True)
                wait_until(sandbox.calls)
                loop.terminate()
                assert loop.wait(timeout=30) == 0
            finally:
                loop.kill()

    def test_once_stops_at_a_signal_and_says_what_is_left(self, project, sandbox):
        shell = project("backlog", LOOP_CALLS="2")
        code, errors = stop_after_a_call(shell, sandbox, *ONCE)
        assert code == 3
        assert "It was stopped." in errors


@pytest.mark.long
class TestProgress:
    """What the command shows at a terminal, and not elsewhere."""

    def test_a_terminal_sees_a_bar_until_the_backlog_is_drained(self, project):
        screen = drain_on_terminal(project("backlog", LOOP_CALLS="20"))
        assert "default:   0%|" in screen
        assert "30/30" in screen
        assert "default: 30 calls, nothing is due." in screen

    def test_lines_stand_above_the_bar(self, project):
        screen = drain_on_terminal(project("backlog", LOOP_CALLS="20"), "-v2")
        lines = [line for line in screen.splitlines() if " INFO default: DELETE key-" in line]
        assert len(lines) == 30
        assert all(re.search(r" INFO default: DELETE key-\d+ 404 .* ms$", line) for line in lines)
        assert "30/30" in screen

    def test_a_terminal_is_left_alone_by_a_small_backlog(self, project):
        shell = project()
        shell.run("liveactivity_end", "order-42", check=True)
        assert drain_on_terminal(shell).splitlines() == ["default: 1 call, nothing is due."]

    def test_a_terminal_learns_how_to_get_the_bar(self, project, tmp_path):
        (tmp_path / "tqdm.py").write_text("raise ImportError('as if it were not installed')\n")
        shell = project("backlog")
        shell.environment["PYTHONPATH"] = os.pathsep.join(
            [str(tmp_path), shell.environment["PYTHONPATH"]]
        )
        hint, printed = drain_on_terminal(shell).splitlines()
        assert hint.endswith('pip install "django-liveactivity[progress]"')
        assert printed == "default: 30 calls, nothing is due."

    def test_a_pipe_sees_no_bar(self, project):
        once = project("backlog").run(*ONCE)
        assert (once.stdout, once.stderr) == ("default: 30 calls, nothing is due.\n", "")


def stop_after_a_call(shell: Shell, sandbox: Sandbox, *command: str) -> tuple[int, str]:
    """Start a command, stop it once it has made a call, and return its exit code and its errors."""
    with shell.start(*command) as process:
        try:
            wait_until(sandbox.calls)
            process.terminate()
            _, errors = process.communicate(timeout=30)
        finally:
            process.kill()
    return process.returncode, errors


def drain_on_terminal(shell: Shell, *options: str) -> str:
    """Drain once on a terminal, and return all that it showed."""
    ours, theirs = pty.openpty()
    with shell.start(*ONCE, *options, stdout=theirs, stderr=theirs, stdin=theirs) as once:
        os.close(theirs)
        shown = b""
        while chunk := _read(ours):
            shown += chunk
        os.close(ours)
        assert once.wait(timeout=60) == 0
    return shown.decode().replace("\r\n", "\n").replace("\r", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 4096)
    except OSError:  # Linux says so when the last writer has gone
        return b""
