"""``liveactivity_status``: a block per account, JSON, and an exit code for a monitor."""

from __future__ import annotations

import datetime as dt
import io
import json

import pytest
from django.core.management import CommandError, call_command

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain
from django_liveactivity.management.commands.liveactivity_status import duration
from django_liveactivity.models import AccountState, Attempt
from tests.clock import advance
from tests.delivery.vocabulary import beat

from .running import run

CONTENT = Progress(title="Order 42", percentage=40)


def unwrapped(text: str) -> str:
    return " ".join(text.split())


def test_is_a_block_per_account(vendor):
    services.stream_activity("order-42", CONTENT)
    beat()
    assert run("liveactivity_status") == (
        "default: open\n"
        "  backlog           1\n"
        "  due ends          0\n"
        "  needs attention   0\n"
        "  failures of hooks 0\n"
        "  slots in use      no limit\n"
        "  last sweep        0 s ago\n"
    )


def test_a_project_that_was_never_used_is_well(vendor):
    assert run("liveactivity_status").endswith("last sweep        never\n")


def test_says_how_many_slots_are_in_use(configure, sandbox, db):
    configure(rate_limit=(60, 60))
    services.end_activity(stream_key="order-42")
    drain()
    beat()
    assert "1 of 60" in run("liveactivity_status")


def test_is_json(vendor):
    services.end_activity(stream_key="order-42")
    beat()
    printed = json.loads(run("liveactivity_status", "--json"))
    assert (printed["ok"], printed["problems"]) == (True, [])
    [account] = printed["accounts"]
    assert account["due_ends"] == 1
    assert account["condition"] == "open"


def test_json_tells_of_problems_too(vendor, capsys):
    services.end_activity(stream_key="order-42")
    with pytest.raises(CommandError):
        call_command("liveactivity_status", "--json")
    printed = json.loads(capsys.readouterr().out)
    assert not printed["ok"]
    assert [(p["account"], p["code"]) for p in printed["problems"]] == [("default", "silent")]


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
    drain()
    beat()
    assert (
        "The vendor refuses the account (unauthorized 401): check its api_key and base_url. "
        "The next call may be made in "
    ) in unwrapped(run("liveactivity_status"))


def test_does_not_doubt_the_key_when_the_vendor_fails(vendor):
    vendor.faults = "*:500@1+"
    for number in range(5):
        services.end_activity(stream_key=f"order-{number}")
    drain()
    beat()
    printed = unwrapped(run("liveactivity_status"))
    assert "Calls fail, 5 in a row (the last: ambiguous 500): " in printed
    assert "api_key" not in printed


def test_says_until_when_an_account_is_frozen(vendor):
    vendor.faults = "DELETE:429@1"
    services.end_activity(stream_key="order-42")
    drain()
    beat()
    assert "  The vendor has asked for a pause. The next call may" in run("liveactivity_status")


class TestNames:
    """Which cards the problems are of, so that an operator knows where to look."""

    def test_the_cards_that_are_overdue(self, vendor):
        for number in range(3):
            services.end_activity(stream_key=f"order-{number}")
        services.end_activity(stream_key="order-0", content=CONTENT)  # one more of the same card
        advance(301)
        services.end_activity(stream_key="fresh")
        beat()
        assert "\n  Overdue: order-0, order-1, order-2.\n" in problems()

    def test_the_cards_that_need_an_operator(self, vendor):
        services.end_activity(activity_id="elsewhere", content=CONTENT)
        drain()
        beat()
        assert "\n  Needs an operator: elsewhere.\n" in run("liveactivity_status")

    def test_the_cards_that_need_attention(self, vendor):
        vendor.policy.delivery = "forced"
        card = services.stream_activity("order-42", CONTENT)
        drain()
        services.end_activity(card)
        drain()
        beat()
        assert "\n  Needs attention: order-42.\n" in run("liveactivity_status")

    def test_no_more_than_ten_by_name(self, vendor):
        for number in range(22):
            services.end_activity(stream_key=f"order-{number}")
        advance(301)
        beat()
        printed = unwrapped(problems())
        assert "Overdue: order-0, order-1, " in printed
        assert printed.endswith(", order-9 and 12 more.")

    def test_json_has_them_too(self, vendor):
        services.end_activity(activity_id="elsewhere", content=CONTENT)
        drain()
        beat()
        [account] = json.loads(run("liveactivity_status", "--json"))["accounts"]
        assert account["operator_cards"] == {"count": 1, "names": ["elsewhere"]}
        assert account["overdue_cards"] == {"count": 0, "names": []}


