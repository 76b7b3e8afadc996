"""The demo ends a card in each way, and notices when one did not end."""

from __future__ import annotations

import re
import signal
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from . import running

pytestmark = pytest.mark.long

SCENARIOS = [
    "service call",
    "context manager",
    "model signal",
    "row deletion",
    "admin action",
    "endpoint",
    "schedule",
    "command",
    "activity id",
]
TYPES = {"segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"}


def manage(*arguments, **variables):
    """Run ``manage.py`` by settings that make no login slow."""
    quick = {"DJANGO_SETTINGS_MODULE": "tests.example.demo_settings"}
    return running.manage(*arguments, **quick, **variables)


def addresses(run):
    """Read the addresses that the demo prints, and ``--serve`` once more at its end."""
    return {name: run.line(f"{name}  ") for name in ("Site", "Admin", "Login", "Phone")}


def alive(served):
    """Return the types of the cards that are alive on the phone."""
    phone = httpx.get(
        f"{served['Phone']}phone.json", verify=False
    ).json()  # no TLS, no certificates to load
    return {card["type"] for card in phone["alive"]}


def wait_for(condition):
    """Return when another process has brought the condition about; fail after 20 s."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_each_way_ends_its_card_and_serve_stays_until_it_is_stopped():
    with manage("demo", "--serve", LIVEACTIVITY_DISPATCHER="none") as run:
        first = addresses(run)
        assert httpx.get(first["Phone"], headers={"Accept": "text/html"}).status_code == 200
        run.line("ENDED: 9 cards of 7 types.")
        assert "$ manage.py liveactivity_dispatch --once" in run.output
        assert "default: 1 call, nothing is due." in run.output
        served = addresses(run)
        assert served == first
        run.line("Three more cards are alive.")

        assert [row[0] for row in run.table] == SCENARIOS
        assert {row[1] for row in run.table} == TYPES
        for scenario, _, _, call, status, end in run.table:
            method = "POST /end" if scenario == "activity id" else "DELETE /stream/"
            assert call.startswith(method), scenario
            assert call.endswith(" 200"), scenario
            assert (status, end) == ("ended", "done, delivered"), scenario

        with httpx.Client(base_url=served["Site"], follow_redirects=True) as visitor:
            assert "Nothing has been deployed" not in visitor.get("/").text
            login = visitor.get("/admin/login/?next=/admin/django_liveactivity/liveactivity/")
            name, password = served["Login"].split(" / ")
            values = {"username": name, "password": password}
            token = {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
            assert "db-2-disk" in visitor.post(login.url, data=values | token).text
            assert visitor.get(served["Admin"]).status_code == 200

            wait_for(lambda: alive(served) == {"segmented_progress", "progress", "alert"})
            assert "db-2-disk" in visitor.get(served["Phone"]).text
            token = {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
            home = visitor.post("/orders/2/cancel/", data=token)
            assert "Ramen" not in home.text
            wait_for(lambda: alive(served) == {"segmented_progress", "alert"})
        assert len(httpx.get(f"{served['Phone']}calls.json").json()) > len(SCENARIOS)

        run.process.send_signal(signal.SIGINT)
        run.process.terminate()  # an impatient user: two signals at once
        assert run.finish() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(served["Site"])


def leave_a_card_on_the_phone(run):
    httpx.put(
        f"{run.sandbox}/live-activity/stream/not-ours",
        json={"content_state": {"title": "Not ours", "type": "alert", "message": "Hi"}},
        headers={"Authorization": "Bearer ask_somebody_else"},
    ).raise_for_status()


def lose_the_calls(run):
    httpx.post(f"{run.sandbox.removesuffix('/api')}/reset").raise_for_status()


def change_the_row(run):
    database = sqlite3.connect(run.file, timeout=20)
    with database:
        database.execute(
            "UPDATE django_liveactivity_liveactivity SET status = 'live' WHERE stream_key = 'web-1'"
        )
    database.close()


def found_after(sabotage, file, *options):
    """Return what the demo finds after interference behind its first card."""
    with manage("demo", *options, DATABASE_URL=f"sqlite:///{file}") as run:
        run.sandbox, run.file = run.line("Sandbox   ").split()[0], file
        run.line("service call: ")
        sabotage(run)
        code = run.finish()
    (line,) = (line for line in run.lines if line.startswith("NOT ENDED: "))
    assert code == 1
    return line.removeprefix("NOT ENDED: ").rstrip(".").split("; ")


def test_phone_calls_and_rows_each_fail_the_demo(tmp_path):
    with ThreadPoolExecutor() as pool:
        phone = pool.submit(found_after, leave_a_card_on_the_phone, tmp_path / "1")
        calls = pool.submit(found_after, lose_the_calls, tmp_path / "2")
        row = pool.submit(found_after, change_the_row, tmp_path / "3", "--faults", "DELETE:500@2")

    assert phone.result() == ["still alive on the phone: not-ours (alert)"]
    assert calls.result()[0] == (
        "service call: no acknowledged end among the calls that the sandbox received"
    )
    # An end that is answered 500 is sent again: that fault alone fails nothing.
    assert row.result() == ["service call: the row says live, its end done, delivered"]


def test_faults_that_cannot_be_read_are_named():
    with manage("demo", "--faults", "DELTE:400@1") as run:
        assert run.finish() == 1

    assert re.search("cannot start: unknown method 'DELTE'", run.output)
