"""The API key as a canary: it is in the settings and in the header, and nowhere else."""

from __future__ import annotations

import base64
import copy
import dataclasses
import inspect
import json
import logging
import os
import pickle
import subprocess
import sys
import traceback
from collections.abc import Iterable, Mapping, Sized
from contextlib import suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from cryptography.fernet import Fernet
from django.apps import apps
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.utils.log import AdminEmailHandler
from django.views.debug import ExceptionReporter

from django_liveactivity import Progress, conf, services
from django_liveactivity.account_source import AccountSource
from django_liveactivity.backends import get_backend
from django_liveactivity.client import Client
from django_liveactivity.delivery import drain, sweep
from django_liveactivity.management import commands
from django_liveactivity.models import Attempt, LiveActivity
from django_liveactivity.services.batch import choose_cards
from django_liveactivity.testing import allow_network

from .celery_apps import needs_redis
from .client.proxies import CompanyProxy, TlsServer, make_certificate, page
from .client.server import Server, answer
from .clock import advance
from .escapes import IN_JSON, shows
from .shop.models import Order
from .surfaces import SURFACES, Host, rows
from .tracking.orders import OrderActivity, followed

CANARY = "ask_canary_5f2b/7c91+d0=="
PASSWORD = "pwd_9d47c/51e2+b8=="
TOLD_AGAIN = ("rows", "logs", "admin's pages", "endpoint", "reprs", "health", "check")
TOLD_AGAIN += ("liveactivity_status", "liveactivity_status --json")


class Vault(AccountSource):
    """An account source that keeps its keys encrypted."""

    fernet = Fernet(Fernet.generate_key())
    token = fernet.encrypt(CANARY.encode())
    base_url = ""

    def get(self, alias):
        key = self.fernet.decrypt(self.token).decode()
        options = {"api_key": key, "base_url": self.base_url, "rate_limit": (60, 60)}
        backend = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"
        return {"BACKEND": backend, "OPTIONS": options} if alias == "acme" else None


class FailingActivity(OrderActivity):
    """A follower with a mistake in it."""

    def content(self, order):
        raise ZeroDivisionError


@pytest.fixture
def vendor(configure, sandbox, db, caplog, settings):
    caplog.set_level(logging.DEBUG)
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(logging.DEBUG)
    # With a newline, as a file has it; the key of the source has none.
    configure(api_key=f"{CANARY}\n", proxy="http://127.0.0.1:9", proxy_auth=("jane", PASSWORD))
    settings.LIVEACTIVITY_ACCOUNTS = f"{__name__}.Vault"
    Vault.base_url = sandbox.url
    sandbox.policy.api_keys = [CANARY]
    return sandbox


@pytest.fixture(autouse=True)
def _restore_log_levels():
    levels = {n: logging.getLogger(n).level for n in list(logging.Logger.manager.loggerDict)}
    yield
    for name in list(logging.Logger.manager.loggerDict):
        logging.getLogger(name).setLevel(levels.get(name, logging.NOTSET))


def run_a_troubled_life(vendor) -> None:
    """Good answers, bad ones, none at all."""
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    drain()
    vendor.faults = "DELETE:500@1,DELETE:reset@2,DELETE:html@3,DELETE:401@4"
    services.end_activity(card)
    for _ in range(5):
        drain()
        advance(901)


def fill_every_table() -> None:
    """An operator's decision, a choice of cards to end, and a mistake of the host."""
    services.probe_account(actor="Ann", reason="It waits.")
    choose_cards([LiveActivity.objects.latest("pk").pk], using="default", actor="Ann")
    with followed(Order, FailingActivity):
        Order.objects.create(status="cooking")
    sweep(lambda _: None)
    assert [
        m.__name__
        for m in apps.get_app_config("django_liveactivity").get_models()
        if not m.objects.exists()
    ] == []


@pytest.fixture
def host(admin_client, caplog, sandbox) -> Host:
    return Host(admin_client, caplog, sandbox)


