"""The demo ends a card in each way, and notices when one did not end."""

from __future__ import annotations

import re
import sqlite3

import httpx
import pytest

from example_project.demo.browser import read_forms

from .running import manage

WAYS = [
    "service call",
    "context manager",
    "model signal",
    "row deletion",
    "admin action",
    "endpoint",
    "schedule",
    "command",
    "bare activity_id",
]
TYPES = {"segmented_progress", "progress", "metrics", "stats", "alert", "timer", "value"}


def addresses(run):
    """Read the addresses that ``--serve`` prints last."""
    names = ("Site", "Admin", "Login", "Phone", "Calls")
    return {name: run.line(f"{name}  ") for name in names}


def alive(served):
    """Return the types of the cards that are alive on the phone."""
    return {card["type"] for card in httpx.get(served["Phone"]).json()["alive"]}


def test_each_way_ends_its_card_and_serve_stays_until_it_is_stopped():
    with manage("demo", "--serve") as run:
        run.line("ENDED: 9 cards of 7 types.")
        served = addresses(run)
        run.line("Three more cards are alive.")

        assert [row[0] for row in run.table] == WAYS
        assert {row[1] for row in run.table} == TYPES
        for way, _, _, call, status, end in run.table:
            method = "POST /end" if way == "bare activity_id" else "DELETE /stream/"
            assert call.startswith(method), way
            assert call.endswith(" 200"), way
            assert (status, end) == ("ended", "done, delivered"), way

        with httpx.Client(base_url=served["Site"], follow_redirects=True) as visitor:
            assert "Nothing has been deployed" not in visitor.get("/").text
            login = visitor.get("/admin/login/?next=/admin/django_liveactivity/liveactivity/")
            name, password = served["Login"].split(" / ")
            values = read_forms(login.text)[-1].values | {"username": name, "password": password}
            assert "db-2-disk" in visitor.post(login.url, data=values).text
            assert visitor.get(served["Admin"]).status_code == 200

            assert alive(served) == {"segmented_progress", "progress", "alert"}
            token = {"csrfmiddlewaretoken": visitor.cookies["csrftoken"]}
            home = visitor.post("/orders/2/cancel/", data=token)
            assert "Ramen" not in home.text
            assert alive(served) == {"segmented_progress", "alert"}
        assert len(httpx.get(served["Calls"]).json()) > len(WAYS)

        run.process.terminate()
        assert run.finish() == 0
        with pytest.raises(httpx.ConnectError):
            httpx.get(served["Site"])


def test_without_a_dispatcher_the_command_delivers():
    with manage("demo", LIVEACTIVITY_DISPATCHER="none") as run:
        assert run.finish() == 0

    assert [row[0] for row in run.table] == WAYS
    assert "$ manage.py liveactivity_dispatch --once" in run.output
    assert "default: 1 calls, nothing is due." in run.output


def verdict(run):
    """Let the demo come to an end, expect it to fail, and return what it found."""
    sandbox_found = run.finish()
    assert sandbox_found == 1, run.output
    (line,) = (line for line in run.lines if line.startswith("NOT ENDED: "))
    return line.removeprefix("NOT ENDED: ").rstrip(".").split("; ")


def test_a_card_that_is_alive_on_the_phone_fails_the_demo():
    with manage("demo") as run:
        url = run.line("Sandbox   ").split()[0]
        httpx.put(
            f"{url}/live-activity/stream/not-ours",
            json={"content_state": {"title": "Not ours", "type": "alert", "message": "Hi"}},
            headers={"Authorization": "Bearer ask_somebody_else"},
        ).raise_for_status()

        assert verdict(run) == ["still alive on the phone: not-ours (alert)"]


def test_an_end_that_the_vendor_does_not_know_of_fails_the_demo():
    with manage("demo") as run:
        url = run.line("Sandbox   ").split()[0]
        run.line("service call: ")
        httpx.post(f"{url.removesuffix('/api')}/reset").raise_for_status()

        found = verdict(run)

    assert "service call: no acknowledged end among the calls that the sandbox received" in found
    assert not [problem for problem in found if "alive" in problem]
    assert not [problem for problem in found if problem.startswith("service call: the row")]


def test_a_row_that_says_something_else_fails_the_demo_and_a_repeated_end_does_not(tmp_path):
    file = tmp_path / "demo.sqlite3"
    url = f"sqlite:///{file}"
    with manage("demo", "--faults", "DELETE:500@2", DATABASE_URL=url) as run:
        run.line("service call: ")
        database = sqlite3.connect(file, timeout=20)
        with database:
            database.execute(
                "UPDATE django_liveactivity_liveactivity SET status = 'live' "
                "WHERE stream_key = 'web-1'"
            )
        database.close()

        assert verdict(run) == ["service call: the row says live, its end done, delivered"]


def test_faults_that_cannot_be_read_are_named():
    with manage("demo", "--faults", "DELTE:400@1") as run:
        assert run.finish() == 1

    assert re.search("cannot start: unknown method 'DELTE'", run.output)
