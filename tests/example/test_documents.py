"""What the documents tell a reader to run: their Python, against the sandbox, and their commands.

A block that cannot run has a comment before it, ``<!-- not run: why -->``; it compiles all the
same. tests/tutorial follows two documents in a project of their own.
"""

from __future__ import annotations

import ast
import inspect
import json
import re
import shlex
import sys
import tomllib
from configparser import ConfigParser
from importlib.util import find_spec

import pytest
import yaml
from django.contrib import admin
from django.core.management import get_commands, load_command_class
from django.dispatch import Signal
from django.template import Template

from django_liveactivity import tracking
from django_liveactivity.backends.activitysmith import ActivitySmithBackend
from django_liveactivity.checks.accounts import check_accounts
from django_liveactivity.delivery import drain
from django_liveactivity.health import Condition, ProblemCode
from django_liveactivity.models import LiveActivity
from tests import shop
from tests.shop import models as shop_models

from .running import PACKAGE, ROOT

README = ROOT / "README.md"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DOCUMENTS = [*ROOT.glob("*.md"), *sorted((ROOT / "docs").rglob("*.md"))]
FOLLOWED = {
    ROOT / "docs/tutorial.md": "## From here",
    ROOT / "docs/tutorial-customers.md": "## From here",
    ROOT / "docs/how-to/confine-callers.md": "## What a key allows",
    ROOT / "docs/how-to/deliver-with-celery.md": "\n## ",
}
"""Documents that tests/tutorial follows word by word, to their end or to where this stands."""
MAIN_JOB = (
    'python -m venv .venv && .venv/bin/pip install -e ".[all]" '
    "&& .venv/bin/python example_project/manage.py demo"
)
OF_OTHERS = {
    "demo",  # the example project's own
    "remove_customers",  # a page's own
    "all_tenants_command",
    "tenant_command",
    "db_worker",
    "prune_db_task_results",
}
"""Commands that are not of this package, nor of Django."""
FENCE = re.compile(
    r"^(<!-- not run: .+? -->\n)?^ *```(\w+)\n(.*?)^ *```$", re.DOTALL | re.MULTILINE
)
READERS = {
    "python": ast.parse,
    "django": lambda code: Template("{% load liveactivity %}" + code),
    "json": json.loads,
    "ini": ConfigParser(interpolation=None).read_string,
    "yaml": lambda code: [*yaml.safe_load_all(code)],
}
TESTS = 'python -m venv .venv && .venv/bin/pip install -e ".[test]" && .venv/bin/pytest'


def blocks(document, language="python"):
    """Return the blocks that run here: in a document that is followed, what comes after."""
    text = document.read_text()
    if language == "python" and document in FOLLOWED:
        text = text.partition(FOLLOWED[document])[2]
    return [code for not_run, name, code in FENCE.findall(text) if name == language and not not_run]


@pytest.fixture(autouse=True)
def _disconnect_what_a_document_connects(monkeypatch):
    """A receiver goes with its document; a weak one lives until the garbage collector runs."""
    connected = []
    connect = Signal.connect

    def remember(signal, receiver, sender=None, weak=True, dispatch_uid=None):
        connect(signal, receiver, sender, weak, dispatch_uid)
        connected.append((signal, receiver, sender, dispatch_uid))

    monkeypatch.setattr(Signal, "connect", remember)
    yield
    for signal, receiver, sender, dispatch_uid in connected:
        signal.disconnect(receiver, sender, dispatch_uid)


@pytest.fixture
def a_shop(monkeypatch, settings, vendor):
    """The project that the documents speak of: its models, and nothing followed yet."""
    for app in ("shop", "deployments"):
        monkeypatch.setitem(sys.modules, app, shop)
        monkeypatch.setitem(sys.modules, f"{app}.models", shop_models)
    monkeypatch.setenv("ACTIVITYSMITH_API_KEY", "ask_test")
    monkeypatch.setattr(tracking.registry, "_registry", [])
    registered = dict(admin.site._registry)
    tracking.followers.cache_clear()
    yield vendor
    tracking.followers.cache_clear()
    for model in admin.site._registry.keys() - registered.keys():
        admin.site.unregister(model)


