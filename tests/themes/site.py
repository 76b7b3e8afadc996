"""A site with a theme, in a process of its own: ``THEME=unfold python -m tests.themes.site``.

It prints, as JSON, its address and the cookie of somebody who may do everything, and serves until
its standard input ends.
"""

from __future__ import annotations

import json
import os
import sys
import threading
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import django

os.environ["DJANGO_SETTINGS_MODULE"] = "tests.themes.settings"
django.setup()

from django.contrib.auth.models import User  # noqa: E402 - needs the settings
from django.contrib.staticfiles.handlers import StaticFilesHandler  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.core.wsgi import get_wsgi_application  # noqa: E402
from django.db import connections  # noqa: E402
from django.test import Client  # noqa: E402

from django_liveactivity import Progress, SegmentedProgress, services  # noqa: E402
from django_liveactivity.delivery import drain, sweep  # noqa: E402
from django_liveactivity.models import LiveActivity  # noqa: E402
from tests.shop.models import Order  # noqa: E402


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class QuietHandler(WSGIRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
        pass


def fill() -> None:
    """Show cards of two orders: one that lives, one that has ended, and one with long names."""
    order, other = Order.objects.create(), Order.objects.create()
    services.stream_activity("order-1", Progress(title="Pizza", percentage=40), subject=order)
    steps = SegmentedProgress(title="T" * 120, current_step=2, number_of_steps=4)
    services.stream_activity("k" * 255, steps, subject=other)
    ended = services.stream_activity("ended", Progress(title="Soup", percentage=90), subject=order)
    drain()
    services.end_activity(ended, reason="Eaten")
    drain()
    LiveActivity.objects.filter(pk=ended.pk).update(needs_attention=True)
    sweep(lambda _: None)


def cookie() -> str:
    client = Client()
    client.force_login(User.objects.create_superuser("root"))
    return client.cookies["sessionid"].value


def main() -> None:
    call_command("migrate", run_syncdb=True, verbosity=0)
    fill()
    session = cookie()
    connections.close_all()
    application = StaticFilesHandler(get_wsgi_application())
    server = make_server("127.0.0.1", 0, application, Server, QuietHandler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    url = f"http://127.0.0.1:{server.server_port}"
    print(json.dumps({"url": url, "cookie": session}), flush=True)
    sys.stdin.read()


if __name__ == "__main__":
    main()
