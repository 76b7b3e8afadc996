"""``liveactivity_dispatch --liveness-file``: what makes the file old, and what does not."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import yaml
from django.core.management import CommandError

from tests.tutorial.document import block

from .running import Shell, run, wait_until

FILE = "/tmp/liveactivity"
"""What the documents call it."""


def renewals(file: Path) -> Callable[[], bool]:
    """Return what tells whether the file has been renewed since."""
    before = file.stat().st_mtime_ns
    return lambda: file.stat().st_mtime_ns > before


@contextmanager
def loop(shell: Shell, file: Path) -> Iterator[subprocess.Popen[str]]:
    """Run a loop with a liveness file, which is there when it says that it delivers."""
    command = ("liveactivity_dispatch", "--interval", "0.1", "--liveness-file", str(file))
    with shell.start(*command) as process:
        try:
            assert "SIGTERM stops" in process.stdout.readline()
            assert file.exists()
            yield process
        finally:
            process.kill()


@pytest.mark.long
class TestAge:
    @pytest.fixture
    def file(self, tmp_path: Path) -> Path:
        return tmp_path / "alive"

    def test_a_loop_renews_it_without_its_database_and_a_stopped_one_does_not(self, project, file):
        shell = project()
        database, away = shell.database, shell.database.with_name("away")
        file.touch()
        os.utime(file, (0, 0))  # a killed one has left it
        with loop(shell, file) as process:
            wait_until(renewals(file))
            database.rename(away)
            database.mkdir()  # nothing that SQLite could open
            assert "has failed" in process.stderr.readline()
            wait_until(renewals(file))

            process.send_signal(signal.SIGSTOP)
            os.waitid(os.P_PID, process.pid, os.WSTOPPED | os.WNOWAIT)
            is_renewed = renewals(file)
            time.sleep(1.5)  # it would have been renewed each second
            assert not is_renewed()
            process.send_signal(signal.SIGCONT)
            wait_until(is_renewed)

            file.unlink()  # as what cleans /tmp does
            wait_until(file.exists)
            process.terminate()
            process.communicate(timeout=30)
        assert process.returncode == 0
        assert not file.exists()

    def test_a_loop_with_a_thread_that_is_stuck_does_not_renew_it(self, project, file):
        shell = project(
            LOOP_BACKEND="tests.commands.hanging_backend.HangingBackend", LOOP_OVERDUE="2000"
        )
        with loop(shell, file) as process:
            wait_until(renewals(file))
            shell.run("liveactivity_end", "order-42", check=True)
            wait_until(lambda: time.time() - file.stat().st_mtime > 4)
            process.kill()
            printed = process.stderr.read()
        assert "The liveness file is not renewed: a poll, a drain or a sweep hangs." in printed


class TestPath:
    @pytest.mark.parametrize(
        ("name", "problem"),
        [
            ("nowhere/alive", "nowhere/alive: No such file or directory."),
            (
                "folder",
                "folder exists and is not an empty file; give a path that nothing else uses.",
            ),
            ("full", "full exists and is not an empty file; give a path that nothing else uses."),
        ],
    )
    def test_a_wrong_one_is_refused_before_anything_starts(self, db, tmp_path, name, problem):
        (tmp_path / "folder").mkdir()
        (tmp_path / "full").write_text("of somebody else")
        with pytest.raises(CommandError, match=f"^--liveness-file: .*/{problem}$"):
            run("liveactivity_dispatch", "--liveness-file", str(tmp_path / name))
        assert (tmp_path / "full").read_text() == "of somebody else"

    def test_one_run_needs_none(self, db, tmp_path):
        with pytest.raises(CommandError, match="is for the loop: leave it or --once out"):
            run("liveactivity_dispatch", "--once", "--liveness-file", str(tmp_path / "alive"))


class TestProbes:
    """The documents' own probes, on a file that is fresh, old, or gone."""

    @pytest.fixture(params=["kubernetes", "docker"])
    def probe(self, request) -> list[str]:
        if request.param == "docker":
            line = block("how-to/run-as-a-service.md", "Restart it when it hangs", "dockerfile")
            _, _, command = line.code.partition("HEALTHCHECK")
            return ["sh", "-c", command.partition("CMD ")[2].replace("\\\n", "")]
        page = block("how-to/kubernetes-and-compose.md", "Kubernetes", "yaml")
        [container] = yaml.safe_load(page.code)["spec"]["template"]["spec"]["containers"]
        assert FILE in container["command"]
        return container["livenessProbe"]["exec"]["command"]

    @pytest.mark.parametrize(("age", "code"), [(0, 0), (30, 0), (90, 1), (None, 1)])
    def test_it_fails_for_a_file_that_is_old_or_gone(self, tmp_path, probe, age, code):
        file = tmp_path / "liveactivity"
        if age is not None:
            file.touch()
            os.utime(file, (time.time() - age,) * 2)
        command = [part.replace(FILE, str(file)) for part in probe]
        assert command != probe
        assert subprocess.run(command, capture_output=True).returncode == code
