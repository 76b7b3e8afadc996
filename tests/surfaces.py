"""Every place where a project shows something of its live activities, for tests of secrets."""

from __future__ import annotations

import io
import json
import logging
import pprint
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx
import pytest
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.models import User
from django.core import mail
from django.core.management import CommandError, call_command
from django.db import connection
from django.template import Context, Template
from django.test import Client, RequestFactory, override_settings
from django.urls import reverse
from django.utils.log import AdminEmailHandler
from django.views.debug import technical_500_response
from drf_spectacular.generators import SchemaGenerator

from django_liveactivity import conf, tasks
from django_liveactivity.api import urls
from django_liveactivity.backends import configured_backend, get_backend
from django_liveactivity.health import check_health
from django_liveactivity.health_check import summary
from django_liveactivity.models import Attempt, LiveActivity, Operation
from django_liveactivity.prometheus import metrics
from django_liveactivity.sandbox import Sandbox
from django_liveactivity.services.batch import choose_cards
from django_liveactivity.testing import allow_network

from .commands.running import Shell, wait_until
from .commands.test_dev import Project
from .dispatch.task_backends import DUMMY, backends

KEY = "order-42"
BODIES = [{"stream_key": KEY}, {"stream_key": "nowhere"}, {"stream_key": [1]}, {}]
COMMANDS: dict[str, tuple[str, ...]] = {
    "check": ("--tag", "liveactivity"),
    "liveactivity_dev": (),  # which finds its sandbox's port taken, and says so
    "liveactivity_dispatch": ("--once", "--verbosity", "3"),
    "liveactivity_end": (KEY,),
    "liveactivity_list": (),
    "liveactivity_reconcile": (),
    "liveactivity_sandbox": ("--bind", "nowhere.invalid:80"),
    "liveactivity_status": (),
    "liveactivity_test": ("--yes", "--seconds", "0"),
}


@dataclass(frozen=True)
class Host:
    """A project with a card of the stream ``KEY``, and who looks at it."""

    client: Client
    caplog: pytest.LogCaptureFixture
    sandbox: Sandbox

    @property
    def card(self) -> LiveActivity:
        return LiveActivity.objects.filter(stream_key=KEY).latest("pk")


def rows(_: object = None) -> str:
    """All that is stored, in every table."""
    lines = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f"SELECT * FROM {connection.ops.quote_name(table)}")
            lines += [f"{table}: {row!r}" for row in cursor.fetchall()]
    return "\n".join(lines)


def command(*arguments: str) -> str:
    """What a command prints, and why it fails."""
    out = io.StringIO()
    try:
        with allow_network():
            call_command(*arguments, stdout=out, stderr=out)
    except CommandError as error:
        out.write(str(error))
    assert out.getvalue()
    return out.getvalue()


def answered(answers: list[Any]) -> str:
    return "\n".join(f"{each.status_code} {each.headers} {each.getvalue()}" for each in answers)


def admin_pages(host: Host) -> str:
    """Every page of the admin that is ours, read and sent, with a choice of cards to end."""
    card, answers = host.card, []
    chosen = choose_cards([card.pk], using="default", actor=User.objects.get())
    places = {"object_id": card.pk, "number": chosen.pk, "name": "end"}
    for page in admin.site._registry[LiveActivity].urls:
        if page.name:
            given = {name: places[name] for name in page.pattern.converters}
            url = reverse(f"admin:{page.name}", kwargs=given)
            answers += [host.client.get(url), host.client.post(url, {"reason": "done"})]
    assert {answer.status_code for answer in answers} >= {200, 302}
    return answered(answers)


def endpoint(host: Host) -> str:
    """Every route of the endpoint, with good bodies and bad ones, for a caller and a stranger."""
    answers = []
    for route in urls.urlpatterns:
        pk = host.card.pk if route.name == "activity" else Operation.objects.latest("pk").pk
        given = {n: {"stream_key": KEY, "id": pk}[n] for n in route.pattern.converters}
        url = reverse(f"django_liveactivity:{route.name}", kwargs=given)
        for client in (host.client, Client()):
            for method in {*route.callback.actions} - {"head"}:  # which DRF adds
                for body in BODIES:
                    text = {"data": json.dumps(body)} if method != "get" else {"data": body}
                    send = getattr(client, method)
                    answers.append(send(url, **text, content_type="application/json"))
    assert {answer.status_code for answer in answers} >= {200, 400, 403}
    return answered(answers)


def failure() -> Any:
    """An error whose frames hold everything that knows the account."""

    def fail(backend: object, account: conf.Account, client: object, options: object) -> None:
        raise ZeroDivisionError

    try:
        fail(get_backend(), conf.account(), configured_backend().client, conf.account().options)
    except ZeroDivisionError:
        return sys.exc_info()


def debug_page(_: Host) -> str:
    with override_settings(DEBUG=True):
        page = technical_500_response(RequestFactory().get("/"), *failure()).content.decode()
    assert "LIVEACTIVITY" in page
    assert "ActivitySmithBackend" in page
    return page


def mail_to_admins(_: Host) -> str:
    with override_settings(ADMINS=[("Ann", "ann@shop.example")]):
        handler = AdminEmailHandler(include_html=True)
        handler.emit(logging.LogRecord("django", logging.ERROR, "", 0, "Failed", (), failure()))
    sent = mail.outbox[-1]
    return f"{sent.body} {sent.alternatives[0][0]}"


