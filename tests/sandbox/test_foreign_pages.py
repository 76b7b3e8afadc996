"""Pages of other sites, open in the developer's browser, reach nothing here."""

from __future__ import annotations

import httpx
import pytest

from .api import PROGRESS

KEY = {"Authorization": "Bearer ask_test"}


@pytest.fixture
def ask(run):
    """Ask a sandbox, and return the status and what it prints."""
    lines = []
    sandbox = run(echo=lines.append)

    def send(method, path, **headers):
        names = {name.replace("_", "-"): value for name, value in headers.items()}
        body = {"content_state": PROGRESS} if method == "PUT" else None
        address = sandbox.base + path.replace("SELF", sandbox.base)
        return httpx.request(method, address, headers=KEY | names, json=body, trust_env=False)

    send.sandbox, send.lines = sandbox, lines
    return send


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:9", "127.0.0.1:80", "127.8.9.1", "[::1]:80", "a.localhost"]
)
def test_a_name_of_this_machine_is_answered(ask, host):
    assert ask("GET", "/", Host=host).status_code == 200
    assert ask("PUT", "/api/live-activity/stream/a", Host=host).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:8765", "127.0.0.1.evil.example", "192.0.2.1", "[::1", "x]"],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/calls.json"),
        ("GET", "/static/page.js"),
        ("POST", "/reset"),
        ("PUT", "/api/live-activity/stream/a"),
    ],
)
def test_a_name_that_was_pointed_here_is_not(ask, host, method, path):
    answer = ask(method, path, Host=host)

    assert answer.status_code == 403
    assert "--allow-remote" in answer.json()["message"]
    assert "error" not in answer.json()  # it is not the vendor who refuses
    assert ask.sandbox.calls() == []
    assert ask.lines == [f"{method} {path} 403 {answer.json()['message']}"]


def test_a_service_s_name_is_answered_if_other_machines_may_come(run, call_as):
    sandbox = run(allow_remote=True)
    api = call_as(sandbox)
    named = {"Host": "sandbox:8765"}

    assert api.call("PUT", "/live-activity/stream/a", {"content_state": PROGRESS}, headers=named)
    assert api.http.get(f"{sandbox.base}/", headers=named).status_code == 200
    assert not sandbox.phone()["empty"]


@pytest.mark.parametrize(
    "path", ["/reset", "/faults", "/phone/start/x", "/api/live-activity/start"]
)
@pytest.mark.parametrize(
    "headers",
    [
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site", "Origin": "http://127.0.0.1:8000"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "null"},
    ],
    ids=str,
)
def test_a_page_of_another_site_presses_no_button(ask, path, headers):
    answer = ask("POST", path, **headers)

    assert answer.status_code == 403
    assert ask.sandbox.phone()["empty"]
    assert ask.sandbox.calls() == []


@pytest.mark.parametrize("site", ["same-origin", "none"])
def test_the_page_s_own_buttons_are_pressed(ask, site):
    assert ask("POST", "/phone/start/x", Sec_Fetch_Site=site).status_code == 200


def test_an_origin_of_its_own_is_enough_for_old_browsers(ask):
    origin = {"Origin": ask.sandbox.base}

    assert ask("POST", "/phone/start/x", **origin).status_code == 200


def test_a_page_of_another_site_may_link_here(ask):
    assert ask("GET", "/", Sec_Fetch_Site="cross-site").status_code == 200


def test_a_refused_address_cannot_forge_a_line(ask):
    ask("GET", "/%0d%0a", Host="evil.example\x1b[2J")

    assert len(ask.lines) == 1
    assert "\x1b" not in ask.lines[0]
