"""The pages about OpenTelemetry and Sentry, word for word, in hosts of their own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.commands.conftest import migrated, project  # noqa: F401 - fixtures

ROOT = Path(__file__).parents[2]
CANARY = "ask_canary_7c1e40b95f"
pytestmark = pytest.mark.long


@pytest.fixture
def watch(project, tmp_path):  # noqa: F811 - the fixture
    """Return what a library is told by a host that a page has set up."""

    def run(what: str, page: str, **variables: str) -> Any:
        shell = project(LOOP_KEY=CANARY, **variables)
        environment = shell.environment | {
            "BEAT_FILE": str(tmp_path / "beat"),
            "DJANGO_SETTINGS_MODULE": "tests.reporting.page_settings",
            "PAGE_OF_SETTINGS": page,
        }
        command = [sys.executable, "-m", "tests.reporting.monitored_host", what]
        done = subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        assert CANARY not in done.stdout
        return json.loads(done.stdout.splitlines()[-1])  # the status is above

    return run


def test_a_drain_and_its_call_are_spans_without_the_key(watch, sandbox):
    spans = watch(
        "tracing",
        "how-to/opentelemetry.md#The calls",
        OTEL_SEMCONV_STABILITY_OPT_IN="http",
        OTEL_INSTRUMENTATION_HTTP_CAPTURE_HEADERS_CLIENT_REQUEST=".*",
    )
    [drain] = [span for span in spans if span["name"] == "run/django_liveactivity.drain"]
    [call] = [span for span in spans if span["name"] == "DELETE"]
    assert call["parent_id"] == drain["context"]["span_id"]
    facts = call["attributes"]
    assert facts["url.full"] == f"{sandbox.url}/live-activity/stream/order-42"
    assert facts["http.response.status_code"] == 404
    captured = [name for name in facts if name.startswith("http.request.header.")]
    assert "http.request.header.user_agent" in captured
    assert "http.request.header.authorization" not in captured
    assert len(sandbox.calls()) == 1


def test_sentry_is_told_of_each_run_and_of_one_that_fails(watch):
    told = watch("crons", "how-to/sentry.md#With Celery")
    checked_in = [each["item"] for each in told if each["type"] == "check_in"]
    runs = {item["check_in_id"]: item["monitor_slug"] for item in checked_in}
    statuses = [
        (slug, [item["status"] for item in checked_in if item["check_in_id"] == run])
        for run, slug in runs.items()
    ]
    assert sorted(statuses) == [
        ("liveactivity", ["in_progress", "error"]),
        ("liveactivity", ["in_progress", "ok"]),
        ("liveactivity-health", ["in_progress", "ok"]),
        ("liveactivity-reconcile", ["in_progress", "ok"]),
    ]
    configured = {item["monitor_slug"]: item["monitor_config"]["schedule"] for item in checked_in}
    assert configured["liveactivity-health"] == {"type": "interval", "value": 1, "unit": "minute"}
    events = [each["item"]["logentry"] for each in told if each["type"] == "event"]
    assert any("nothing drains" in str(entry) for entry in events)
