"""``liveactivity_dev``: a project's sandbox, loop and site in one terminal, and no vendor."""

from __future__ import annotations

import itertools
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shutil import copy

import httpx
import pytest
from django.core.management import CommandError

from django_liveactivity.sandbox import Sandbox
from tests.ports import free_port

from .running import ROOT, run, wait_until

SETTINGS = """
from tests.commands.loop_settings import *
DEBUG = True
ROOT_URLCONF = "site_urls"
INSTALLED_APPS += ["django.contrib.admin", "django.contrib.auth", "django.contrib.contenttypes"]
SILENCED_SYSTEM_CHECKS += [f"admin.E{n}" for n in (403, 406, 408, 409, 410)]
"""
URLS = """
from django.contrib import admin
from django.http import HttpResponse
from django.urls import path
urlpatterns = [path("", lambda request: HttpResponse("first")), path("admin/", admin.site.urls)]
"""
MANAGE = """
import os, sys
from django.core.management import execute_from_command_line
os.environ["DJANGO_SETTINGS_MODULE"] = "site_settings"
execute_from_command_line(sys.argv)
"""


def processes(session: int) -> list[str]:
    """Return the processes of a terminal's session that still run."""
    listed = subprocess.run(["ps", "-eo", "sid=,stat=,args="], capture_output=True, text=True)
    lines = [line.split(maxsplit=2) for line in listed.stdout.splitlines()]
    return [line[2] for line in lines if line[0] == str(session) and not line[1].startswith("Z")]


class Terminal:
    """A terminal with ``liveactivity_dev`` at work, and what it has printed."""

    def __init__(self, process: subprocess.Popen[str], ports: dict[str, int]) -> None:
        self.process, self.ports = process, ports
        self.lines: list[str] = []
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def _read(self) -> None:
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    def has(self, start: str) -> bool:
        return any(line.startswith(start) for line in self.lines)

    def get(self, name: str, path: str = "/") -> str:
        address = f"http://127.0.0.1:{self.ports[name]}{path}"
        try:
            return httpx.get(address, trust_env=False, verify=False).text
        except httpx.TransportError:  # it starts, or reloads
            return ""

    def finish(self) -> int:
        code = self.process.wait(30)
        self.reader.join()
        return code


