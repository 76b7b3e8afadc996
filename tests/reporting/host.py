"""A host project with an error reporter: ``python -m tests.reporting sentry`` or ``rollbar``.

It makes one mistake after the other, and prints what the reporter would have sent for each.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NoReturn
from urllib.parse import quote

import django
import httpx
from django.conf import settings
from django.core.management import call_command
from django.core.signals import setting_changed

from django_liveactivity.client import Answer, Call
from tests.client.server import Server, answer

KEY = os.environ["CANARY"]  # not written here: reporters send lines of source, too
KEY_IN_URL = quote(KEY, safe="")
ACTIVITYSMITH = "django_liveactivity.backends.activitysmith.ActivitySmithBackend"
VENDOR = Server()

logger = logging.getLogger("host")


def account(backend: str = ACTIVITYSMITH, **options: Any) -> dict[str, Any]:
    options = {"api_key": KEY, "base_url": VENDOR.url, "rate_limit": None, **options}
    options = {"proxy": f"http://{KEY_IN_URL}:{KEY_IN_URL}@proxy.example.com", **options}
    return {"default": {"BACKEND": backend, "OPTIONS": options}}


def mistakes() -> dict[str, Any]:
    """What a host may have written in its settings."""
    own = account(f"{__name__}.Mistaken")
    return {
        "a misspelled option": account(api_kee=KEY),
        "a misspelled option alone": {
            "default": {"BACKEND": ACTIVITYSMITH, "OPTIONS": {"apikey": KEY}}
        },
        "a misspelled key": {"default": {"BACKEND": ACTIVITYSMITH, "OPTION": {"api_key": KEY}}},
        "no backend": {"default": {"OPTIONS": {"api_key": KEY}}},
        "a backend that is nowhere": account("nowhere.Backend"),
        "a backend that is none": account("json.JSONDecoder"),
        "options that are no dict": {"default": {"BACKEND": ACTIVITYSMITH, "OPTIONS": [KEY]}},
        "an account that is no dict": {"default": [KEY]},
        "a setting that is no dict": [KEY],
        "a wrong alias": {"de fault": account()["default"]},
        "a wrong duration": {"default": account()["default"] | {"TIMING": {"lease": [KEY]}}},
        "an unknown duration": {"default": account()["default"] | {"TIMING": {"leese": 5}}},
        "a wrong limit": account(rate_limit="60"),
        "wrong channels": account(channels=5),
        "a wrong address": account(base_url="http://example.com"),
        "an address with the key": account(base_url=f"https://example.com/?key={KEY}"),
        "address and key exchanged": account(base_url=KEY, api_key="https://example.com/api"),
        "a key with a newline": account(api_key=f"{KEY}\n{KEY}"),
        "a key that is no text": account(api_key=[KEY]),
        "an empty key": account(api_key=" ", key=KEY),
        "a proxy with both": account(proxy_auth=(KEY, KEY)),
        "a proxy of a wrong kind": account(proxy=f"ftp://u:{KEY_IN_URL}@proxy.example.com"),
        "a proxy with a strange port": account(proxy=f"http://u:{KEY_IN_URL}"),
        "credentials that are no pair": account(proxy="http://proxy", proxy_auth=[KEY]),
        "a backend that asks for what is not there": own,
    }


class Mistaken:
    """Stands for a backend of the host's until ``main`` has set Django up."""


def define_backends() -> None:
    from django_liveactivity.backends import BaseBackend
    from django_liveactivity.backends.activitysmith import ActivitySmithBackend

    class MistakenBackend(BaseBackend):
        defaults = {**BaseBackend.defaults, "api_key": "", "base_url": "", "proxy": ""}

        def __init__(self, account: Any) -> None:
            super().__init__(account)
            self._option(account, "api_kee")

    class Failing(ActivitySmithBackend):
        def send(self, call: Call) -> Answer:
            super().send(call)
            raise KeyError(call.target)

    globals().update(Mistaken=MistakenBackend, Failing=Failing)


def configure(accounts: Any) -> None:
    settings.LIVEACTIVITY = accounts
    setting_changed.send(settings, setting="LIVEACTIVITY", value=None, enter=True)


def use_an_account() -> None:
    from django_liveactivity import Progress, services

    services.stream_activity("order-42", Progress(title="Order 42", percentage=40))


def drain() -> None:
    from django_liveactivity import delivery

    use_an_account()
    delivery.drain("default")