def use(settings, accounts, sandbox):
    """Check a ``LIVEACTIVITY`` of the documents, and point it at the sandbox."""
    settings.LIVEACTIVITY = accounts
    assert [message for message in check_accounts() if message.is_serious()] == []
    if "activitysmith" in accounts["default"]["BACKEND"]:
        options = accounts["default"]["OPTIONS"] | {"base_url": sandbox.url, "rate_limit": None}
        account = accounts["default"] | {"OPTIONS": options, "DISPATCHER": "none"}
        settings.LIVEACTIVITY = {"default": account}


def run(document, request, settings, sandbox):
    """Run the blocks of a document, one after the other, each delivered before the next."""
    names = {"__name__": document.stem}
    for block in blocks(document):
        code = block.replace("http://127.0.0.1:8765", sandbox.base)
        exec(compile(code, document.name, "exec"), names)
        if "LIVEACTIVITY" in names:
            use(settings, names.pop("LIVEACTIVITY"), sandbox)
        for name in [name for name in names if name.startswith("test_")]:
            run_test(names.pop(name), request)
        drain()


def run_test(function, request):
    fixtures = inspect.signature(function).parameters
    function(**{name: request.getfixturevalue(name) for name in fixtures})


def test_all_other_code_can_be_read():
    for document in DOCUMENTS:
        for _, language, code in FENCE.findall(document.read_text()):
            if language in READERS:
                READERS[language](code)
            else:
                assert language in {"dockerfile", "shell", "text"}, (document, language)


@pytest.mark.parametrize(
    "document",
    [document for document in DOCUMENTS if blocks(document)],
    ids=lambda path: str(path.relative_to(ROOT)),
)
def test_the_python_runs(document, a_shop, request, settings, capsys):
    run(document, request, settings, a_shop)

    assert 400 not in [call["status"] for call in a_shop.calls()]


def test_the_readme_ends_an_activity(a_shop, request, settings):
    run(README, request, settings, a_shop)

    card = LiveActivity.objects.get(stream_key="deploy-42")
    assert card.status == LiveActivity.Status.ENDED
    calls = [c for c in a_shop.calls() if c["path"].endswith("/deploy-42")]
    assert [(c["method"], c["status"]) for c in calls] == [("PUT", 200), ("DELETE", 200)]
    assert calls[-1]["body"]["content_state"]["current_step"] == 4


def test_the_readme_is_short_about_the_first_end():
    first_lines = README.read_text().splitlines()[:40]

    assert any("pip install" in line for line in first_lines)
    assert any("services.end_activity(" in line for line in first_lines)


def test_the_readme_has_exactly_the_two_commands():
    commands = [line for code in blocks(README, "shell") for line in code.splitlines()]

    assert commands == [MAIN_JOB, TESTS]


def test_every_command_of_ours_has_a_section():
    ours = {name for name, app in get_commands().items() if app == "django_liveactivity"}
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text()

    assert set(re.findall(r"^## `(\w+)`", reference, re.MULTILINE)) == ours


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_exists_with_the_options_that_it_is_given(document):
    text = document.read_text()
    for line in re.findall(r"(?:manage\.py |`(?=liveactivity_\w+ --))([^`|;&#\n]+)", text):
        name, *arguments = shlex.split(line)
        if name not in OF_OTHERS:
            command = load_command_class(get_commands()[name], name)
            command.create_parser("manage.py", name).parse_args(arguments)
    for name in re.findall(r"python -m (tests[\w.]+)", text):
        assert find_spec(name), name
    for extras in re.findall(r"django-liveactivity\[([\w,]+)\]", text):
        assert set(extras.split(",")) <= PROJECT["optional-dependencies"].keys()
    for session in re.findall(r'nox (?:-R )?-s "?(\w+)', text):
        assert re.search(rf"^def {session}\(", (ROOT / "noxfile.py").read_text(), re.MULTILINE)