@pytest.mark.filterwarnings("ignore:Django .* will not have a default mailer")  # 6.1, and not ours
@pytest.mark.filterwarnings("ignore:Using .name, address. pairs in the ADMINS")  # 5.2 wants them
@pytest.mark.parametrize("surface", SURFACES)
def test_the_key_reaches_the_vendor_and_no_surface(vendor, host, surface):
    services.stream_activity("order-41", Progress(title="Order 41", percentage=4), account="acme")
    drain("acme")
    assert len(vendor.phone()["alive"]) == 1  # the vendor takes no other key
    services.end_activity(stream_key="order-41", account="acme")
    drain("acme")
    run_a_troubled_life(vendor)
    assert vendor.phone()["empty"]
    assert Attempt.objects.count() == 8
    fill_every_table()
    assert "httpcore.http11" in {record.name for record in host.caplog.records}
    assert CANARY not in str(vendor.calls())
    shown = SURFACES[surface](host)
    assert [secret[:3] for secret in (CANARY, PASSWORD) if shows(shown, secret)] == []


def test_every_command_is_a_surface():
    folder = Path(commands.__file__).parent
    ours = {path.stem for path in folder.glob("liveactivity_*.py")}
    assert ours <= set(SURFACES)


def assert_none_shows(host: Host, *secrets: str) -> None:
    """Look where an answer of the vendor or of a proxy may be told again."""
    for name in TOLD_AGAIN:
        shown = SURFACES[name](host)
        for each in secrets:
            assert not shows(shown, each), name


@pytest.fixture
def echoing_vendor(configure, db):
    """A vendor that refuses each key, and shows it in each place of its answer."""
    server = Server()
    configure(api_key=CANARY, base_url=server.url)
    yield server
    server.close()


@pytest.mark.parametrize("status", [200, 401, 404, 422, 500])
@pytest.mark.parametrize("escape", ["plain", "solidus", "plus upper", "all lower"])
def test_an_answer_that_echoes_the_key_shows_it_nowhere(echoing_vendor, host, escape, status):
    host.caplog.set_level(logging.DEBUG)
    escape = IN_JSON[escape]  # in every other: tests/client/test_secrets.py
    echo = f'"{escape(CANARY)}"'
    names = ("error", "message", "operation", "activity_id", "warning")
    body = ", ".join(f'"{name}": {echo}' for name in names)
    echoing_vendor.respond = answer(
        status=status,
        headers={"X-Echo": escape(CANARY)},
        raw=f'{{"success": true, {body}, "errors": [{echo}, {{{echo}: {echo}}}]}}'.encode(),
    )
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    drain()
    advance(901)
    services.end_activity(card)
    drain()
    assert "[API key]" in rows()
    assert_none_shows(host, CANARY)


@pytest.mark.parametrize("given", ["in the URL", "beside it"])
@pytest.mark.parametrize("refused", [False, True])
def test_the_credentials_of_a_proxy_reach_the_proxy_and_nothing_else(
    configure, host, tmp_path, given, refused
):
    host.caplog.set_level(logging.DEBUG)
    certificate = make_certificate(tmp_path)
    vendor = TlsServer(certificate, page(502, f"jane.canary {CANARY}"))
    secret = ("jane.canary", f"{CANARY}!" if refused else CANARY)
    proxy = CompanyProxy(vendor.port, credentials=secret)
    options = {"proxy": proxy.url, "proxy_auth": ("jane.canary", CANARY)}
    if given == "in the URL":
        user = f"jane.canary:{quote(CANARY, safe='')}"
        options = {"proxy": f"http://{user}@127.0.0.1:{proxy.port}"}
    address = {"base_url": "https://vendor.test/api", "ca_bundle": certificate}
    configure(**address, **options)
    card = services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    with allow_network():
        drain()
        advance(901)
        services.end_activity(card)
        drain()
    assert {attempt.outcome for attempt in Attempt.objects.all()} == {
        "not_sent" if refused else "ambiguous"
    }
    assert len(proxy.asked) >= 1
    token = base64.b64encode(f"jane.canary:{CANARY}".encode()).decode()
    assert_none_shows(host, CANARY, "jane.canary", token)
    proxy.close()
    vendor.close()


