"""Text of the vendor and of callers is escaped before it reaches a log or a terminal."""

from __future__ import annotations

import io
import json
import logging
import logging.config
import queue
import socket

import pytest
from django.core.management import CommandError
from hypothesis import given, strategies as st

from django_liveactivity import ModelActivity, Progress, services
from django_liveactivity.delivery import sweep
from django_liveactivity.models import LiveActivity
from django_liveactivity.printable import get_logger, printable
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.testing import assert_activity_ended, deliver

from .client.server import answer
from .clock import advance
from .commands.running import run
from .shop.models import Machine
from .tracking.orders import followed

BEGIN = "FORGED ERROR"
FORGED = (
    f"a\r\n{BEGIN} line\n{BEGIN}\x1b[2J\x1b]0;owned\x07\x9b31m\x9d\x85\x08\x7f"
    f"\u202e\u2066\u200b\u200d\ufeff\u2028{BEGIN}\u2029{BEGIN}\x0b{BEGIN}\x1d"
)


def assert_whole(text: str) -> None:
    """Assert that a text holds no unprintable character but the breaks of our own lines."""
    assert text
    for line in text.split("\n"):
        assert line.isprintable(), ascii(line)
        assert not line.startswith(BEGIN)


@pytest.fixture
def log():
    """What a terminal shows of our log: each record begins with its level."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(levelname)s:%(message)s"))
    logger = logging.getLogger("django_liveactivity")
    before = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.DEBUG)
    yield stream
    logger.removeHandler(handler)
    logger.setLevel(before)


@given(st.text(st.characters(codec=None)))
def test_every_text_becomes_printable_and_stays_so(text):
    once = printable(text)
    assert once.isprintable()
    assert printable(once) == once
    assert json.loads(f'"{once}"') == text if not {'"', "\\"} & set(text) else True


@pytest.mark.parametrize("text", ["", "Größe", "注文 42 番", "Привет", "🚀", "C:\\new", "a b"])
def test_what_people_read_stays(text):
    assert printable(text) == text


def test_an_escape_is_json_s():
    assert printable("a\r\n\x1b\x7f\u2028\U000e0001\ud800") == (
        r"a\r\n\u001b\u007f\u2028\udb40\udc01\ud800"
    )


def test_a_record_keeps_its_numbers_and_escapes_the_rest(log):
    get_logger("django_liveactivity.tests").warning("%s %d %.1f %r", FORGED, 3, 1.5, {FORGED: 1})
    assert_whole(log.getvalue())
    assert " 3 1.5 " in log.getvalue()
    assert log.getvalue().count("\n") == 1


def test_a_logger_that_is_configured_anew_goes_on_escaping(log):
    logger = get_logger("django_liveactivity.tests")
    logging.config.dictConfig(
        {"version": 1, "disable_existing_loggers": False, "loggers": {logger.name: {}}}
    )
    logger.warning("%s", FORGED)
    assert_whole(log.getvalue())


@pytest.mark.parametrize(
    "reply",
    [
        answer(status=404, body={"error": FORGED, "message": FORGED}),
        answer(status=400, body={"error": FORGED, "message": FORGED}),
        answer(status=500, raw=FORGED.encode()),
        answer(status=200, raw=FORGED.encode()),
        answer(body={"success": True, "operation": FORGED, "activity_id": FORGED}),
    ],
    ids=["404", "400", "500", "200 not JSON", "200"],
)
def test_an_answer_forges_no_line_of_the_log(scripted_vendor, log, reply):
    scripted_vendor.respond = reply
    services.stream_activity("deploy-42", Progress(title=FORGED, percentage=40), reason=FORGED)
    deliver()
    services.end_activity(activity_id="elsewhere", content={"title": "x"}, reason=FORGED)
    deliver()
    assert_whole(log.getvalue())
    lines = log.getvalue().splitlines()
    assert all(line.startswith(("INFO:default: ", "WARNING:default: ")) for line in lines)


def test_a_hook_s_exception_forges_no_line_of_the_log(vendor, log):
    class Broken(ModelActivity):
        def is_live(self, machine):
            raise ValueError(FORGED)

        def content(self, machine):
            raise NotImplementedError

    with followed(Machine, Broken):
        Machine.objects.create(hostname=FORGED)
    assert_whole(log.getvalue())
    first, *traceback = log.getvalue().splitlines()
    assert first.startswith("ERROR:")
    assert all(line.startswith("  ") for line in traceback)
    assert any("ValueError: a" in line for line in traceback)


def test_the_status_forges_no_line_of_the_terminal(scripted_vendor):
    scripted_vendor.respond = answer(status=403, body={"error": FORGED, "message": FORGED})
    services.end_activity(activity_id="elsewhere", content={"title": FORGED}, reason=FORGED)
    deliver()
    LiveActivity.objects.update(activity_id=FORGED)  # as the vendor may have renamed it
    advance(301)
    sweep(lambda _: None)
    for arguments in (["--json"], []):
        out = io.StringIO()
        with pytest.raises(CommandError) as problem:
            run("liveactivity_status", *arguments, stdout=out)
        assert_whole(out.getvalue())
        assert_whole(str(problem.value))
        assert "owned" in out.getvalue()
        if arguments:
            assert json.loads(out.getvalue())["accounts"][0]["operator_cards"]["names"] == [FORGED]


def test_a_database_s_error_forges_no_line_of_the_terminal(vendor, settings):
    account = settings.LIVEACTIVITY["default"]
    settings.LIVEACTIVITY = {"default": account | {"DATABASE": FORGED}}
    with pytest.raises(CommandError, match="its rows cannot be read") as problem:
        run("liveactivity_status")
    assert_whole(str(problem.value))


def test_an_end_by_hand_forges_no_line_of_the_terminal(vendor):
    content = json.dumps({"title": "x", FORGED: 1})
    with pytest.raises(CommandError, match="Nothing was ended") as problem:
        run("liveactivity_end", "deploy-42", "--content", content)
    assert_whole(str(problem.value))
    assert "owned" in str(problem.value)
    assert_whole(run("liveactivity_end", "deploy-42", "--title", FORGED, "--reason", FORGED))


def test_dispatch_forges_no_line_of_the_terminal(scripted_vendor):
    scripted_vendor.respond = answer(status=401, body={"error": FORGED, "message": FORGED})
    services.end_activity(stream_key="deploy-42", reason=FORGED)
    with pytest.raises(CommandError) as left:
        run("liveactivity_dispatch", "--once")
    assert_whole(str(left.value))


def test_reconcile_forges_no_line_of_the_terminal(vendor):
    machine = Machine.objects.create(hostname=FORGED)
    services.stream_activity("m", Progress(title=FORGED, percentage=40), subject=machine)
    machine.delete()
    printed = run("liveactivity_reconcile")
    assert_whole(printed)
    assert printed.startswith("end m (shop.Machine a")
    with pytest.raises(CommandError) as problem:
        run("liveactivity_reconcile", f"{FORGED}.Model")
    assert_whole(str(problem.value))


def test_the_console_backend_shows_json_that_forges_no_line(settings, db, capsys):
    backend = "django_liveactivity.backends.console.ConsoleBackend"
    settings.LIVEACTIVITY = {"default": {"BACKEND": backend}}
    services.stream_activity("deploy-42", Progress(title=FORGED, percentage=40))
    deliver()
    printed = capsys.readouterr().out
    assert_whole(printed)
    body = printed.partition("\n")[2].partition("\n---")[0]
    assert json.loads(body)["content_state"]["title"] == FORGED


def test_a_failed_assertion_forges_no_line(liveactivity_outbox, db):
    services.stream_activity("deploy-42", Progress(title=FORGED, percentage=40))
    deliver()
    with pytest.raises(AssertionError) as failed:
        assert_activity_ended("deploy-42", title=FORGED)
    assert_whole(str(failed.value))


def test_the_sandbox_s_lines_cannot_be_forged():
    lines: queue.Queue[str] = queue.Queue()
    request = "PUT /api/live-activity/stream/a\x1b[2J\x9b31m\x7f HTTP/1.1\r\n\r\n"
    with Sandbox(echo=lines.put) as sandbox:
        address = sandbox.base.removeprefix("http://").split(":")
        with socket.create_connection((address[0], int(address[1]))) as client:
            client.sendall(request.encode("latin-1"))
            line = lines.get(timeout=20)
    assert line.isprintable()
    assert line.startswith(r"PUT /api/live-activity/stream/a\x1b[2J\x9b31m")