def problems() -> str:
    """What is printed beside the error."""
    out = io.StringIO()
    with pytest.raises(CommandError):
        run("liveactivity_status", stdout=out)
    return out.getvalue()


class TestTheVendorsLimit:
    def test_the_cards_that_wait_for_it_are_told_apart(self, vendor):
        for number in range(7):
            services.stream_activity(f"deploy-{number}", CONTENT)
        drain()
        beat()
        printed = run("liveactivity_status")
        assert printed.startswith("default: limit\n")
        assert (
            "\n  3 cards wait: 4 are alive, which is the vendor's limit. The next call for a"
            in printed
        )

    def test_newer_content_makes_no_further_card(self, vendor):
        for number in range(5):
            services.stream_activity(f"deploy-{number}", CONTENT)
        drain()
        services.stream_activity("deploy-4", Progress(title="Order 42", percentage=50))
        drain()
        beat()
        assert "\n  1 card waits: " in run("liveactivity_status")

    def test_the_number_is_the_vendors(self, vendor):
        vendor.policy.concurrent = 2
        for number in range(3):
            services.stream_activity(f"deploy-{number}", CONTENT)
        drain()
        Attempt.objects.filter(outcome="limit_reached").update(answer='{"limit": null}')
        beat()
        printed = unwrapped(run("liveactivity_status"))
        assert "1 card waits: as many are alive as the vendor allows. " in printed


def test_no_line_is_wider_than_80_columns(vendor, settings):
    alias = "a" * 64
    settings.LIVEACTIVITY = {alias: settings.LIVEACTIVITY["default"]}
    vendor.faults = "DELETE:403@1+"
    for number in range(12):
        key = f"{number:x}" * 128 + "-" * 100
        services.end_activity(stream_key=key[:255], account=alias)
    drain(alias)
    vendor.faults, vendor.policy.api_keys = "", ["another"]
    services.end_activity(stream_key="order-42", account=alias)
    drain(alias)
    advance(301)
    beat()
    printed = problems()
    assert "Overdue: " in printed
    assert "Needs an operator: " in printed
    assert "The vendor refuses the account" in printed
    assert max(map(len, printed.splitlines())) <= 80


def test_no_problem_is_wider_than_80_columns(vendor):
    services.end_activity(stream_key="order-42")
    with pytest.raises(CommandError, match="nothing drains") as caught:
        run("liveactivity_status")
    lines = f"CommandError: {caught.value}".splitlines()
    assert len(lines) == 2
    assert max(map(len, lines)) <= 80


def test_an_account_whose_database_is_away_does_not_hide_the_others(vendor, settings, capsys):
    account = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"away": account | {"DATABASE": "nowhere"}, "default": account}
    with pytest.raises(CommandError, match=r"^away: its rows cannot be read: .*nowhere"):
        call_command("liveactivity_status")
    rows = capsys.readouterr().out.splitlines()
    assert rows[:4] == ["away: unreadable", "", "default: open", "  backlog           0"]


def test_says_what_to_add_to_settings_without_an_account(settings):
    settings.LIVEACTIVITY = {}
    with pytest.raises(CommandError, match="names no account"):
        run("liveactivity_status")


def test_a_look_at_the_status_leaves_no_trace_while_all_is_well(vendor):
    run("liveactivity_status")
    assert not AccountState.objects.exists()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [(0.4, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2 h"), (172_800, "2 d")],
)
def test_durations_are_said_as_people_say_them(seconds, said):
    assert duration(seconds) == said