def echo(request: Any, connection: Any) -> None:
    key = request.headers["authorization"].removeprefix("Bearer ")
    escaped = "".join(f"\\u{ord(letter):04X}" for letter in key)
    answer({}, 401, {"X-Echo": key}, f'{{"error": "x", "message": "{escaped}"}}'.encode())(
        request, connection
    )


def hang(request: Any, connection: Any) -> None:
    """Answer nothing."""


class Quoting(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> NoReturn:
        raise ValueError(f"what is {request.headers['authorization']}?")


class TimeLimitExceeded(Exception):
    """What Celery raises in the middle of anything."""


def a_time_limit(*_: Any) -> NoReturn:
    raise TimeLimitExceeded


def interrupted_call() -> None:
    from django_liveactivity.client import Call, Client
    from django_liveactivity.content.endpoints import Endpoint

    VENDOR.respond = hang
    signal.signal(signal.SIGALRM, a_time_limit)
    signal.setitimer(signal.ITIMER_REAL, 0.3)
    with Client(os.environ["CANARY"], base_url=VENDOR.url) as client:
        client.send(Call(Endpoint.END_STREAM, "order-42", {}))


def quoting_transport() -> None:
    from django_liveactivity.client import Call, Client
    from django_liveactivity.content.endpoints import Endpoint

    with Client(os.environ["CANARY"], base_url=VENDOR.url, transport=Quoting()) as client:
        client.send(Call(Endpoint.END_STREAM, "order-42", {}))


def failing_backend() -> None:
    VENDOR.respond = echo
    configure(account(f"{__name__}.Failing"))
    drain()


def host_s_own_fault() -> None:
    """The host's code fails, with all that we hand out in its variables."""
    from django_liveactivity import conf
    from django_liveactivity.backends import get_backend

    VENDOR.respond = echo
    configure(account())
    drain()
    accounts = conf.accounts()
    used, backend = accounts["default"], get_backend()
    options, client, secret = used.options, backend.client, backend.client._secret
    proxy, redaction = backend.proxy, client._redaction
    everything = [accounts, used, options, backend, client, secret, vars(used), vars(backend)]
    everything += [proxy, redaction, proxy.user, proxy.password, proxy.token, proxy.secrets]
    raise ZeroDivisionError(len(everything))


def control() -> None:
    """What shows that the reporter reads variables: a host's own, with the key in it."""
    unprotected = {"nested": {"harmless": os.environ["CANARY"]}}
    raise ZeroDivisionError(len(unprotected))


# Each starts a reporter as its documentation says, and returns what takes all that was sent.


def start_sentry() -> Callable[[], list[str]]:
    import sentry_sdk
    from sentry_sdk.transport import Transport

    sent: list[str] = []

    class Kept(Transport):
        def capture_envelope(self, envelope: Any) -> None:
            sent.append(envelope.serialize().decode())

    sentry_sdk.init(dsn="https://public@sentry.example.com/1", transport=Kept)
    return lambda: [sent.pop(0) for _ in range(len(sent))]


def start_rollbar() -> Callable[[], list[str]]:
    import rollbar
    from rollbar.logger import RollbarHandler

    sent: list[str] = []

    class Kept(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append(self.rfile.read(int(self.headers["Content-Length"])).decode())
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            """Keep quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Kept)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    endpoint = f"http://127.0.0.1:{server.server_port}/api/1/"
    rollbar.init("token", "test", endpoint=endpoint, handler="blocking")
    logging.getLogger().addHandler(RollbarHandler(level=logging.ERROR))
    return lambda: [sent.pop(0) for _ in range(len(sent))]


def main(reporter: str) -> None:
    for name in ("django_liveactivity", "httpx", "httpcore"):  # Sentry keeps what is logged
        logging.getLogger(name).setLevel(logging.DEBUG)
    django.setup()
    call_command("migrate", verbosity=0)
    define_backends()
    sent = {"sentry": start_sentry, "rollbar": start_rollbar}[reporter]()
    reported = {}
    for name in mistakes():
        configure(mistakes()[name])
        attempt(name, use_an_account)
        reported[name] = sent()
    for fault in (failing_backend, interrupted_call, quoting_transport, host_s_own_fault, control):
        VENDOR.respond = answer()
        attempt(fault.__name__, fault)
        reported[fault.__name__] = sent()
    json.dump(reported, sys.stdout)


def attempt(name: str, action: Callable[[], object]) -> None:
    """Log what the action raises, as most hosts do: a reporter takes it from there."""
    try:
        action()
    except Exception:
        logger.exception(name)
