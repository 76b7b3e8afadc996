"""What Sentry and Rollbar send with their defaults, which is every variable of every frame."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.long
ROOT = Path(__file__).parents[2]
CANARY = "ask_canary_5f2b7c91d0/a+b="
MISTAKES = 25
ERRORS = ("ImproperlyConfigured", "UnknownKeyError", "MissingKeyError", "KeyError")
FAULTS = {
    "failing_backend": "KeyError",
    "interrupted_call": "TimeLimitExceeded",
    "quoting_transport": "RuntimeError",
    "host_s_own_fault": "ZeroDivisionError",
    "control": "ZeroDivisionError",
}


@pytest.fixture(scope="module", params=["sentry", "rollbar"])
def reported(request) -> dict[str, str]:
    """What was sent for each fault of the host."""
    environment = os.environ | {
        "CANARY": CANARY,
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "TEST_DATABASE": "sqlite",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "tests.reporting", request.param]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return {name: "\n".join(sent) for name, sent in json.loads(done.stdout).items()}


def test_every_mistake_is_reported_with_the_variables_of_our_frames_and_no_key(reported):
    mistakes = reported.keys() - FAULTS.keys()
    assert len(mistakes) == MISTAKES
    for name in mistakes:
        assert any(error in reported[name] for error in ERRORS), name
        assert "alias" in reported[name], name
    assert [name for name in mistakes if shows_the_key(reported[name])] == []


@pytest.mark.parametrize("fault", sorted(FAULTS.keys() - {"control"}))
def test_a_fault_while_the_key_is_in_use_is_reported_without_it(reported, fault):
    assert FAULTS[fault] in reported[fault]
    assert not shows_the_key(reported[fault])


def test_the_reporter_reads_variables(reported):
    assert shows_the_key(reported["control"])


def shows_the_key(sent: str) -> bool:
    return any(part in sent for part in ("canary", "5f2b7c91d0", r"\u005F", r"\\u0063"))
