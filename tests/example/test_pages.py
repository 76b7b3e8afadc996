"""What the reference and the how-to pages say of the code is what the code says."""

from __future__ import annotations

import ast
import re
import sys
import time
import types
from collections.abc import Iterator
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
import yaml
from activitysmith import ActivitySmith
from django.core.management import call_command, get_commands

from django_liveactivity import Progress, exceptions, services, testing
from django_liveactivity.admin.display import DerivedState
from django_liveactivity.api.serializers import OperationSerializer
from django_liveactivity.client.answer import Outcome
from django_liveactivity.conf import Timing
from django_liveactivity.content.cards import CONTENT_TYPES, Options
from django_liveactivity.content.fields import Color
from django_liveactivity.health import Condition, ProblemCode
from django_liveactivity.models import (
    Attempt,
    Heartbeat,
    LiveActivity,
    Operation,
    OperatorAction,
    Source,
)
from django_liveactivity.testing import deliver
from tests.conftest import KEY
from tests.lockscreen.samples import SEVEN

from .running import PACKAGE, ROOT
from .test_documents import blocks

DOCS = ROOT / "docs"
REFERENCE = DOCS / "reference"
VARIABLE = re.compile(r"%\(\w+\)[sd]|%[sd]")


def section(page: Path, heading: str) -> str:
    """Return what stands below a heading of the second level."""
    return page.read_text().partition(f"\n## {heading}\n")[2].partition("\n## ")[0]


def first_cells(text: str) -> list[str]:
    """Return the names, as code, in the first column of the tables of a text."""
    return re.findall(r"^\| `(\w+)`", text, re.MULTILINE)


@pytest.mark.parametrize(
    ("heading", "members"),
    [
        ("Status of a card", [*LiveActivity.Status, *DerivedState]),
        ("Kind of an operation", [*Operation.Kind]),
        ("State of an operation", [*Operation.State]),
        ("Outcomes", [*Outcome]),
        ("Condition of an account", [*Condition]),
        ("Problems", [*ProblemCode]),
        ("Source of an operation", [*Source]),
        ("Decisions of operators", [*OperatorAction.Kind]),
    ],
)
def test_the_page_of_states_names_every_member(heading, members):
    text = section(REFERENCE / "states-and-outcomes.md", heading)
    values = {str(member.value) for member in members}

    assert values <= set(re.findall(r"`(\w+)`", text))
    assert set(first_cells(text)) <= values


def test_the_page_of_exceptions_names_every_exception():
    page = (REFERENCE / "exceptions.md").read_text()
    described = re.findall(r"^\.\. autoexception:: (\w+)", page, re.MULTILINE)
    public = {
        name
        for name in exceptions.__all__
        if issubclass(getattr(exceptions, name), exceptions.LiveActivityError)
    }

    assert set(first_cells(page)) >= public == set(described)
    assert "`FieldError`" in page


def test_the_page_of_timing_has_every_default():
    page = (REFERENCE / "timing.md").read_text()
    listed = re.findall(r"^\| `(\w+)` \| (\d+) \|", page, re.MULTILINE)

    assert sorted(listed) == sorted((f.name, str(f.default)) for f in fields(Timing))


def test_the_page_of_testing_names_every_function_and_fixture():
    page = (REFERENCE / "testing.md").read_text()
    plugin = (PACKAGE / "pytest_plugin.py").read_text()
    fixtures = re.findall(r"^def (liveactivity_\w+)", plugin, re.MULTILINE)

    described = re.findall(r"^\.\. auto\w+:: (\w+)", page, re.MULTILINE)
    assert {*described, "outbox"} == set(testing.__all__)
    assert set(fixtures) <= set(first_cells(page))


def test_the_page_of_content_describes_every_field_and_color():
    page = (REFERENCE / "content.md").read_text()
    named = set(re.findall(r"`(\w+)", page))
    options = set(Options.model_fields)

    assert {name for model in CONTENT_TYPES.values() for name in model.model_fields} <= named
    assert options <= named
    assert set(Color.__args__) == set(
        re.findall(r"`(\w+)`", section(REFERENCE / "content.md", "Colors"))
    )


def test_each_picture_shows_what_the_code_beside_it_says():
    names: dict[str, object] = {}
    for block in blocks(REFERENCE / "content.md")[:-1]:
        exec(block, names)

    for type_name, sample in SEVEN.items():
        assert names[type_name].to_json() == sample.content
        assert (DOCS / "images" / f"content-{type_name}.png").exists()


def test_troubleshooting_quotes_what_the_admin_says():
    quoted = re.findall(r'"([A-Z][^"]+\.)"', (DOCS / "how-to" / "troubleshooting.md").read_text())
    known = messages(PACKAGE / "admin")
    patterns = [pattern_of(text) for text in known if len(VARIABLE.sub("", text)) > 20]

    assert len(quoted) > 15
    for sentence in quoted:
        assert any(pattern.fullmatch(sentence) for pattern in patterns), sentence


def messages(folder: Path) -> set[str]:
    """Return the sentences that the modules of a folder contain."""
    trees = [ast.parse(path.read_text()) for path in folder.glob("*.py")]
    return {
        node.value
        for tree in trees
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value
    }


def pattern_of(text: str) -> re.Pattern[str]:
    return re.compile(".+".join(map(re.escape, VARIABLE.split(text))))


