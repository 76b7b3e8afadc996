"""``liveactivity_status``: a table, JSON, and an exit code for whoever watches."""

from __future__ import annotations

import datetime as dt
import json

import pytest
from django.core.management import CommandError, call_command

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.management.commands.liveactivity_status import duration
from django_liveactivity.models import AccountState
from tests.clock import advance

from .running import run

CONTENT = Progress(title="Order 42", percentage=40)


def beat() -> None:
    sweep(lambda _: None)


def test_is_a_table(vendor):
    services.stream_activity("order-42", CONTENT)
    beat()
    header, row = run("liveactivity_status").splitlines()
    assert header.split("  ")[:2] == ["account", "condition"]
    assert row.split()[:3] == ["default", "open", "1"]
    assert row.endswith("no limit      0 s ago")


def test_a_project_that_was_never_used_is_well(vendor):
    assert run("liveactivity_status").splitlines()[1].endswith("never")


def test_says_how_many_slots_are_in_use(configure, sandbox, db):
    configure(rate_limit=(60, 60))
    services.end_activity(stream_key="order-42")
    drain(patience=0)
    beat()
    assert "1 of 60" in run("liveactivity_status")


def test_is_json(vendor):
    services.end_activity(stream_key="order-42")
    beat()
    told = json.loads(run("liveactivity_status", "--json"))
    assert (told["ok"], told["problems"]) == (True, [])
    [account] = told["accounts"]
    assert account["due_ends"] == 1
    assert account["condition"] == "open"


def test_json_tells_of_problems_too(vendor, capsys):
    services.end_activity(stream_key="order-42")
    with pytest.raises(CommandError):
        call_command("liveactivity_status", "--json")
    told = json.loads(capsys.readouterr().out)
    assert not told["ok"]
    assert [(p["account"], p["code"]) for p in told["problems"]] == [("default", "silent")]


def test_fails_when_an_end_has_been_due_for_more_than_five_minutes(vendor):
    services.end_activity(stream_key="order-42")
    beat()
    run("liveactivity_status")
    advance(301)
    beat()
    with pytest.raises(CommandError, match=r"^default: an end has been due for 5 minutes\.$"):
        run("liveactivity_status")


def test_fails_when_nothing_drains(vendor):
    services.end_activity(stream_key="later", after=dt.timedelta(days=1))
    beat()
    advance(91)
    with pytest.raises(CommandError, match="nothing drains: the last sweep was 9. s ago; run"):
        run("liveactivity_status")


def test_says_why_an_account_is_blocked_and_until_when(vendor):
    vendor.policy.api_keys = ["another"]
    services.end_activity(stream_key="order-42")
    drain(patience=0)
    beat()
    line = run("liveactivity_status").splitlines()[-1]
    assert line.startswith(
        "default: The vendor refuses the account (unauthorized 401): "
        "check its api_key and base_url. "
        "The next call may be made in "
    )


def test_does_not_doubt_the_key_when_the_vendor_fails(vendor):
    vendor.faults = "*:500@1+"
    for number in range(5):
        services.end_activity(stream_key=f"order-{number}")
    drain(patience=0)
    beat()
    line = run("liveactivity_status").splitlines()[-1]
    assert line.startswith("default: Calls fail, 5 in a row (the last: ambiguous 500): ")
    assert "api_key" not in line


def test_says_until_when_an_account_is_frozen(vendor):
    vendor.faults = "DELETE:429@1"
    services.end_activity(stream_key="order-42")
    drain(patience=0)
    beat()
    assert "default: The vendor answered 429. The next call" in run("liveactivity_status")


def test_an_account_whose_database_is_away_does_not_hide_the_others(vendor, settings, capsys):
    account = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"away": account | {"DATABASE": "nowhere"}, "default": account}
    with pytest.raises(CommandError, match=r"^away: its rows cannot be read: .*nowhere"):
        call_command("liveactivity_status")
    rows = capsys.readouterr().out.splitlines()
    assert rows[1].split()[:3] == ["away", "unreadable", "?"]
    assert rows[2].split()[:3] == ["default", "open", "0"]


def test_says_what_to_add_to_settings_without_an_account(settings):
    settings.LIVEACTIVITY = {}
    with pytest.raises(CommandError, match="names no account"):
        run("liveactivity_status")


def test_a_look_at_the_status_leaves_no_trace_while_all_is_well(vendor):
    run("liveactivity_status")
    assert not AccountState.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(None, "-"), (0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
