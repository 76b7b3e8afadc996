"""The commands, as an operator types them."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from django_liveactivity import Progress, services
from django_liveactivity.models import Operation
from tests.clock import advance

ROOT = Path(__file__).parents[2]
CONTENT = Progress(title="Order 42", percentage=40)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


class TestDispatchOnce:
    def test_delivers_until_nothing_is_due(self, vendor):
        for number in range(3):
            services.stream_activity(f"card-{number}", CONTENT)
        assert run("liveactivity_dispatch", "--once") == "default: 3 calls, nothing is due.\n"
        assert len(vendor.phone()["alive"]) == 3

    def test_sits_through_the_account_s_pace(self, configure, sandbox, db):
        configure(rate_limit=(3, 1))
        for number in range(5):
            services.end_activity(stream_key=f"key-{number}")
        assert "5 calls" in run("liveactivity_dispatch", "--once")

    def test_fails_when_the_account_is_blocked(self, vendor):
        vendor.policy.api_keys = ["another"]
        services.end_activity(stream_key="order-42")
        with pytest.raises(CommandError, match="default: 1 calls, and the account is blocked"):
            run("liveactivity_dispatch", "--once")

    def test_names_an_unknown_account(self, vendor):
        with pytest.raises(CommandError, match="no account 'other'"):
            run("liveactivity_dispatch", "--once", "--account", "other")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_loop_delivers_and_stops_when_it_is_told(tmp_path, sandbox, number):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.commands.loop_settings",
        "LOOP_DATABASE": str(tmp_path / "loop.sqlite3"),
        "LOOP_BASE_URL": sandbox.url,
        "PYTHONPATH": str(ROOT),
        "PYTHONUNBUFFERED": "1",
    }
    django = [sys.executable, "-m", "django"]
    subprocess.run([*django, "migrate", "-v0"], env=environment, check=True, timeout=60)
    with subprocess.Popen(
        [*django, "liveactivity_dispatch", "--interval", "0.1"],
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
    ) as loop:
        try:
            assert "SIGTERM stops" in loop.stdout.readline()
            subprocess.run(
                [*django, "liveactivity_end", "order-42"], env=environment, check=True, timeout=60
            )
            for _ in range(200):
                if sandbox.calls():
                    break
                loop.poll()
                signal.sigtimedwait([], 0.05)
            loop.send_signal(number)
            assert loop.wait(timeout=30) == 0
            assert "what was begun is finished" in loop.stdout.read()
        finally:
            loop.kill()
    assert [call["method"] for call in sandbox.calls()] == ["DELETE"]


class TestEnd:
    def test_ends_by_key_and_by_id(self, vendor):
        services.stream_activity("order-42", CONTENT)
        out = run(
            "liveactivity_end",
            "order-42",
            "--activity-id",
            "some-id",
            "--title",
            "Done",
            "--reason",
            "stuck",
        )
        ends = Operation.objects.filter(kind="end")
        assert [str(end.activity) for end in ends] == ["order-42", "some-id"]
        assert {(end.source, end.reason) for end in ends} == {("command", "stuck")}
        assert "order-42: end" in out

    def test_ends_all_or_none(self, vendor):
        with pytest.raises(CommandError, match=r"Nothing was ended\. stream_key: "):
            run("liveactivity_end", "order-42", "a/b")
        assert not Operation.objects.exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "at least one stream key"),
            (["key", "--content", "{"], "--content is no JSON"),
            (["key", "--content", "[]"], "must be a JSON object"),
            (["key", "--account", "other"], "no account 'other'"),
            (["--activity-id", "x"], "content: "),
            (["key", "--title", "x", "--dismiss-after", "-1"], "dismiss_after: "),
        ],
    )
    def test_says_what_to_do(self, vendor, arguments, message):
        with pytest.raises(CommandError, match=message):
            run("liveactivity_end", *arguments)

    def test_takes_content_and_a_dismissal(self, vendor):
        content = json.dumps({"title": "Done", "type": "progress", "percentage": 100})
        run("liveactivity_end", "key", "--content", content, "--dismiss-after", "0")
        end = Operation.objects.get()
        assert (end.content["percentage"], end.dismiss_seconds) == (100, 0)


class TestStatus:
    def test_is_a_table(self, vendor):
        services.stream_activity("order-42", CONTENT)
        header, row = run("liveactivity_status").splitlines()
        assert header.split()[:2] == ["account", "condition"]
        assert row.split()[:3] == ["default", "open", "1"]

    def test_is_json(self, vendor):
        services.end_activity(stream_key="order-42")
        [account] = json.loads(run("liveactivity_status", "--json"))
        assert account["due_ends"] == 1
        assert account["condition"] == "open"

    def test_fails_when_an_end_has_been_due_for_more_than_five_minutes(self, vendor):
        services.end_activity(stream_key="order-42")
        run("liveactivity_status")
        advance(301)
        with pytest.raises(CommandError, match="over 5 minutes: default"):
            run("liveactivity_status")

    def test_says_why_an_account_is_blocked(self, vendor):
        from django_liveactivity.delivery import drain

        vendor.policy.api_keys = ["another"]
        services.end_activity(stream_key="order-42")
        drain(patience=0)
        assert "default: unauthorized 401" in run("liveactivity_status")


def test_the_sandbox_serves_until_it_is_told_to_stop():
    import httpx

    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.settings",
        "PYTHONPATH": str(ROOT),
    }
    command = [sys.executable, "-m", "django", "liveactivity_sandbox", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        try:
            address = process.stdout.readline().split()[2]
            headers = {"Authorization": "Bearer ask_test"}
            response = httpx.delete(f"{address}/live-activity/stream/x", headers=headers)
            assert response.status_code == 404
            process.terminate()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def test_the_sandbox_says_what_is_wrong_with_its_options():
    with pytest.raises(CommandError, match="faults"):
        call_command("liveactivity_sandbox", "--faults", "PUT:nonsense@1")