@pytest.mark.parametrize("name", ["dev", "dispatch", "end", "reconcile", "sandbox", "status"])
def test_every_option_in_the_reference_exists(name):
    command = f"liveactivity_{name}"
    reference = (ROOT / "docs" / "reference" / "commands.md").read_text()
    (section,) = re.findall(
        rf"^## `{command}`$(.*?)(?=^## |\Z)", reference, re.DOTALL | re.MULTILINE
    )
    parser = load_command_class("django_liveactivity", command).create_parser("manage.py", command)

    assert set(re.findall(r"--[a-z][a-z-]*", section)) <= set(parser._option_string_actions)


def test_every_check_and_every_option_is_in_the_reference():
    reference = ROOT / "docs" / "reference"
    source = "".join(path.read_text() for path in PACKAGE.rglob("*.py"))
    options = (reference / "settings.md").read_text().partition("## Options")[2]

    rule = r"liveactivity\.[EW]\d{3}"
    listed = re.findall(rf"^\| `({rule})` \|", (reference / "checks.md").read_text(), re.MULTILINE)
    assert listed == sorted(set(re.findall(rf'"({rule})"', source)))
    named = re.findall(r"^\| `(\w+)`", options, re.MULTILINE)
    assert set(named) == set(ActivitySmithBackend.defaults)


def test_every_condition_and_every_problem_is_in_the_docs():
    states = (ROOT / "docs" / "reference" / "states-and-outcomes.md").read_text()
    account = states.partition("## Condition of an account")[2].partition("\n## ")[0]
    health = (ROOT / "docs" / "how-to" / "check-health.md").read_text()

    assert re.findall(r"^\| `(\w+)` \|", account, re.MULTILINE) == [*Condition]
    listed = re.findall(r"^\| `(\w+)` \|", health, re.MULTILINE)
    assert {*listed, "blocked", "billing"} == {*ProblemCode}


def test_every_link_leads_somewhere():
    for document in DOCUMENTS:
        for target in re.findall(r"\]\(([^)#]+)", document.read_text()):
            if not target.startswith(("https://", "inv:")):  # the build looks into inventories
                assert (document.parent / target).exists(), f"{document.name}: {target}"


def test_every_page_that_agents_are_sent_to_exists():
    pages = re.findall(r"\]\(([^)]+)", (ROOT / "docs" / "llms.txt").read_text())

    assert len(pages) > 20
    for page in pages:
        source = page.removeprefix("_sources/").removesuffix(".txt").replace(".html", ".md")
        assert (ROOT / "docs" / source).exists(), page


def on_the_index(text: str) -> str:
    """Return the README as the package index shows it, by the substitutions of pyproject.toml."""
    metadata = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["metadata"]
    for each in metadata["hooks"]["fancy-pypi-readme"]["substitutions"]:
        text = re.sub(each["pattern"], each["replacement"], text)
    return text


def test_the_readmes_links_live_on_the_package_index():
    address = PROJECT["urls"]["Documentation"] + "en/latest/"
    text = on_the_index(README.read_text())
    links = re.findall(r"\]\(([^)\s]+)\)", text)
    pages = [link.removeprefix(address) for link in links if link.startswith(address)]

    assert [link for link in links if not link.startswith("https://")] == []
    assert len(pages) > 20
    for page in pages:
        source = page.partition("#")[0].replace(".html", ".md").replace("_images/", "images/")
        assert (ROOT / "docs" / source).exists(), page


def test_the_projects_links_are_pages_of_the_documentation():
    first, *more = PROJECT["urls"].values()
    for link in more:
        page = link.removeprefix(f"{first}en/latest/").replace(".html", ".md")
        assert (ROOT / "docs" / page).exists(), link


def test_the_vendors_page_names_tests_that_there_are():
    page = (ROOT / "docs" / "reference" / "vendor-page.md").read_text()
    named = re.findall(r"`(tests/[\w/]+\.py)((?:::\w+)*)`", page)
    assert len(named) > 20
    for path, names in named:
        text = (ROOT / path).read_text()
        for name in filter(None, names.split("::")):
            assert re.search(rf"^\s*(?:def|class) {name}\b", text, re.MULTILINE), (path, name)
