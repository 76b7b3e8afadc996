"""``liveactivity_end`` and ``liveactivity_sandbox``, as an operator types them."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest
from django.core.management import CommandError, call_command

from django_liveactivity import Progress, services
from django_liveactivity.client import Client
from django_liveactivity.delivery import drain
from django_liveactivity.models import Operation
from tests.shop.models import Order

from .running import ROOT, run

CONTENT = Progress(title="Order 42", percentage=40)


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

    def test_ends_each_card_of_an_object(self, vendor, capsys):
        order, other = Order.objects.create(), Order.objects.create()
        for key, subject in [("a", order), ("b", order), ("c", other)]:
            services.stream_activity(key, CONTENT, subject=subject)
        out = run("liveactivity_end", "--subject", f"shop.Order:{order.pk}", "--title", "Done")
        assert [str(end.activity) for end in Operation.objects.filter(kind="end")] == ["a", "b"]
        assert "a: end" in out

        run("liveactivity_end", "--subject", f"shop.order:{order.pk}")
        warned = capsys.readouterr().err
        assert f"shop.Order:{order.pk}: no live activity of this object is open" in warned
        assert Operation.objects.filter(kind="end").count() == 2

    def test_an_object_may_be_deleted(self, vendor):
        order = Order.objects.create()
        services.stream_activity("order-42", CONTENT, subject=order)
        name = f"shop.Order:{order.pk}"
        order.delete()
        assert "order-42: end" in run("liveactivity_end", "--subject", name)

    def test_ends_all_or_none(self, vendor):
        with pytest.raises(CommandError, match=r"Nothing was ended\. stream_key: "):
            run("liveactivity_end", "order-42", "a/b")
        assert not Operation.objects.exists()

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "at least one stream key"),
            (["--subject", "shop.Order"], "'shop.Order': write it as shop.Order:42"),
            (["--subject", "shop.Nothing:1"], "'shop.Nothing:1': .*'Nothing'"),
            (["--subject", "Order:1"], "'Order:1': "),
            (["--subject", "shop.Order:one"], "'shop.Order:one': subject: "),
            (
                ["--subject", "shop.Order:1", "--content", '{"activity_id": "x"}'],
                "is the body of activity_id 'x'; name no other",
            ),
            (["key", "--content", "{"], "--content is not JSON"),
            (["key", "--content", "[" * 100_000], "--content is not JSON"),
            (["key", "--content", "no-such.json"], "neither JSON nor a file that can be read"),
            (["key", "--content", "no\0file"], "neither JSON nor a file that can be read"),
            (
                ["key", "--content", '{"content_state": {"title": "x"}, "account": "other"}'],
                "unknown field 'account'. A body may have activity_id, content_state, action",
            ),
            (["key", "--content", '{"titel": "x"}'], "Nothing was ended.*titel: "),
            (
                ["key", "--content", '{"activity_id": "x"}'],
                "body of activity_id 'x'; name no other",
            ),
            (["--content", '{"activity_id": 5, "content_state": {"title": "x"}}'], "activity_id: "),
            (["--content", '{"content_state": {"title": "x"}}'], "at least one stream key"),
            (
                [
                    "key",
                    "--dismiss-after=60",
                    "--content",
                    '{"title": "x", "auto_dismiss_minutes": 2}',
                ],
                "auto_dismiss_minutes: contradicts dismiss_after",
            ),
            (["key", "--content", "[]"], "must be a JSON object"),
            (
                ["key", "--content", '{"title": "x", "title": "y"}'],
                "--content is not JSON: 'title' is given more than once",
            ),
            (["key", "--account", "other"], "no account 'other'"),
            (["--activity-id", "x"], "content: "),
            (["key", "--title", "x", "--content", "{}"], "either --title or --content"),
            (
                ["key", "--title", "x", "--dismiss-after", "-1"],
                "dismiss_after: .*0 seconds to 4 hours",
            ),
            (
                ["key", "--title", "x", "--dismiss-after", "14401"],
                "dismiss_after: .*0 seconds to 4 hours",
            ),
            (["key", "--title", "x", "--dismiss-after", "nan"], "is nan: give 0 to 14400 seconds"),
            (["key", "--title", "x", "--dismiss-after", "1e20"], "give 0 to 14400 seconds"),
        ],
    )
    def test_says_what_to_do(self, vendor, arguments, message):
        with pytest.raises(CommandError, match=message):
            run("liveactivity_end", *arguments)

    def test_a_name_that_was_never_shown_is_pointed_at(self, vendor, capsys):
        services.stream_activity("order-42", CONTENT)
        call_command("liveactivity_end", "order-42", "ordr-42")
        out, err = capsys.readouterr()
        assert "ordr-42: end" in out
        assert "ordr-42: this project has shown no live activity of that name." in err
        assert "order-42: no live activity" not in err

    def test_an_end_that_the_vendor_refuses_is_no_success(self, vendor):
        run("liveactivity_end", "--activity-id", "some-id", "--title", "Done")
        drain()
        refusal = r"^some-id: does not end\. The vendor refuses end \d+ \(not_found\)"
        with pytest.raises(CommandError, match=refusal):
            run("liveactivity_end", "--activity-id", "some-id", "--title", "Done")

    @pytest.mark.django_db(transaction=True)
    def test_what_was_delivered_at_once_is_told(self, vendor, settings):
        default = settings.LIVEACTIVITY["default"]
        settings.LIVEACTIVITY = {"default": default | {"DISPATCHER": "immediate"}}
        with pytest.raises(CommandError, match=r"some-id: does not end\."):
            run("liveactivity_end", "--activity-id", "some-id", "--title", "Done")
        services.stream_activity("order-42", CONTENT)
        assert "is done (delivered)." in run("liveactivity_end", "order-42")

    def test_what_has_ended_is_said_to_have_ended(self, vendor):
        with Client("ask_test_0123456789", base_url=vendor.url) as client:
            identity = client.start(CONTENT).activity_id
        arguments = ["liveactivity_end", "--activity-id", identity, "--title", "Done"]
        assert "is stored." in run(*arguments)
        drain()
        assert "had already ended" in run(*arguments)

    def test_says_that_nothing_drains(self, vendor, capsys):
        call_command("liveactivity_end", "order-42")
        assert "The stored ends wait: nothing drains" in capsys.readouterr().err

    def test_a_user_without_a_name_has_a_number(self, db, monkeypatch):
        def nameless():
            raise KeyError("getpwuid(): uid not found: 12345")

        monkeypatch.setattr("getpass.getuser", nameless)
        run("liveactivity_end", "key")
        assert Operation.objects.get().actor == str(os.getuid())

    def test_takes_content_and_a_dismissal(self, vendor):
        content = json.dumps({"title": "Done", "type": "progress", "percentage": 100})
        run("liveactivity_end", "key", "--content", content, "--dismiss-after", "0")
        end = Operation.objects.get()
        assert (end.content["percentage"], end.dismiss_seconds) == (100, 0)


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
            assert (response.status_code, response.json()["error"]) == (
                404,
                "Live Activity stream not found",
            )
            process.terminate()
            assert process.wait(timeout=30) == 0
        finally:
            process.kill()


def test_the_sandbox_says_what_is_wrong_with_its_options():
    with pytest.raises(CommandError, match="faults"):
        call_command("liveactivity_sandbox", "--faults", "PUT:nonsense@1")


def test_the_sandbox_keeps_to_this_machine_unless_it_is_told_otherwise():
    with pytest.raises(CommandError, match=r"0\.0\.0\.0 lets other machines in: .*--allow-remote"):
        call_command("liveactivity_sandbox", "--bind", "0.0.0.0:0")
