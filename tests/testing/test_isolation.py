"""No test reaches a phone unless it allows the network: a host's suite, run by both runners."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
HOST = "tests.testing.host"
SAID_OTHERWISE = ["phones.invalid"]


class Host:
    """A host project; ``reached`` is what its processes looked up or connected to elsewhere."""

    def __init__(self, directory: Path) -> None:
        self.notes = directory / "notes"
        self.notes.touch()
        kept = {name: value for name, value in os.environ.items() if "PYTEST" not in name}
        self.environment = kept | {
            "DJANGO_SETTINGS_MODULE": f"{HOST}.settings",
            "HOST_NOTES": str(self.notes),
            "PYTHONPATH": str(ROOT),
        }

    @property
    def reached(self) -> list[str]:
        return self.notes.read_text().split()

    def run(self, *command: str, **environment: str) -> str:
        done = subprocess.run(
            [sys.executable, *command],
            env=self.environment | environment,
            cwd=ROOT,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout + done.stderr

    def pytest(self, module: str, *options: str) -> str:
        # Not with the settings of this project's own tests.
        path = f"tests/testing/host/{module}.py"
        settings = ["-c", os.devnull, "--rootdir", str(ROOT), "-p", "no:cacheprovider"]
        return self.run("-m", "pytest", "-q", *settings, *options, path)


@pytest.fixture
def host(tmp_path) -> Host:
    return Host(tmp_path)


def test_with_django_s_runner(host):
    printed = host.run("-m", "django", "test", f"{HOST}.suite")
    assert re.search(r"Ran 13 tests.*\n\nOK", printed, re.DOTALL), printed
    assert host.reached == SAID_OTHERWISE


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_with_django_s_runner_in_parallel(host, method):
    command = ["-m", "django", "test", "--parallel", "2", f"{HOST}.suite"]
    printed = host.run(*command, HOST_START_METHOD=method)
    assert re.search(r"Ran 13 tests.*\n\nOK", printed, re.DOTALL), printed
    assert host.reached == SAID_OTHERWISE


def test_with_pytest_and_no_fixture(host):
    assert "13 passed" in host.pytest("suite")
    assert host.reached == SAID_OTHERWISE


def test_with_pytest_in_its_own_style(host):
    assert "6 passed" in host.pytest("with_pytest")
    assert host.reached == SAID_OTHERWISE


def test_with_pytest_in_parallel(host):
    assert "13 passed" in host.pytest("suite", "-n", "2")
    assert host.reached == SAID_OTHERWISE


def test_without_pytest_django(host):
    assert "2 passed" in host.pytest("without_pytest_django", "-p", "no:django")
    assert host.reached == []


def test_the_plugin_costs_nothing_without_django(host):
    del host.environment["DJANGO_SETTINGS_MODULE"]
    assert "1 passed" in host.pytest("without_django", "-p", "no:django")


NO_TEST = """
import django
django.setup()
from django.core.mail.backends.locmem import EmailBackend
EmailBackend()  # makes mail.outbox, as in any project that keeps its mails in memory
from tests.testing.host import suite
print(suite.get_backend().send(suite.CALL).outcome, len(suite.outbox))
"""
A_SHELL = """
import django
django.setup()
from django.test.utils import setup_test_environment, teardown_test_environment
from tests.testing.host import suite
for prepare in (setup_test_environment, teardown_test_environment):
    prepare()
    print(suite.get_backend().send(suite.CALL).outcome, len(suite.outbox))
"""


def test_a_process_that_runs_no_tests_reaches_its_address(host):
    assert host.run("-c", NO_TEST).split() == ["not_sent", "0"]
    assert host.reached == ["phones.invalid"]


def test_a_shell_is_a_test_environment_for_as_long_as_it_says(host):
    assert host.run("-c", A_SHELL).split() == ["delivered", "1", "not_sent", "1"]
    assert host.reached == ["phones.invalid"]
