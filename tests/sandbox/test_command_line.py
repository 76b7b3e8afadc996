"""The sandbox as a program, which imports nothing of the package but the lock screen."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
import urllib.request

import httpx
import pytest

from django_liveactivity.sandbox import Policy, Sandbox, add_arguments, from_arguments

from .api import PROGRESS, Api


def parsed(*arguments):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return parser.parse_args(arguments)


def test_every_option_reaches_the_sandbox():
    sandbox = from_arguments(
        parsed(
            *("--bind", "127.0.0.1:0", "--api-key", "ask_one", "--api-key", "ask_two"),
            *("--rate-limit", "5/2.5", "--window", "sliding", "--concurrent", "2", "--evict"),
            *("--latency", "0.5", "--seed", "7", "--faults", "PUT:500@3,*:reset@10%"),
            *("--channel", "ops", "--billing", "trial_expired", "--delivery", "forced"),
            *("--started-elsewhere", "pLAr-Hnq9", "--started-elsewhere", "Zx_9:progress"),
            *("--unknown-activity", "403", "--no-recipients", "404", "--retry-after", "3"),
            "--allow-remote",
        )
    )
    sandbox.close()

    policy = sandbox.policy
    assert policy.api_keys == ["ask_one", "ask_two"]
    assert (policy.rate_limit, policy.window) == ((5, 2.5), "sliding")
    assert (policy.concurrent, policy.evict, policy.channels) == (2, True, ["ops"])
    assert (policy.billing, policy.delivery) == ("trial_expired", "forced")
    assert (policy.unknown_activity, policy.no_recipients, policy.retry_after) == (403, 404, 3.0)
    assert (sandbox.latency, sandbox.allow_remote) == (0.5, True)
    alive = {card["activity_id"]: card["type"] for card in sandbox.phone()["alive"]}
    assert alive == {"pLAr-Hnq9": "segmented_progress", "Zx_9": "progress"}
    assert [fault.kind for fault in sandbox.faults] == ["500", "reset"]


def test_the_defaults_are_the_contracts():
    assert parsed().bind == "127.0.0.1:8765"
    sandbox = from_arguments(parsed("--bind", "127.0.0.1:0"))
    sandbox.close()

    assert sandbox.policy == Policy(rate_limit=(60, 60.0), window="fixed", concurrent=4)
    assert (sandbox.latency, sandbox.faults, sandbox.allow_remote) == (0.0, (), False)


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "[::]"])
def test_other_machines_are_let_in_only_on_demand(host):
    with pytest.raises(ValueError, match="lets other machines in: ask for it with --allow-remote"):
        from_arguments(parsed("--bind", f"{host}:0"))


def test_a_sandbox_that_lets_other_machines_in_listens_everywhere():
    with from_arguments(parsed("--bind", "0.0.0.0:0", "--allow-remote")) as sandbox:
        port = sandbox.base.rpartition(":")[2]
        named = {"Host": "sandbox:8765"}
        page = httpx.get(f"http://127.0.0.1:{port}/", headers=named, trust_env=False)
    assert page.status_code == 200


def test_it_listens_on_the_loopback_address_of_ipv6():
    with from_arguments(parsed("--bind", "[::1]:0")) as sandbox:
        assert sandbox.url.startswith("http://[::1]:")
        assert httpx.get(f"{sandbox.base}/phone.json", trust_env=False).json()["empty"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--bind", "8765"], "'8765' is not HOST:PORT"),
        (["--bind", "localhost:x"], "is not HOST:PORT"),
        (["--bind", "localhost:65536"], "is not HOST:PORT"),
        (["--rate-limit", "60"], "'60' is not CALLS/SECONDS"),
        (["--rate-limit", "a/b"], "is not CALLS/SECONDS"),
        (["--faults", "PUT:boom@1"], "unknown kind 'boom'"),
        (["--window", "leaky"], "invalid choice"),
        (["--started-elsewhere", ":progress"], "':progress' is not ID[:TYPE]"),
        (["--started-elsewhere", "pLAr:pie"], "the types are segmented_progress, progress"),
    ],
    ids=str,
)
def test_an_option_that_cannot_be_read_says_why(capsys, arguments, message):
    with pytest.raises(SystemExit):
        parsed(*arguments)

    assert message in capsys.readouterr().err


def test_help_is_printed(capsys):
    with pytest.raises(SystemExit):
        parsed("--help")

    assert "*:reset@10%" in capsys.readouterr().out


def test_it_runs_as_a_program():
    command = [sys.executable, "-m", "django_liveactivity.sandbox", "--bind", "127.0.0.1:0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            base = re.search(r"http://[0-9.:]+", process.stdout.readline())[0]
            with urllib.request.urlopen(f"{base}/phone.json", timeout=5) as answer:
                assert json.load(answer)["empty"] is True
        finally:
            process.terminate()


@pytest.mark.parametrize("quiet", [True, False])
def test_it_prints_a_line_for_each_call(quiet):
    command = [sys.executable, "-m", "django_liveactivity.sandbox", "--bind", "127.0.0.1:0"]
    command += ["--faults", "DELETE:reset@1,DELETE:503@2", *(["--quiet"] if quiet else [])]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            base = re.search(r"http://[0-9.:]+", process.stdout.readline())[0]
            api = Api(f"{base}/api")
            with api.http:
                api.put("deploy-42", PROGRESS)
                with pytest.raises(httpx.ReadError):
                    api.delete("deploy-42")
                api.delete("deploy-42")
                api.http.get(f"{base}/phone.json")
        finally:
            process.terminate()
        lines = process.stdout.read().splitlines()
    stream = "/api/live-activity/stream/deploy-42"
    told = [
        f"PUT {stream} 200 started",
        f"DELETE {stream} no answer (reset)",
        f"DELETE {stream} 503 Service Unavailable (503)",
    ]
    assert sorted(lines) == ([] if quiet else sorted(told))  # two connections, two threads


def test_as_a_library_it_prints_nothing(capfd):
    with Sandbox() as sandbox:
        api = Api(sandbox.url)
        with api.http:
            api.put("deploy-42", PROGRESS)
    assert capfd.readouterr() == ("", "")


def test_a_taken_address_is_reported(sandbox):
    command = [sys.executable, "-m", "django_liveactivity.sandbox"]
    command += ["--bind", sandbox.base.removeprefix("http://")]
    finished = subprocess.run(command, capture_output=True, text=True, check=False, timeout=20)

    assert finished.returncode == 2
    assert "Address already in use" in finished.stderr


def test_it_imports_the_standard_library_and_of_ours_the_lock_screen_alone():
    program = (
        "import sys, django_liveactivity; before = set(sys.modules);"
        "import django_liveactivity.sandbox, django_liveactivity.sandbox.__main__;"
        "print(*sorted(set(sys.modules) - before))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=20
    ).stdout.split()
    strangers = [
        name
        for name in loaded
        if name.split(".")[0] not in sys.stdlib_module_names
        and not name.startswith(("django_liveactivity.sandbox", "django_liveactivity.lockscreen"))
    ]

    assert strangers == []