def test_the_sdk_does_what_the_comparison_says(sandbox):
    sdk = ActivitySmith(api_key=KEY)
    sdk.live_activities._api.api_client.configuration.host = sandbox.url
    started = sdk.live_activities.start(title="Oven 3", type="timer", duration_seconds=60)
    sdk.live_activities.end(activity_id=started.activity_id, title="Oven 3")

    assert sandbox.calls()[-1]["body"]["content_state"] == {
        "title": "Oven 3",
        "auto_dismiss_minutes": 3,
        "counts_down": True,
        "is_running": True,
    }


def test_the_files_for_kubernetes_and_compose_run_commands_that_exist():
    files = blocks(DOCS / "how-to" / "kubernetes-and-compose.md", "yaml")
    documents = [each for text in files for each in yaml.safe_load_all(text)]
    commands = [command for each in documents for command in commands_in(each)]

    ours = [command[2] for command in commands if command[:2] == ["python", "manage.py"]]
    assert len(ours) == 5
    assert set(ours) <= {*get_commands()}


def commands_in(value: object) -> Iterator[list[str]]:
    """Yield the command of each container."""
    match value:
        case {"command": list(command)}:
            yield command
        case dict():
            for each in value.values():
                yield from commands_in(each)
        case list():
            for each in value:
                yield from commands_in(each)


def test_the_backend_of_the_page_delivers_as_it_says(monkeypatch, settings, vendor):
    module = types.ModuleType("backend_of_the_page")
    exec(blocks(DOCS / "how-to" / "write-a-backend.md")[0], module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    account = settings.LIVEACTIVITY["default"]
    backend = {"BACKEND": f"{module.__name__}.StagingBackend"}
    settings.LIVEACTIVITY = {"default": account | backend}

    cards = [
        services.stream_activity(key, Progress(title=key, percentage=40))
        for key in ("qa-7", "deploy-42")
    ]
    deliver()

    assert [call["path"] for call in vendor.calls()] == ["/api/live-activity/stream/qa-7"]
    for card in cards:
        card.refresh_from_db()
        assert card.status == "live"


def test_the_queue_of_the_page_delivers_until_the_end_has_arrived(
    monkeypatch, settings, vendor, django_capture_on_commit_callbacks
):
    module = types.ModuleType("queue_of_the_page")
    exec(blocks(DOCS / "how-to" / "deliver-with-any-queue.md")[0], module.__dict__)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    account = settings.LIVEACTIVITY["default"] | {"DISPATCHER": f"{module.__name__}.wake"}
    settings.LIVEACTIVITY = {"default": account | {"TIMING": {"backoff_first": 50}}}
    vendor.faults = "DELETE:500@1"

    with django_capture_on_commit_callbacks(execute=True):
        card = services.stream_activity("deploy-42", Progress(title="2.4", percentage=40))
    run_jobs(module)
    with django_capture_on_commit_callbacks(execute=True):
        services.end_activity(card)
    alarms = run_jobs(module)

    assert [call["method"] for call in vendor.calls()] == ["PUT", "DELETE", "DELETE"]
    assert any(alarms)  # the second one came back by an alarm
    assert Heartbeat.objects.get().beat_at is not None  # and the first drain has swept
    module.sweep_all()
    assert module.jobs == []


def run_jobs(module: types.ModuleType) -> list[int]:
    """Do what a worker does with the jobs of the page; return the alarm that each is for."""
    alarms = []
    while module.jobs:
        delay, job, (alias, alarm) = module.jobs.pop(0)
        time.sleep(delay)
        job(alias, alarm)
        alarms.append(alarm)
    return alarms


def test_an_uninstalled_app_leaves_no_end_behind(vendor):
    card = services.stream_activity("deploy-42", Progress(title="checkout 2.4", percentage=40))
    services.end_activity(card, after=timedelta(hours=3))
    deliver()
    names: dict[str, object] = {}
    for block in blocks(DOCS / "how-to" / "uninstall.md"):
        exec(block, names)
        deliver()

    assert not names["pending"].exists()
    assert vendor.phone()["empty"]


def test_restored_content_is_not_shown(vendor):
    services.stream_activity("deploy-41", Progress(title="checkout 2.3", percentage=40))
    exec(blocks(DOCS / "how-to" / "restore-a-backup.md")[0], {})
    deliver()

    assert vendor.calls() == []
    assert {*LiveActivity.objects.values_list("status", flat=True)} == {"ended"}


def test_the_second_end_by_key_asks_the_vendor_though_these_rows_never_showed_the_card(vendor):
    services.stream_activity("deploy-43", Progress(title="checkout 2.5", percentage=40))
    for _ in range(2):
        call_command("liveactivity_end", "deploy-43")
        deliver()

    assert [call["method"] for call in vendor.calls()] == ["DELETE"]


def test_the_page_of_the_endpoint_names_every_field_of_an_answer():
    page = DOCS / "how-to" / "end-over-http.md"

    assert {*first_column(section(page, "What it answers"))} >= {*OperationSerializer().fields}


def test_the_page_of_models_names_fields_that_there_are():
    page = REFERENCE / "models.md"
    for model in (LiveActivity, Operation, Attempt):
        named = first_column(section(page, model.__name__))
        assert named
        assert [name for name in named if not hasattr(model, name)] == []


def first_column(text: str) -> list[str]:
    """Return every name, as code, in the first cells of a table."""
    cells = re.findall(r"^\| ([^|]+) \|", text, re.MULTILINE)
    return [name for cell in cells for name in re.findall(r"`(\w+)`", cell)]
