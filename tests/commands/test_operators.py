"""What an operator does on the command line: list cards, end all of them, try a phone."""

from __future__ import annotations

import json
import signal

import pytest
from django.core.management import CommandError

from django_liveactivity import Progress, services
from django_liveactivity.delivery import drain
from django_liveactivity.models import LiveActivity, Operation
from tests.shop.models import Order

from .running import run, wait_until

CONTENT = Progress(title="Order 42", percentage=40)
LOCMEM = "django_liveactivity.backends.locmem.LocmemBackend"


def listed(*arguments: str) -> list[dict[str, object]]:
    return json.loads(run("liveactivity_list", "--format", "json", *arguments))


def names(*arguments: str) -> list[object]:
    return [row["name"] for row in listed(*arguments)]


class TestList:
    @pytest.fixture(autouse=True)
    def _cards(self, vendor, settings):
        settings.LIVEACTIVITY = {**settings.LIVEACTIVITY, "other": {"BACKEND": LOCMEM}}
        self.order = Order.objects.create()
        services.stream_activity("ended", CONTENT, subject=self.order)
        services.end_activity(stream_key="ended")
        drain()
        services.stream_activity("live", CONTENT, subject=self.order)
        drain()
        services.stream_activity("elsewhere", CONTENT, account="other")
        LiveActivity.objects.filter(stream_key="live").update(needs_attention=True)

    @pytest.mark.parametrize(
        ("arguments", "found"),
        [
            ([], ["elsewhere", "live"]),
            (["--account", "default"], ["live"]),
            (["--account", "default", "--account", "other"], ["elsewhere", "live"]),
            (["--state", "ended"], ["ended"]),
            (["--state", "ended", "--state", "live"], ["live", "ended"]),
            (["--needs-attention"], ["live"]),
            (["--limit", "1"], ["elsewhere"]),
            (["--account", "other", "--state", "ended"], []),
        ],
    )
    def test_shows_the_cards_that_are_asked_for(self, arguments, found):
        assert names(*arguments) == found

    def test_shows_every_card_of_an_object(self):
        assert names("--subject", f"shop.Order:{self.order.pk}") == ["live", "ended"]
        assert names("--subject", f"shop.Order:{self.order.pk + 1}") == []

    def test_tells_programs_all_of_a_card(self):
        [row] = listed("--state", "ended")
        card = LiveActivity.objects.get(stream_key="ended")
        assert row == {
            "id": card.pk,
            "account": "default",
            "state": "ended",
            "name": "ended",
            "stream_key": "ended",
            "activity_id": None,
            "type": "progress",
            "title": "Order 42",
            "subject": f"shop.Order:{self.order.pk}",
            "created": card.created.isoformat(timespec="seconds"),
            "ended": card.ended.isoformat(timespec="seconds"),
            "needs_attention": False,
        }

    def test_tells_people_a_line_of_each(self, capsys):
        head, first, second = run("liveactivity_list").splitlines()
        assert head.split() == ["account", "state", "name", "title", "subject", "created"]
        assert first.split()[:3] == ["other", "pending", "elsewhere"]
        assert second.startswith("default  live     live       Order 42  shop.Order:")
        assert second.endswith("  needs attention")
        run("liveactivity_list", "--limit", "1")
        assert "There are more: the newest 1 are listed" in capsys.readouterr().err

    def test_says_that_there_is_none(self):
        assert run("liveactivity_list", "--state", "failed") == "No live activities.\n"

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--account", "nowhere"], "no account 'nowhere'"),
            (["--limit", "0"], "--limit: give a number above 0"),
            (["--subject", "shop.Order"], "write it as shop.Order:42"),
            (["--state", "dismissed"], "invalid choice"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, arguments, message):
        with pytest.raises(CommandError, match=message):
            run("liveactivity_list", *arguments)