BROKER = """
import json, sys, time
import django
django.setup()
from django.core.management import call_command
from tests.dispatch.celery_app import app
from django_liveactivity import services, tasks
app.set_default()
call_command("migrate", verbosity=0)
services.end_activity(stream_key="order-42")
for task in (tasks.drain, tasks.sweep, tasks.reconcile):
    task.apply_async(args=["default"] if task is tasks.drain else [])
with app.connection_for_read() as connection:
    redis, queue = connection.default_channel.client, app.conf.task_default_queue
    until = time.monotonic() + 20
    while redis.llen(queue) < 4 and time.monotonic() < until:
        time.sleep(0.05)
    messages = redis.lrange(queue, 0, -1)
    redis.delete(queue)
sys.stdout.write("\\n".join(message.decode() for message in messages))
"""


@needs_redis
def test_no_message_of_the_broker_has_the_key(tmp_path):
    environment = os.environ | {
        "DJANGO_SETTINGS_MODULE": "tests.dispatch.celery_settings",
        "LOOP_DATABASE": str(tmp_path / "broker.sqlite3"),
        "LOOP_BASE_URL": "http://127.0.0.1:9/api",
        "LOOP_KEY": CANARY,
        "CELERY_QUEUE": f"liveactivity-secrets-{os.getpid()}",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }
    python = [sys.executable, "-c", BROKER]
    done = subprocess.run(python, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    messages = [json.loads(line) for line in done.stdout.splitlines()]
    tasks = {message["headers"]["task"].rpartition(".")[2] for message in messages}
    assert tasks == {"drain", "sweep", "reconcile"}
    for message in messages:
        body = base64.b64decode(message["body"]).decode()
        assert not shows(f"{message} {body}", CANARY)


def test_the_options_are_nothing_that_a_reporter_walks(vendor):
    options = conf.account().options
    assert options.get("api_key").strip() == CANARY
    assert options.get("nothing", 5) == 5
    assert not isinstance(options, Mapping | Iterable | Sized)
    with pytest.raises(TypeError):
        vars(options)
    shown = inspect.getmembers(options)
    assert "get" in dict(shown)
    assert CANARY not in repr(shown)


@pytest.mark.parametrize("copied", [pickle.dumps, copy.copy, copy.deepcopy, dataclasses.asdict])
def test_an_account_cannot_be_copied_into_a_queue_or_a_cache(vendor, copied):
    with pytest.raises(TypeError, match="pickled"):
        copied(conf.account() if copied is not copy.copy else conf.account().options)


def every_frame(error: BaseException) -> str:
    """The error, all that it was raised from, and every local variable on the way."""
    lines = []
    while error is not None:
        shown = traceback.TracebackException.from_exception(error, capture_locals=True)
        lines += [str(error), repr(error)]
        for frame in shown.stack:
            if "/tests/" not in frame.filename:
                lines += [f"{name} = {value}" for name, value in (frame.locals or {}).items()]
        error = error.__cause__ or error.__context__
    assert len(lines) > 2
    return "\n".join(lines)


BROKEN = {
    "an unknown option": {"OPTIONS": {"api_key": CANARY, "api_kee": CANARY}},
    "a wrong address": {"OPTIONS": {"api_key": CANARY, "base_url": "http://example.com"}},
    "a key with a newline inside": {"OPTIONS": {"api_key": f"{CANARY}\n{CANARY}"}},
    "a key that is no text": {"OPTIONS": {"api_key": [CANARY]}},
    "a wrong limit": {"OPTIONS": {"api_key": CANARY, "rate_limit": "60"}},
    "an unknown account key": {"OPTIONS": {"api_key": CANARY}, "OPTION": 1},
    "options that are no dict": {"OPTIONS": [CANARY]},
    "a wrong proxy": {"OPTIONS": {"api_key": CANARY, "proxy": f"ftp://u:{CANARY}@proxy"}},
    "a proxy with a strange port": {"OPTIONS": {"api_key": CANARY, "proxy": f"http://u:{CANARY}"}},
    "wrong credentials of a proxy": {
        "OPTIONS": {"api_key": CANARY, "proxy": "http://proxy", "proxy_auth": [CANARY]}
    },
    "a proxy with both": {
        "OPTIONS": {
            "api_key": CANARY,
            "proxy": "http://u:v@proxy",
            "proxy_auth": ("u", CANARY),
        }
    },
}


@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_no_error_of_the_configuration_tells_the_key(settings, broken):
    settings.LIVEACTIVITY = {
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            **broken,
        }
    }
    with pytest.raises(ImproperlyConfigured) as caught:
        get_backend()
    assert "default" in str(caught.value)
    assert CANARY not in every_frame(caught.value)