def reprs(_: Host) -> str:
    """What a reporter, a log or a shell makes of everything that knows the account."""
    values: list[Any] = [conf.accounts()]
    for alias in LiveActivity.objects.values_list("account", flat=True).distinct():
        used, backend, account = get_backend(alias), configured_backend(alias), conf.account(alias)
        values += [used, vars(used), backend, vars(backend), backend.client, vars(backend.client)]
        values += [account, vars(account), account.options, account.options.names]
    values += [*Attempt.objects.all(), *Operation.objects.all(), *LiveActivity.objects.all()]
    dumped = json.dumps(values, default=str, skipkeys=True)
    return f"{values!r} {values} {dumped} {pprint.pformat(values)}"


def celery_result(_: Host) -> str:
    results = [vars(task.apply(args=args)) for task, args in TASKS]
    for result in results:
        del result["on_ready"]  # a promise of vine's, which once it is kept has no repr
    return repr(results)


TASKS = [(tasks.drain, ("default",)), (tasks.sweep, ()), (tasks.reconcile, ())]


def django_tasks(_: Host) -> str:
    """What Django's task framework is given, to keep in its rows."""
    entry = {**settings.LIVEACTIVITY["default"], "DISPATCHER": "tasks"}
    dummy = {"default": {"BACKEND": DUMMY}}
    with override_settings(TASKS=dummy, LIVEACTIVITY={**settings.LIVEACTIVITY, "default": entry}):
        import_module("django_liveactivity.dispatch.tasks").drain.enqueue("default")
        results = backends["default"].results
        assert results
        return f"{results}"


def processes(host: Host) -> str:
    """The commands that run on: what they print, and their children's lines and environments."""
    with TemporaryDirectory() as name:
        folder = Path(name) / "project"
        folder.mkdir()
        database = folder.parent / "loop.sqlite3"
        Shell(database, "http://127.0.0.1:9/api").run("migrate", "-v0", check=True)
        project = Project(folder, database)
        project.environment |= {"LOOP_LOG_LEVEL": "DEBUG", "PYTHONUNBUFFERED": "1"}
        key = conf.account().options.get("api_key")
        with (folder / "site_settings.py").open("a") as file:
            file.write(f"LIVEACTIVITY['default']['OPTIONS']['api_key'] = {key!r}\n")
        ended = project.manage("liveactivity_end", KEY)
        once = project.manage("liveactivity_dispatch", "--once")
        assert "connect_tcp" in once.stdout + once.stderr
        texts = [ended.stdout, ended.stderr, once.stdout, once.stderr]
        with project.develop() as terminal:
            wait_until(lambda: terminal.get("site") == "first")
            wait_until(lambda: f"stream/{KEY}" in terminal.get("sandbox"))
            texts += [terminal.get("sandbox", path) for path in ("/", "/calls.json")]
            texts += of_the_session(terminal.process.pid)
            terminal.process.send_signal(signal.SIGINT)
            terminal.finish()
        assert "runserver" in "".join(texts)
        return "\n".join([*texts, *terminal.lines])


def of_the_session(session: int) -> list[str]:
    """Return the command line and the environment of each process of a terminal."""
    listed = subprocess.run(["ps", "-eo", "pid=,sid="], capture_output=True, text=True).stdout
    pids = [line.split()[0] for line in listed.splitlines() if line.split()[1] == str(session)]
    files = [Path("/proc", pid, name) for pid in pids for name in ("cmdline", "environ")]
    return [file.read_bytes().decode().replace("\0", " ") for file in files]


def drawings(host: Host) -> str:
    template = "{% load liveactivity %}{% lock_screen card %}{% lock_screen_at_end card %}"
    return Template(template).render(Context({"card": host.card}))


def sandbox_pages(host: Host) -> str:
    base = host.sandbox.base
    return "\n".join(httpx.get(f"{base}/{page}").text for page in ("", "calls.json", "phone.json"))


def openapi(_: Host) -> str:
    return json.dumps(SchemaGenerator().get_schema(request=None, public=True), default=str)


def _command(name: str, _: Host) -> str:
    return command(name, *COMMANDS[name])


SURFACES: dict[str, Callable[[Host], str]] = {
    "rows": rows,
    "logs": lambda host: host.caplog.text,
    "admin's pages": admin_pages,
    "endpoint": endpoint,
    "OpenAPI description": openapi,
    "health": lambda _: repr(check_health()),
    "django-health-check": lambda _: summary(check_health().problems),
    "Prometheus": lambda _: metrics(RequestFactory().get("/")).content.decode(),
    "reprs": reprs,
    "page of an error": debug_page,
    "mail to the admins": mail_to_admins,
    "Celery's result": celery_result,
    "Django's tasks": django_tasks,
    "processes": processes,
    "drawings": drawings,
    "sandbox": sandbox_pages,
    "liveactivity_status --json": lambda _: command("liveactivity_status", "--json"),
    "liveactivity_list --format json": lambda _: command("liveactivity_list", "--format", "json"),
    **{name: partial(_command, name) for name in COMMANDS},
}
