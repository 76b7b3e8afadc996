"""A host with the monitoring of a page: ``python -m tests.reporting.monitored_host COMMAND``.

It prints as JSON what the watching library has been told.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import ModuleType
from typing import Any

import django
from celery import Celery
from celery.contrib.testing.worker import start_worker
from django.core.management import CommandError, call_command

from tests.commands.running import wait_until
from tests.tutorial.document import block


@contextmanager
def worker(app: Celery) -> Iterator[None]:
    """Run a worker in a thread of this process, over a broker in its memory.

    Its level becomes that of the process, and Sentry lives on records at ERROR.
    """
    with start_worker(app, pool="solo", perform_ping_check=False, loglevel="ERROR"):
        yield


def host() -> Celery:
    app = Celery("host")
    app.config_from_object("django.conf:settings", namespace="CELERY")
    django.setup()
    app.autodiscover_tasks(force=True)
    return app


def module_of(name: str, page: str, heading: str, number: int = 1) -> ModuleType:
    """Import a block of a page as the module that it is in a host's project."""
    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(block(page, heading, "python", number).code, name, "exec"), vars(module))
    return module


def tracing() -> list[dict[str, Any]]:
    """Return the spans of a drain, in a process that traces httpx as well."""
    from opentelemetry import trace
    from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter, provider = InMemorySpanExporter(), TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    HTTPXClientInstrumentor().instrument()
    app = host()
    module_of("config.celery", "how-to/opentelemetry.md", "The tasks")

    from django_liveactivity import services

    def spans() -> list[str]:
        return [span.name for span in exporter.get_finished_spans()]

    with worker(app):
        services.end_activity(stream_key="order-42")
        wait_until(lambda: "run/django_liveactivity.drain" in spans() and "DELETE" in spans())
    return [json.loads(span.to_json()) for span in exporter.get_finished_spans()]


class Envelopes(BaseHTTPRequestHandler):
    """Sentry, as far as an SDK sees it."""

    received: list[dict[str, Any]] = []

    def do_POST(self) -> None:
        from sentry_sdk.envelope import Envelope

        body = self.rfile.read(int(self.headers["Content-Length"]))
        is_packed = self.headers["Content-Encoding"] == "gzip"
        for item in Envelope.deserialize(gzip.decompress(body) if is_packed else body).items:
            self.received.append({"type": item.type, "item": json.loads(item.get_bytes())})
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Keep quiet."""


def crons() -> list[dict[str, Any]]:
    """Return what Sentry gets of beat's tasks, and of the command for cron: well, then not."""
    from celery.beat import Service

    sentry = ThreadingHTTPServer(("127.0.0.1", 0), Envelopes)
    threading.Thread(target=sentry.serve_forever, daemon=True).start()
    os.environ["SENTRY_DSN"] = f"http://public@127.0.0.1:{sentry.server_port}/1"
    page = "how-to/sentry.md"
    app = host()
    module_of("deployments.tasks", page, "With Celery", 2)
    command = module_of("check_liveactivities", page, "With the loop").Command()

    import sentry_sdk

    from django_liveactivity import services
    from tests.clock import advance

    def checked_in(slug: str) -> list[str]:
        sentry_sdk.flush()
        items = [each["item"] for each in Envelopes.received if each["type"] == "check_in"]
        return [item["status"] for item in items if item["monitor_slug"] == slug]

    with worker(app):
        scheduler = Service(app, schedule_filename=os.environ["BEAT_FILE"]).get_scheduler()
        for name in ("liveactivity-sweep", "liveactivity-reconcile", "liveactivity-health"):
            scheduler.apply_entry(scheduler.schedule[name])
        for slug in ("liveactivity-reconcile", "liveactivity-health"):
            wait_until(lambda slug=slug: len(checked_in(slug)) == 2)
        scheduler.close()
    call_command(command)
    services.end_activity(stream_key="order-42")  # and no worker is left
    advance(301)
    try:
        call_command(command)
    except CommandError:
        sentry_sdk.flush()
    return Envelopes.received


if __name__ == "__main__":
    json.dump({"tracing": tracing, "crons": crons}[sys.argv[1]](), sys.stdout)
    sys.stdout.flush()
    os._exit(0)  # Celery's threads have no end of their own