class Project:
    """A developer's project, with a manage.py."""

    def __init__(self, folder: Path, database: Path) -> None:
        self.folder = folder
        self.ports = {"site": free_port(), "sandbox": free_port()}
        for name, text in [
            ("site_settings.py", SETTINGS),
            ("site_urls.py", URLS),
            ("manage.py", MANAGE),
        ]:
            (folder / name).write_text(text)
        self.environment = os.environ | {
            "LOOP_DATABASE": str(copy(database, folder)),
            "LOOP_BASE_URL": f"http://localhost:{self.ports['sandbox']}/api",
            "PYTHONPATH": str(ROOT),
        }

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            command, cwd=self.folder, env=self.environment, text=True, capture_output=True
        )

    @contextmanager
    def develop(self, *options: str) -> Iterator[Terminal]:
        """Run the command, from another folder, in a session of its own as a terminal's is."""
        manage = [sys.executable, str(self.folder / "manage.py")]
        process = subprocess.Popen(
            [*manage, "liveactivity_dev", str(self.ports["site"]), *options],
            env=self.environment,
            cwd=self.folder.parent,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        terminal = Terminal(process, self.ports)
        try:
            yield terminal
        finally:
            if processes(process.pid):
                os.killpg(process.pid, signal.SIGKILL)
            terminal.finish()
            process.stdout.close()


@pytest.fixture
def project(tmp_path, migrated):
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(folder, migrated)


@pytest.mark.long
class TestInOneTerminal:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
    def test_all_three_run_and_all_three_stop(self, project, number):
        with project.develop() as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            assert terminal.has(f"Site   http://127.0.0.1:{terminal.ports['site']}/")
            admin = "/admin/django_liveactivity/liveactivity/"
            assert terminal.has(f"Admin  http://127.0.0.1:{terminal.ports['site']}{admin}")
            assert terminal.has(f"Phone  http://127.0.0.1:{terminal.ports['sandbox']}/")
            wait_until(lambda: terminal.has("site     | Django version"))

            assert project.manage("liveactivity_end", "order-42").returncode == 0
            wait_until(
                lambda: terminal.has("sandbox  | DELETE /api/live-activity/stream/order-42 404")
            )
            logged = re.compile(r"delivery \| .* DELETE order-42 404")
            wait_until(lambda: logged.search("\n".join(terminal.lines)))
            assert "stream/order-42" in terminal.get("sandbox")

            assert len(processes(terminal.process.pid)) == 3  # the reloader is one, too
            terminal.process.send_signal(number)
            assert terminal.finish() == 0
            assert processes(terminal.process.pid) == []
            assert terminal.lines[-1] == "Stopped."
            assert terminal.get("site") == terminal.get("sandbox") == ""

    def test_ctrl_c_reaches_every_process_of_the_terminal_at_once(self, project):
        with project.develop() as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            os.killpg(terminal.process.pid, signal.SIGINT)
            assert terminal.finish() == 0
            assert processes(terminal.process.pid) == []

    def test_the_site_reloads_when_its_code_changes(self, project):
        with project.develop() as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            urls = project.folder / "site_urls.py"
            urls.write_text(URLS.replace("first", "second"))
            # Django's reloader does not know of a change before its first look at the file.
            later = itertools.count(time.time() + 1)
            wait_until(
                lambda: os.utime(urls, (next(later),) * 2) or terminal.get("site") == "second"
            )
            assert terminal.process.poll() is None

    def test_a_call_that_a_fault_holds_up_does_not_keep_it_from_stopping(self, project):
        with project.develop() as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            faults = f"http://127.0.0.1:{terminal.ports['sandbox']}/faults"
            httpx.post(faults, data={"rules": "*:hang@1+"}, trust_env=False).raise_for_status()
            project.manage("liveactivity_end", "order-42")
            wait_until(lambda: "stream/order-42" in terminal.get("sandbox"))
            terminal.process.terminate()
            assert terminal.process.wait(8) == 0  # a call would wait for 15 s

    def test_a_site_that_cannot_start_ends_all(self, project):
        with socket.create_server(("127.0.0.1", project.ports["site"])):
            with project.develop() as terminal:
                assert terminal.finish() == 1
        assert "site     | Error: That port is already in use." in terminal.lines
        assert terminal.lines[-1] == "CommandError: Django's server has ended with 1: see above."

    def test_delivery_can_be_left_to_others(self, project):
        project.manage("liveactivity_end", "order-42")
        with project.develop("--no-loop") as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            assert terminal.get("sandbox", "/calls.json").strip() == "[]"
            terminal.process.terminate()
            assert terminal.finish() == 0


class TestNothingReachesTheVendor:
    @pytest.mark.parametrize(
        "base_url",
        [
            "https://activitysmith.com/api",
            "https://127.0.0.1.example.com/api",
            "https://192.0.2.1/api",
        ],
    )
    def test_an_account_of_the_vendor_s_is_named(self, configure, base_url):
        configure(base_url=base_url)
        with pytest.raises(CommandError) as refused:
            run("liveactivity_dev")
        assert str(refused.value) == (
            f"LIVEACTIVITY['default'] calls {base_url}, so its cards could reach real phones. "
            'Write "base_url": "http://127.0.0.1:8765/api" in its OPTIONS to develop with the '
            "sandbox. Nothing was started, and nothing sent."
        )

    def test_one_account_of_several_is_enough(self, configure, settings):
        configure(base_url="http://127.0.0.1:1/api")
        local = settings.LIVEACTIVITY["default"]
        real = local | {"OPTIONS": {"api_key": "ask_test"}}
        settings.LIVEACTIVITY = {"default": local, "alerts": real}
        with pytest.raises(CommandError, match=r"LIVEACTIVITY\['alerts'\] calls https://activity"):
            run("liveactivity_dev")

    def test_a_backend_that_names_no_address_is_refused(self, settings):
        settings.LIVEACTIVITY = {"default": {"BACKEND": "django_liveactivity.backends.BaseBackend"}}
        with pytest.raises(CommandError, match="calls the network, so its cards could"):
            run("liveactivity_dev")

    @pytest.mark.parametrize(
        "base_url", ["http://127.0.0.1:1", "http://127.0.0.1:1/v2", "https://127.0.0.1:1/api"]
    )
    def test_an_address_that_no_sandbox_has_is_named(self, configure, base_url):
        configure(base_url=base_url)
        refused = f"calls {base_url}, which is not the address of a sandbox"
        with pytest.raises(CommandError, match=refused):
            run("liveactivity_dev")

    def test_accounts_without_a_network_need_no_sandbox(self, settings):
        backend = "django_liveactivity.backends.dummy.DummyBackend"
        settings.LIVEACTIVITY = {"default": {"BACKEND": backend}}
        with pytest.raises(CommandError, match="No account of LIVEACTIVITY calls a sandbox"):
            run("liveactivity_dev")

    def test_an_address_that_is_taken_is_named(self, configure):
        with Sandbox() as other:
            configure(base_url=other.url)
            with pytest.raises(CommandError) as refused:
                run("liveactivity_dev")
        address = other.base.removeprefix("http://")
        assert str(refused.value) == (
            f"Something serves {address} already, such as liveactivity_sandbox in another terminal."
            " Stop it, or choose another port in base_url (LIVEACTIVITY['default'])."
        )