def the_error_of_the_configuration():
    """Return what is raised, whose frames begin in here."""
    try:
        get_backend()
    except ImproperlyConfigured:
        return sys.exc_info()


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("broken", BROKEN.values(), ids=BROKEN)
def test_no_variable_is_in_the_mail_to_the_admins(settings, client, mailoutbox, broken):
    """Django's report shows the settings as well, where it hides what is named as a key is."""
    settings.ADMINS = [("Ann", "ann@shop.example")]
    settings.LIVEACTIVITY = {
        "default": {
            "BACKEND": "django_liveactivity.backends.activitysmith.ActivitySmithBackend",
            **broken,
        }
    }
    handler = AdminEmailHandler(include_html=True)
    failure = the_error_of_the_configuration()
    handler.emit(logging.LogRecord("django", logging.ERROR, "", 0, "Failed", (), failure))
    [mail] = mailoutbox
    assert "ImproperlyConfigured" in mail.body or "KeyError" in mail.body
    frames = ExceptionReporter(None, *failure).get_traceback_frames()
    assert CANARY not in str([list(frame["vars"]) for frame in frames])
    options = broken["OPTIONS"]
    # Of a URL with a password the check liveactivity.W011 tells that Django shows it.
    if "proxy" in options and CANARY in options["proxy"]:
        return
    if isinstance(options, dict) and isinstance(options["api_key"], str):
        assert CANARY not in mail.body
        assert CANARY not in mail.alternatives[0][0]


class Watch:
    """Looks at the variables of each frame of ours, at each line: a time limit may strike there."""

    def __init__(self) -> None:
        self.lines: set[tuple[str, int]] = set()
        self.found: list[str] = []

    def __call__(self, frame, event, argument):
        if "/django_liveactivity/" not in frame.f_code.co_filename or self._within_a_call(frame):
            return None
        self.lines.add((frame.f_code.co_filename, frame.f_lineno))
        shown = [(name, told(value)) for name, value in frame.f_locals.items()]
        where = f"{frame.f_code.co_qualname}:{frame.f_lineno}"
        self.found += [f"{where} {name}" for name, text in shown if CANARY in text]
        return self

    def _within_a_call(self, frame) -> bool:
        # What comes out of a call leaves all these frames behind.
        while frame:
            if frame.f_code is Client._answer.__code__:
                return True
            frame = frame.f_back
        return False


def told(value: object) -> str:
    """What a reporter would tell of a value: it walks what is a Mapping or a sequence."""
    if isinstance(value, Mapping):
        return " ".join(f"{name} {told(item)}" for name, item in list(value.items()))
    if isinstance(value, list | tuple | set | frozenset):
        return " ".join(map(told, value))
    try:
        return repr(value)
    except ValueError:  # a queryset for a subquery: reporters give up on it, too
        return ""


PROXIED = {
    "api_key": "ask_test",
    "base_url": "https://vendor.test/api",
    "proxy": f"http://jane:{quote(CANARY, safe='')}@127.0.0.1:9",
}
PROXIED_BESIDE = {**PROXIED, "proxy": "http://127.0.0.1:9", "proxy_auth": ("jane", CANARY)}


@pytest.mark.parametrize(
    "options", [{}, PROXIED, PROXIED_BESIDE, *(b["OPTIONS"] for b in BROKEN.values())]
)
def test_no_line_of_ours_has_the_key_in_a_variable(configure, sandbox, db, options):
    configure(api_key=CANARY)
    if options:
        settings.LIVEACTIVITY["default"]["OPTIONS"] = options
    sandbox.policy.api_keys = [CANARY]
    del options
    watch, before = Watch(), sys.gettrace()
    sys.settrace(watch)
    try:
        with suppress(ImproperlyConfigured):
            drain_a_card()
    finally:
        sys.settrace(before)
    assert any(name.endswith("conf.py") for name, _ in watch.lines)
    assert watch.found == []


def drain_a_card() -> None:
    services.stream_activity("order-42", Progress(title="Order 42", percentage=40))
    drain()