class TestEndAll:
    @pytest.fixture(autouse=True)
    def _cards(self, vendor, settings):
        settings.LIVEACTIVITY = {**settings.LIVEACTIVITY, "other": {"BACKEND": LOCMEM}}
        services.stream_activity("elsewhere", CONTENT, account="other")
        for key in ("a", "b", "c"):
            services.stream_activity(key, CONTENT)
        services.end_activity(stream_key="c")

    def ends(self) -> list[tuple[str, str]]:
        ends = Operation.objects.filter(kind="end").order_by("pk")
        return [(str(end.activity), end.source) for end in ends]

    def test_ends_every_live_card_of_the_account(self):
        arguments = ["--title", "Closed", "--dismiss-after", "60", "--reason", "flood"]
        out = run("liveactivity_end", "--all", "--yes", *arguments)
        assert "2 live activities of the account 'default': ends stored." in out
        assert sorted(self.ends()) == [("a", "command"), ("b", "command"), ("c", "service")]
        end = Operation.objects.filter(kind="end", source="command").first()
        assert (end.content["title"], end.content["percentage"]) == ("Closed", 40)
        assert (end.dismiss_seconds, end.reason) == (60, "flood")
        assert "0 live activities" in run("liveactivity_end", "--all", "--yes")

    def test_ends_many_in_few_statements(self, django_assert_max_num_queries):
        for number in range(40):
            services.stream_activity(f"k-{number}", CONTENT)
        with django_assert_max_num_queries(12):
            run("liveactivity_end", "--all", "--yes")
        assert len(self.ends()) == 43

    @pytest.mark.parametrize(("answer", "count"), [("yes", 3), ("y", 3), ("no", 1), ("", 1)])
    def test_asks_before(self, monkeypatch, answer, count):
        asked = []
        monkeypatch.setattr("sys.stdin.isatty", lambda: True)
        monkeypatch.setattr("builtins.input", lambda text: asked.append(text) or answer)
        if count == 1:
            with pytest.raises(CommandError, match=r"Nothing was done\."):
                run("liveactivity_end", "--all")
        else:
            run("liveactivity_end", "--all")
        assert asked == ["End 2 live activities of the account 'default'? [yes/no] "]
        assert len(self.ends()) == count

    def test_needs_a_yes_where_none_can_be_asked(self, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(CommandError, match="give --yes"):
            run("liveactivity_end", "--all")
        assert len(self.ends()) == 1

    @pytest.mark.parametrize(
        "more", [["a"], ["--activity-id", "x"], ["--subject", "shop.Order:1"], ["--content", "{}"]]
    )
    def test_takes_no_names_beside(self, more):
        with pytest.raises(CommandError, match="--all ends every card"):
            run("liveactivity_end", "--all", "--yes", *more)

    def test_stops_at_a_wrong_option(self):
        with pytest.raises(CommandError, match="Not all were ended.*account 'nowhere'"):
            run("liveactivity_end", "--all", "--yes", "--account", "nowhere")


class TestStrict:
    @pytest.mark.parametrize("name", [["misspelled"], ["--subject", "shop.Order:99999"]])
    def test_exits_3_for_what_this_project_does_not_know(self, vendor, name):
        run("liveactivity_end", *name)
        with pytest.raises(CommandError, match="--strict") as error:
            run("liveactivity_end", "--strict", *name)
        assert error.value.returncode == 3

    def test_exits_0_for_what_it_knows(self, vendor):
        services.stream_activity("a", CONTENT)
        assert "a: end" in run("liveactivity_end", "--strict", "a")

    def test_counts_cards_that_do_not_end_with_all(self, vendor):
        services.track_activity("pLAr-1", CONTENT)
        with pytest.raises(CommandError) as error:
            run("liveactivity_end", "--all", "--yes", "--strict", "--dismiss-after", "99999999")
        assert error.value.returncode == 3
        assert not Operation.objects.filter(kind="end").exists()


class TestTest:
    def test_shows_a_card_and_ends_it(self, vendor):
        out = run("liveactivity_test", "--yes", "--seconds", "0")
        [card] = LiveActivity.objects.all()
        assert card.stream_key.startswith("liveactivity-test-")
        assert [(c["method"], c["status"]) for c in vendor.calls()] == [
            ("PUT", 200),
            ("DELETE", 200),
        ]
        assert f"{card}: shown (HTTP 200, delivered)." in out
        assert f"{card}: ended (HTTP 200, delivered)." in out
        assert "The account 'default' shows a card on all devices that its key reaches" in out
        assert vendor.phone()["empty"]
        assert set(Operation.objects.values_list("source", flat=True)) == {"command"}

    def test_may_go_to_some_channels(self, vendor):
        out = run("liveactivity_test", "--yes", "--seconds", "0", "--channel", "ops")
        assert "the channels ops" in out
        assert LiveActivity.objects.get().channels == ["ops"]

    def test_fails_where_the_vendor_refuses_and_ends_all_the_same(self, vendor, capsys):
        vendor.faults = "PUT:422@1"
        with pytest.raises(CommandError, match="The test failed"):
            run("liveactivity_test", "--yes", "--seconds", "0")
        assert "HTTP 422" in capsys.readouterr().err
        assert Operation.objects.filter(kind="end").count() == 1

    def test_says_that_no_phone_shows_it(self, settings, db, capsys):
        settings.LIVEACTIVITY = {"default": {"BACKEND": LOCMEM}}
        run("liveactivity_test", "--yes", "--seconds", "0")
        assert "no phone shows the card" in capsys.readouterr().err

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--seconds", "301"], "--seconds: give 0 to 300"),
            (["--account", "nowhere"], "no account 'nowhere'"),
            (["--channel", ""], "Nothing was shown. channels"),
        ],
    )
    def test_refuses_what_it_cannot_read(self, vendor, arguments, message):
        with pytest.raises(CommandError, match=message):
            run("liveactivity_test", "--yes", *arguments)
        assert not LiveActivity.objects.exists()

    def test_asks_before(self, vendor, monkeypatch):
        monkeypatch.setattr("sys.stdin.isatty", lambda: False)
        with pytest.raises(CommandError, match="give --yes"):
            run("liveactivity_test")
        assert vendor.calls() == []

    def test_ends_the_card_when_it_is_stopped(self, project, sandbox):
        test = project().start("liveactivity_test", "--yes", "--seconds", "300")
        wait_until(lambda: not sandbox.phone()["empty"])
        test.send_signal(signal.SIGTERM)
        out, _ = test.communicate(timeout=30)
        assert test.returncode == 0, out
        assert sandbox.phone()["empty"]
